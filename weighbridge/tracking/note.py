"""A run in Markdown, for the overview of MLflow's page of it: the verdict, what refused, the gates."""

from weighbridge.report.evidence import Evidence
from weighbridge.report.gate_groups import ORDER, Line, counts_text, group_gates
from weighbridge.report.markdown import escaped
from weighbridge.report.text import short_digest
from weighbridge.report.worth import worth_text

LONGEST = 4900
"""Characters: a tag of an older server takes 5000."""

_MARKS = {"refused": "✗", "warning": "!", "passed": "✓", "not_compared": "○", "failed": "✗"}
_NO_BREAK = "\u00a0"
_MOST_MESSAGES = 5
_REST = "\n\nEverything is in `report.html` and `verdict.json`, among the artifacts."


def note(told: str, state: str, error: str, evidence: Evidence) -> str:
    """The note of a run; as many gates as there is room for, those that refuse first.

    Args:
        told: which kind of run it was, in words.
        state: `passed`, `refused` or `failed`.
        error: that it ended in.
        evidence: its verdict among it.
    """
    verdict = evidence.verdict
    counts = f": {counts_text(verdict)}" if verdict.gates else ""
    blocks = [f"**{_MARKS.get(state, '○')} {state.upper()}** {escaped(told)} of {escaped(verdict.pipeline)}{counts}."]
    if error:
        blocks.append(f"**{escaped(error)}**")
    told_of = [*verdict.refusals, *verdict.warnings][:_MOST_MESSAGES]
    blocks.append("\n".join(f"- **{escaped(gate.name)}**: {escaped(gate.message)}" for gate in told_of))
    if evidence.delivered is not None and (evidence.delivered.destination or verdict.passed):
        words, address = evidence.delivered.told(passed=verdict.passed)
        blocks.append(f"Model: {escaped(words)} {escaped(address)}".rstrip())
    blocks.append(escaped(worth_text(verdict)))
    bound = {"verdict": verdict.digest, **dict(sorted(verdict.subject.items()))} if verdict.gates else {}
    weighed = ", ".join(f"{escaped(name)} `{short_digest(value)}`" for name, value in bound.items() if ":" in value)
    end = (f"\n\nWeighed: {weighed}" if weighed else "") + _REST
    text = "\n\n".join(filter(None, blocks))[: LONGEST - len(end)]
    return text + _table(evidence, LONGEST - len(text) - len(end)) + end


def _table(evidence: Evidence, room: int) -> str:
    """The gates that fit in so many characters."""
    lines = [(group.name, line) for group in group_gates(evidence.verdict.gates) for line in group.lines]
    lines.sort(key=lambda pair: ORDER[pair[1].state])
    head = "\n\n| | gate | observed | allowed | production |\n|:---|:---|:---|:---|:---|"
    text, shown = head, 0
    for group, line in lines:
        row = _row(group, line)
        if len(text) + len(row) + len(_more(len(lines))) > room:
            break
        text, shown = text + row, shown + 1
    if not shown:
        return ""
    return text + (_more(len(lines) - shown) if shown < len(lines) else "")


def _more(number: int) -> str:
    return f"\n\n… and {number:,} more lines."


def _row(group: str, line: Line) -> str:
    name = line.name if group == line.name else f"{group}.{line.name}"
    several = f" ({len(line.gates)} gates)" if len(line.gates) > 1 else ""
    observed = f"{line.observed} ({line.interval})" if line.interval else line.observed
    values = (escaped(text).replace(" ", _NO_BREAK) for text in (observed, line.allowed, line.production))
    cells = [f"{line.mark}{_NO_BREAK}{line.word.replace(' ', _NO_BREAK)}", f"{escaped(name)}{several}", *values]
    return f"\n| {' | '.join(cells)} |"
