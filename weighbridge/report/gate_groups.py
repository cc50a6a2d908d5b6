"""Gates as people read them: by group, the refused ones first, many passed ones of one kind as a single line."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from weighbridge.report.text import value_text
from weighbridge.verdict import Gate

State = Literal["refused", "warning", "passed"]

MARKS: dict[State, str] = {"refused": "✗", "warning": "!", "passed": "✓"}
WORDS: dict[State, str] = {"refused": "refused", "warning": "warning", "passed": "passed"}

_ORDER: dict[State, int] = {"refused": 0, "warning": 1, "passed": 2}
# This many passed gates of a kind are still a list; more are one line.
_LISTED = 3


@dataclass(frozen=True)
class Line:
    """One line of a table of gates: a gate, or several passed ones of a kind.

    Attributes:
        state: refused, warning (refused, but does not block) or passed.
        name: the gate's name without its group; `*` stands for what differs between the gates of a kind.
        gates: the gates of the line.
    """

    state: State
    name: str
    gates: tuple[Gate, ...]

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
        shown = {value_text(gate.observed, gate.unit) for gate in self.gates}
        return shown.pop() if len(shown) == 1 else "various"

    @property
    def allowed(self) -> str:
        """What is allowed."""
        shown = {_allowed(gate) for gate in self.gates}
        return shown.pop() if len(shown) == 1 else "each its own"

    @property
    def production(self) -> str:
        """The same quantity of what is in production; not told of several gates at once."""
        gate = self.gates[0]
        if len(self.gates) > 1:
            return "–"
        # A ratio has no unit of its own, so production's value, in a unit not known here, stands bare.
        return value_text(gate.baseline, "" if gate.unit == "x" else gate.unit)

    @property
    def message(self) -> str:
        """The gate's sentence; nothing of several gates."""
        return self.gates[0].message if len(self.gates) == 1 else ""


@dataclass(frozen=True)
class GateGroup:
    """The gates whose names begin with the same word: data, quality, latency."""

    name: str
    lines: tuple[Line, ...]

    def number(self, state: State) -> int:
        """How many gates ended so."""
        return sum(len(line.gates) for line in self.lines if line.state == state)

    @property
    def summary(self) -> str:
        """`1 refused, 8 passed`."""
        return ", ".join(f"{number} {WORDS[state]}" for state in _ORDER if (number := self.number(state)))


def state_of(gate: Gate) -> State:
    """How a gate ended."""
    return "passed" if gate.passed else "refused" if gate.refuses else "warning"


def group_of(gate: Gate) -> str:
    """The group a gate stands in: the first word of its name."""
    return gate.name.partition(".")[0]


def group_gates(gates: Iterable[Gate], collapse: bool = True) -> list[GateGroup]:
    """Group gates into groups.

    Rooms with refusals come first, then those with warnings, else in the order of the steps; so do the lines of a
    group.

    Args:
        gates: in the order of the steps.
        collapse: make one line of more than three passed gates whose names differ in one word.
    """
    grouped: dict[str, list[Gate]] = {}
    for gate in gates:
        grouped.setdefault(group_of(gate), []).append(gate)
    found = [GateGroup(name, tuple(_lines(listed, collapse))) for name, listed in grouped.items()]
    return sorted(found, key=lambda group: min(_ORDER[line.state] for line in group.lines))


def _allowed(gate: Gate) -> str:
    sign = gate.allowed[:2] if gate.allowed[:1] in ("≥", "≤") else ""
    return f"{sign}{value_text(gate.threshold, gate.unit)}"


def _lines(gates: list[Gate], collapse: bool) -> list[Line]:
    kinds = _kinds([gate for gate in gates if gate.passed]) if collapse else {}
    grouped: dict[tuple[str, int], list[Gate]] = {}
    for position, gate in enumerate(gates):
        kind = kinds.get(gate.name) if gate.passed else None
        grouped.setdefault((kind, -1) if kind else (gate.name, position), []).append(gate)
    lines = [Line(state_of(found[0]), _inner_name(name), tuple(found)) for (name, _), found in grouped.items()]
    return sorted(lines, key=lambda line: _ORDER[line.state])


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
