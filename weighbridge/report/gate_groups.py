"""Gates as people read them: by group, the refused ones first, many passed ones of one kind as a single line."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from weighbridge.report import worth
from weighbridge.report.text import count, value_text
from weighbridge.verdict import Gate, Verdict

State = Literal["refused", "warning", "passed", "not_compared"]

MARKS: dict[State, str] = {"refused": "✗", "warning": "!", "passed": "✓", "not_compared": "○"}
UNDECIDED = "?"

ORDER: dict[State, int] = {"refused": 0, "warning": 1, "passed": 2, "not_compared": 3}
# This many gates of a kind that stand in nobody's way are still a list; more are one line.
_LISTED = 3
MOST_LINES = 100  # of a group; nobody reads more, and pages of all would be many megabytes


@dataclass(frozen=True)
class Line:
    """One line of a table of gates: a gate, or several of a kind that all passed or all compared nothing.

    Attributes:
        state: refused, warning (does not let the model through, but does not block either), passed or not_compared.
        name: the gate's name without its group; `*` stands for what differs between the gates of a kind.
        gates: the gates of the line.
    """

    state: State
    name: str
    gates: tuple[Gate, ...]

    @property
    def word(self) -> str:
        """How the line's gates ended, for people: refused, undecided, unmeasured, warning, passed, not compared."""
        return word_of(self.gates[0])

    @property
    def mark(self) -> str:
        """`✗`, `?` (undecided, and refuses), `!`, `✓` or `○`."""
        return mark_of(self.gates[0])

    @property
    def icon(self) -> str:
        """Name of the drawn mark."""
        return "undecided" if self.mark == UNDECIDED else self.state

    @property
    def observed(self) -> str:
        """What was measured; of several gates, from the least to the most."""
        if len(self.gates) == 1:
            return value_text(self.gates[0].observed, self.gates[0].unit)
        values = [gate.observed for gate in self.gates]
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        units = {gate.unit for gate in self.gates}
        if len(numbers) == len(values) and len(units) == 1:
            low, high, unit = min(numbers), max(numbers), units.pop()
            least = value_text(low, unit if unit == "bytes" else "")
            return value_text(high, unit) if low == high else f"{least} – {value_text(high, unit)}"
        texts = {value_text(gate.observed, gate.unit) for gate in self.gates}
        return texts.pop() if len(texts) == 1 else "various"

    @property
    def allowed(self) -> str:
        """What is allowed."""
        texts = {_allowed(gate) for gate in self.gates}
        return texts.pop() if len(texts) == 1 else "each its own"

    @property
    def production(self) -> str:
        """The same quantity of what is in production; `–` for several gates at once."""
        gate = self.gates[0]
        if len(self.gates) > 1:
            return "–"
        # A ratio has no unit of its own, so production's value, in a unit not known here, stands bare.
        return value_text(gate.baseline, "" if gate.unit == "x" else gate.unit)

    @property
    def interval(self) -> str:
        """The interval that decided: `0.931 to 0.953`; empty where none did, and of several gates."""
        return worth.ends_text(self.gates[0]) if len(self.gates) == 1 else ""

    @property
    def false_refusal(self) -> str:
        """How often a model as good as production would not pass: `12%`; of several gates the most."""
        return worth.rates_range(self.gates, "false_refusal")

    @property
    def false_pass(self) -> str:
        """How often a model exactly at the threshold would pass; of several gates the most."""
        return worth.rates_range(self.gates, "false_pass")

    @property
    def rates(self) -> str:
        """How often such a gate is wrong, as a sentence; empty where that is not known, and of several gates."""
        return worth.rates_text(self.gates[0]) if len(self.gates) == 1 else ""

    @property
    def message(self) -> str:
        """The gate's sentence; nothing of several gates."""
        return self.gates[0].message if len(self.gates) == 1 else ""


@dataclass(frozen=True)
class GateGroup:
    """The gates whose names begin with the same word: data, quality, latency.

    Attributes:
        name: the word.
        lines: what is shown of them, worst first.
        hidden: what is not, where thousands of features each refuse.
    """

    name: str
    lines: tuple[Line, ...]
    hidden: tuple[Line, ...] = ()

    @property
    def summary(self) -> str:
        """`1 refused, 1 undecided, 8 passed, 2 not compared`."""
        numbers: dict[str, int] = {}
        for line in (*self.lines, *self.hidden):
            numbers[line.word] = numbers.get(line.word, 0) + len(line.gates)
        return ", ".join(f"{number} {word}" for word, number in numbers.items())

    @property
    def rated(self) -> bool:
        """Whether any gate that is shown says how often it is wrong."""
        return any(gate.rates is not None for line in self.lines for gate in line.gates)

    @property
    def sampled(self) -> bool:
        """Whether the interval of any gate is shown."""
        return any(line.interval for line in self.lines)

    @property
    def more(self) -> str:
        """`… and 19,900 more gates, all in verdict.json`; empty where all are shown."""
        hidden = sum(len(line.gates) for line in self.hidden)
        return f"… and {hidden:,} more {'gate' if hidden == 1 else 'gates'}, all in verdict.json" if hidden else ""


def state_of(gate: Gate) -> State:
    """How a gate counts: for the verdict, and for the place and the mark that it gets in a report."""
    if gate.status in ("passed", "not_compared"):
        return gate.status
    return "refused" if gate.refuses else "warning"


def word_of(gate: Gate) -> str:
    """How a gate ended, for people; the message of one that only warns says what is the matter."""
    if state_of(gate) == "warning":
        return "undecided (warning)" if gate.status == "inconclusive" else "warning"
    return "undecided" if gate.status == "inconclusive" else gate.status.replace("_", " ")


def mark_of(gate: Gate) -> str:
    """The mark of a gate: that of its state, but for one that is undecided and refuses."""
    return UNDECIDED if gate.refuses and gate.status == "inconclusive" else MARKS[state_of(gate)]


def counts_text(verdict: Verdict) -> str:
    """What a headline says of the gates.

    `33 gates weighed, 19 had nothing to compare with`, or `3 of 52 gates refused (1 undecided, 1 unmeasured)`.
    """
    compared_nothing = len(verdict.not_compared)
    aside = f"{compared_nothing:,} had nothing to compare with" if compared_nothing else ""
    if verdict.refusals:
        total = count(len(verdict.gates) - compared_nothing, "gate")
        words = [word_of(gate) for gate in verdict.refusals]
        otherwise = ", ".join(f"{words.count(word):,} {word}" for word in ("undecided", "unmeasured") if word in words)
        refused = f"{len(verdict.refusals):,} of {total} refused" + (f" ({otherwise})" if otherwise else "")
        return ", ".join(filter(None, [refused, aside]))
    if not verdict.weighed:
        return ": ".join(filter(None, ["no gate weighed anything", aside]))
    return f"{count(len(verdict.weighed), 'gate')} weighed, {aside or 'none refused'}"


def group_of(gate: Gate) -> str:
    """The group a gate stands in: the first word of its name."""
    return gate.name.partition(".")[0]


def group_gates(gates: Iterable[Gate], collapse: bool = True) -> list[GateGroup]:
    """Group gates by the first word of their names.

    Groups with refusals come first, then those with warnings, else in the order of the steps. So do the lines of a
    group; there, what compared nothing comes last.

    Args:
        gates: in the order of the steps.
        collapse: make one line of more than three gates whose names differ in one word, if all of them passed or all
            of them compared nothing.
    """
    grouped: dict[str, list[Gate]] = {}
    for gate in gates:
        grouped.setdefault(group_of(gate), []).append(gate)
    lines = {name: tuple(_lines(listed, collapse)) for name, listed in grouped.items()}
    found = [GateGroup(name, each[:MOST_LINES], each[MOST_LINES:]) for name, each in lines.items()]
    return sorted(found, key=lambda group: min(min(ORDER[line.state], ORDER["passed"]) for line in group.lines))


def _allowed(gate: Gate) -> str:
    sign = gate.allowed[:2] if gate.allowed[:1] in ("≥", "≤") else ""
    return f"{sign}{value_text(gate.threshold, gate.unit)}"


def _lines(gates: list[Gate], collapse: bool) -> list[Line]:
    kinds: dict[State, dict[str, str]] = {}
    for state in ("passed", "not_compared") if collapse else ():
        kinds[state] = _kinds([gate for gate in gates if gate.status == state])
    grouped: dict[tuple[str, State, int], list[Gate]] = {}
    for position, gate in enumerate(gates):
        state = state_of(gate)
        kind = kinds.get(state, {}).get(gate.name)
        grouped.setdefault((kind, state, -1) if kind else (gate.name, state, position), []).append(gate)
    lines = [Line(state, _inner_name(name), tuple(found)) for (name, state, _), found in grouped.items()]
    return sorted(lines, key=lambda line: ORDER[line.state])


def _kinds(gates: list[Gate]) -> dict[str, str]:
    """The kind of each gate that has more than three of its kind: its name with one word replaced by `*`."""
    members: dict[str, list[str]] = {}
    for gate in gates:
        for masked in _masked(gate.name):
            members.setdefault(masked, []).append(gate.name)
    kinds: dict[str, str] = {}
    for kind, names in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):
        free = [name for name in names if name not in kinds]
        if len(free) > _LISTED:
            kinds |= dict.fromkeys(free, kind)
    return kinds


def _masked(name: str) -> list[str]:
    """`a.b.c` as `a.*.c`: every word between the group and the rule may be the one that differs."""
    words = name.split(".")
    return [".".join([*words[:place], "*", *words[place + 1 :]]) for place in range(1, len(words) - 1)]


def _inner_name(name: str) -> str:
    return name.partition(".")[2] or name
