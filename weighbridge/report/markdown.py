"""The verdict as Markdown, for a pull request's comment: headline, what to do, gates, change against production."""

import re
from collections.abc import Iterable

from weighbridge.evidence.metrics import Metric
from weighbridge.report.evidence import Evidence
from weighbridge.report.gate_groups import MARKS, MOST_LINES, ORDER, Line, counts_text, group_gates
from weighbridge.report.rollout import rollout_rows
from weighbridge.report.text import count, number_text, one_line, short_digest, signed_text
from weighbridge.report.worth import worth_text
from weighbridge.verdict import Verdict

# All that could begin emphasis, code, links, images, HTML, cells or mentions. Inside a word `_` is harmless.
_SPECIAL = re.compile(r"[&<>|\\`*\[\]~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")

# A comment should stay readable; the HTML report has all slices.
_METRICS = 40
_RATES = ("refuses equal", "passes at limit")


def render_markdown(evidence: Evidence) -> str:
    """The evidence as GitHub-flavoured Markdown; every string from data is escaped.

    Where gates decide by samples their table says how often each would refuse a model as good as production, and pass
    one that lies exactly at the threshold.
    """
    verdict = evidence.verdict
    blocks = [
        f"## {MARKS[verdict.outcome]} {verdict.outcome.upper()}",
        f"{escaped(verdict.pipeline)}, run {_code(verdict.run_id)}: {_summary(verdict)}.",
        _model(evidence),
        _listed([f"- **{_code(gate.name)}**: {escaped(gate.message)}" for gate in verdict.refusals]),
        _listed([f"- warning {_code(gate.name)}: {escaped(gate.message)}" for gate in verdict.warnings]),
        escaped(worth_text(verdict)),
        _rollout(evidence),
        "### Gates\n\n" + _gates(verdict),
        _metrics(evidence),
        _subject(verdict),
        "\n".join(f"- note: {escaped(note)}" for note in evidence.notes),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escaped(text: object) -> str:
    """Text from data in one line, with nothing left that Markdown or HTML would act on."""
    line = _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", one_line(text))
    # A blank without width keeps whoever bears a name from being notified, and a host from becoming a link.
    return line.replace("@", "@\u200b").replace("://", ":\u200b//").replace("www.", "www\u200b.")


def _summary(verdict: Verdict) -> str:
    return counts_text(verdict) + (f", {count(len(verdict.warnings), 'warning')}" if verdict.warnings else "")


def _listed(lines: list[str]) -> str:
    more = len(lines) - MOST_LINES
    return "\n".join([*lines[:MOST_LINES], *([f"- … and {more:,} more, all in verdict.json"] if more > 0 else [])])


def _model(evidence: Evidence) -> str:
    if evidence.delivered is None:
        return ""
    words, address = evidence.delivered.told(passed=evidence.verdict.passed)
    return f"Model: {escaped(words)} {_code(address) if address else ''}".rstrip()


def _rollout(evidence: Evidence) -> str:
    """What happened to a live canary, and why."""
    if not evidence.rollout:
        return ""
    rows = ([escaped(cell) for cell in row[1:]] for row in rollout_rows(evidence.rollout))
    return "### The canary, step by step\n\n" + _table(
        ("when (UTC)", "share", "what", "requests", "why"), "lrlrl", rows
    )


def _gates(verdict: Verdict) -> str:
    groups = group_gates(verdict.gates)
    lines = [(group.name, line) for group in groups for line in group.lines]
    lines.sort(key=lambda pair: ORDER[pair[1].state])
    heads = ("", "gate", "observed", "allowed", "production", *(_RATES if any(group.rated for group in groups) else ()))
    rows = (_gate_row(group, line)[: len(heads)] for group, line in lines)
    table = _table(heads, "l" * len(heads), rows)
    more = [f"{escaped(group.name)}: {group.more}" for group in groups if group.more]
    return "\n\n".join([table.rstrip("\n"), *more]) if more else table


def _gate_row(group: str, line: Line) -> list[str]:
    several = f" ({len(line.gates)} gates)" if len(line.gates) > 1 else ""
    name = line.name if group == line.name else f"{group}.{line.name}"
    observed = f"{line.observed} ({line.interval})" if line.interval else line.observed
    values = map(escaped, (observed, line.allowed, line.production, line.false_refusal, line.false_pass))
    return [f"{line.mark} {line.word}", f"{_code(name)}{several}", *values]


def _metrics(evidence: Evidence) -> str:
    if evidence.metrics is None or not evidence.metrics.metrics:
        return ""
    found = sorted(evidence.metrics.metrics, key=lambda metric: metric.slice != "")
    overall = sum(metric.slice == "" for metric in found)
    listed = found[: max(_METRICS, overall)]
    table = _table(
        ("metric", "slice", "rows", "candidate", "production", "change"), "llrrrr", (_metric_row(one) for one in listed)
    )
    left = len(found) - len(listed)
    more = f"\n\n{count(left, 'more row')} in the HTML report." if left else ""
    return f"### Quality against production\n\n{table}{more}"


def _metric_row(metric: Metric) -> list[str]:
    production, change = metric.production, metric.change
    interval = (
        f" ({number_text(change.low)} to {signed_text(change.high)})" if change and change.low is not None else ""
    )
    return [
        escaped(metric.name),
        escaped(metric.slice or "all rows"),
        number_text(metric.rows),
        number_text(metric.value),
        number_text(production.value if production else None),
        signed_text(change.value) + interval if change else "–",
    ]


def _subject(verdict: Verdict) -> str:
    bound = {"verdict": verdict.digest, **dict(sorted(verdict.subject.items()))}
    return "Weighed: " + ", ".join(f"{escaped(name)} {_code(short_digest(value))}" for name, value in bound.items())


def _table(head: Iterable[str], align: str, rows: Iterable[list[str]]) -> str:
    rules = ["--:" if side == "r" else "---" for side in align]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (list(head), rules, *rows))


def _code(text: str) -> str:
    """Code, where the text can be written as such; else plain text that is escaped."""
    line = one_line(text)
    return f"`{line}`" if line and not re.search(r"[`|\\]", line) else escaped(line)
