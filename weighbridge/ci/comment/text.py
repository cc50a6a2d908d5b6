"""The text of a comment: the verdict and what refused, quality against production, pictures, and folded all gates."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from weighbridge.ci.comment.reports import Report
from weighbridge.report.gate_groups import MARKS, counts_text
from weighbridge.report.markdown import escaped
from weighbridge.report.text import count, seconds_text

# GitHub takes 65,536 characters.
LIMIT = 65_000
# Of which what refuses may take so many: the rest is said by the pictures and the table.
_MOST_HEAD = 20_000
_CUT = "\n\nThe rest is in the HTML report of the build."


def marker(pipeline: str) -> str:
    """The invisible first line by which a pipeline's comment is found again."""
    return f"<!-- weighbridge-comment pipeline={quote(pipeline, safe='')} -->"


def comment_text(reports: Sequence[Report], pictures: Sequence[tuple[str, str]] = (), build: str = "") -> str:
    """The comment on a pipeline's runs in a build.

    Args:
        reports: of one pipeline, the latest first; that one is shown.
        pictures: title and address of each picture.
        build: address of the build's page; empty for none.

    Returns:
        GitHub-flavoured Markdown of at most `LIMIT` characters, `marker` first. Everything from data is escaped.
    """
    latest = reports[0]
    head, tables, rest = _parts(latest)
    overall, slices = _overall(tables.get("Quality against production", ""))
    shown = "\n\n".join(f"![{escaped(title)}]({address})" for title, address in pictures)
    blocks = [
        marker(latest.pipeline),
        _cut(head, _MOST_HEAD),
        _run_line(latest, build),
        f"### Quality against production\n\n{overall}" if overall else "",
        shown,
        _folded("Quality on slices", slices),
        _folded("All gates", tables.get("Gates", "")),
        _cut(rest, _MOST_HEAD // 4),
        _earlier(reports[1:]),
    ]
    # What is folded gives way first, the last of it before the rest.
    for place in (6, 5, 3):
        excess = sum(map(len, blocks)) + 2 * len(blocks) - LIMIT
        if excess > 0:
            blocks[place] = _shortened(blocks[place], max(len(blocks[place]) - excess, 0))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _parts(report: Report) -> tuple[str, dict[str, str], str]:
    """What a run's `report.md` begins with, its tables by their headings, and what stands below them."""
    if report.verdict is None or (report.record and report.record.state == "failed"):
        return _failed(report), {}, ""
    text, _, rest = report.markdown.partition("\n\nWeighed: ")
    head, *sections = re.split(r"\n\n### (?=[A-Z])", text)
    tables = {title: table for title, _, table in (section.partition("\n\n") for section in sections)}
    return head.strip(), tables, f"Weighed: {rest.strip()}" if rest else ""


def _failed(report: Report) -> str:
    record = report.record
    if record is None or record.state != "failed":
        why = "It was killed, or has not ended: see the log of the build."
    else:
        why = escaped(record.error) or "See the log of the build."
    return f"## {MARKS['refused']} FAILED\n\n{escaped(report.pipeline)}: the run failed. {why}"


def _run_line(report: Report, build: str) -> str:
    """What kind of run it was, how long it took, and where it is told in full."""
    record = report.record
    parts = [escaped(record.display_kind), seconds_text(record.seconds)] if record else []
    if build:
        parts.append(f"[build with the whole report]({build})")
    return " · ".join(parts)


def _overall(table: str) -> tuple[str, str]:
    """The table of metrics in two: on all rows, and on slices; empty where there are none."""
    lines = table.splitlines()
    head, rows = lines[:2], lines[2:]
    whole = [row for row in rows if row.split(" | ")[1:2] == ["all rows"]]
    slices = [row for row in rows if row not in whole]
    return "\n".join([*head, *whole]) if whole else "", "\n".join([*head, *slices]) if any(slices) else ""


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>" if text else ""


def _earlier(reports: Sequence[Report]) -> str:
    """A line for each earlier run of the build."""
    lines = []
    for report in reports[:10]:
        kind = escaped(report.record.display_kind) if report.record else "run"
        verdict = report.verdict
        said = f"{MARKS[verdict.outcome]} {counts_text(verdict)}" if verdict else f"{MARKS['refused']} no verdict"
        lines.append(f"- {kind}: {said}")
    left = f"\n- and {count(len(reports) - 10, 'earlier run')}" if len(reports) > 10 else ""
    return f"Before, in the same build:\n\n{chr(10).join(lines)}{left}" if lines else ""


def _cut(text: str, most: int) -> str:
    """As many whole lines of a text as `most` characters hold."""
    if len(text) <= most:
        return text
    return text[: most - len(_CUT)].rpartition("\n")[0] + _CUT


def _shortened(block: str, most: int) -> str:
    """A folded text in at most so many characters; nothing where they hold no line of it."""
    opening, closing = "\n\n", "\n\n</details>"
    if not block.endswith(closing):
        return _cut(block, most) if most > len(_CUT) else ""
    head, _, inner = block.removesuffix(closing).partition(opening)
    room = most - len(head) - len(opening) - len(closing)
    return f"{head}{opening}{_cut(inner, room)}{closing}" if room > 4 * len(_CUT) else ""
