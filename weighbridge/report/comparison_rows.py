"""A comparison of two runs as sections of rows of text, which the card, Markdown and the page draw."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from weighbridge.evidence.base import Interval
from weighbridge.report.comparison import Fact, GateChange, Measure, RunComparison, Side
from weighbridge.report.gate_groups import MARKS, UNDECIDED
from weighbridge.report.tables import interval_text
from weighbridge.report.text import (
    bytes_text,
    count,
    cut,
    number_text,
    one_line,
    seconds_text,
    short_digest,
    signed_text,
    value_text,
)

MARK = "*"
LEGEND = (
    f"{MARK} changed; of what was measured: more than chance, by its intervals. Of many slices a few differ by chance."
)
NOTHING = "–"
_MOVED = 0.001  # of a distance: below it lie two random halves of the same rows
_FEATURES = 8
_SLICES = 10
_GATES = 20
_LONGEST = 60
_COMMIT = 40  # hex digits


@dataclass(frozen=True)
class Row:
    """One line: whether it changed, its name, both values, and the difference or what there is to say besides."""

    changed: bool
    name: str
    before: str
    after: str
    change: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the comparison.

    Attributes:
        title: of the part.
        rows: that it shows.
        note: what its rows leave out.
        heads: over the two values and the difference.
    """

    title: str
    rows: tuple[Row, ...]
    note: str = ""
    heads: tuple[str, str, str] = ("", "", "")


def comparison_sections(comparison: RunComparison, *, everything: bool = False) -> list[Section]:
    """The sections, the runs themselves first; one without rows or note is left out.

    Args:
        comparison: of two runs.
        everything: also what is the same, and all slices.
    """
    found = [
        Section("runs", _runs(comparison.before, comparison.after), heads=("before", "after", "")),
        _facts("data", comparison.data, everything),
        _features(comparison, everything),
        _facts("code", comparison.code, everything),
        _facts("parameters", comparison.parameters, everything),
        _thresholds(comparison, everything),
        _gates(comparison.gates, everything),
        _measures("metrics", comparison.metrics),
        _slices(comparison.slices, everything),
        _measures("latency", comparison.latency),
    ]
    return [section for section in found if section.rows or section.note]


def comparison_text(comparison: RunComparison) -> str:
    """What changed, as plain lines."""
    lines = [headline(comparison)]
    for section in comparison_sections(comparison):
        lines += ["", f"{section.title}  {section.note}".rstrip()]
        for row in section.rows:
            mark = MARK if row.changed else " "
            lines.append(f"{mark} {row.name}: {row.before} → {row.after}  {row.change}".rstrip())
    return "\n".join(map(one_line, [*lines, "", *comparison.notes, LEGEND]))


def headline(comparison: RunComparison) -> str:
    """What differs, in one line: `data, code of Trainer, epochs changed; auc -0.02899`."""
    code = [fact.name for fact in comparison.code if fact.changed and fact.name not in ("commit", "definition")]
    facts = [
        *["data"] * any(fact.changed for fact in comparison.data),
        *code,
        *(fact.name for fact in comparison.parameters if fact.changed),
        *(f"thresholds of {fact.name}" for fact in comparison.sections if fact.changed),
    ]
    parts = [f"{_listed(facts)} changed"] if facts else ["nothing that they were made of changed"]
    apart = [f"{measure.name} {signed_text(measure.change)}" for measure in comparison.metrics if measure.apart]
    if apart:
        parts.append(_listed(apart))
    elif any(measure.change is not None for measure in comparison.metrics):
        parts.append("no metric differs by more than chance")
    return "; ".join(parts)


def _listed(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _runs(before: Side, after: Side) -> tuple[Row, ...]:
    def row(name: str, of: Callable[[Side], str]) -> Row:
        values = of(before), of(after)
        return Row(values[0] != values[1] and name in ("pipeline", "ended"), name, *values)

    rows = [
        row("run", lambda side: side.run_id),
        row("pipeline", lambda side: side.pipeline),
        row("kind", lambda side: side.kind),
        row("ended", _ended),
        row("started (UTC)", lambda side: f"{side.started:%Y-%m-%d %H:%M}"),
        row("took", lambda side: seconds_text(side.seconds)),
    ]
    shown = before.pipeline != after.pipeline, before.kind != after.kind
    return tuple(each for each, so in zip(rows, (True, *shown, True, True, True), strict=True) if so)


def _ended(side: Side) -> str:
    if side.state == "refused":
        more = f" +{len(side.refused_by) - 1}" if len(side.refused_by) > 1 else ""
        return f"{MARKS['refused']} refused: {next(iter(side.refused_by), '')}{more}"
    if side.state == "passed":
        return f"{MARKS['passed']} passed"
    return f"{side.state}: {cut(side.error, _LONGEST)}" if side.error else side.state


def _facts(title: str, facts: Sequence[Fact], everything: bool) -> Section:
    shown = [fact for fact in facts if everything or fact.changed]
    same = len(facts) - len(shown)
    note = ""
    if same:
        note = f"{same} others are the same" if shown else f"the same ({_same(title, facts)})"
    rows = (
        Row(fact.changed, fact.name, _value(fact.before), _value(fact.after), fact.note if fact.changed else "")
        for fact in shown
    )
    return Section(title, tuple(rows), note)


def _same(title: str, facts: Sequence[Fact]) -> str:
    """What is the same, in short: rows, or the commit, or how many there are."""
    told = [f"{_value(fact.after)} {fact.name}" for fact in facts if fact.name in ("rows train", "rows eval")]
    told += [f"commit {_value(fact.after)}" for fact in facts if fact.name == "commit"]
    return ", ".join(told) or count(len(facts), title.removesuffix("s"))


def _value(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool | int | float) or value == "":
        return value_text(value)
    text = str(value)
    commit, plus, dirty = text.partition("+")
    if len(commit) == _COMMIT and all(digit in "0123456789abcdef" for digit in commit):
        return f"{commit[:12]}{plus}{dirty}"
    return cut(short_digest(text), _LONGEST)


def _features(comparison: RunComparison, everything: bool) -> Section:
    if not comparison.features:
        return Section("features", ())
    moved = [each for each in comparison.features if everything or each.value is None or each.value > _MOVED]
    shown = moved if everything else moved[:_FEATURES]
    rows = tuple(
        Row(True if each.value is None else each.value > _MOVED, each.feature, number_text(each.value), "", each.note)
        for each in shown
    )
    more = len(moved) - len(shown)
    notes = [f"{more} more moved by more than {_MOVED}"] * bool(more)
    if not shown:
        notes = [f"none of {len(comparison.features)} moved by more than {_MOVED} (Jensen-Shannon, 0 to 1)"]
    return Section("features", rows, "; ".join(notes), heads=("distance", "", ""))


def _thresholds(comparison: RunComparison, everything: bool) -> Section:
    changed = [gate for gate in comparison.gates if gate.threshold_changed]
    rows = [Row(True, gate.name, *(_threshold(gate, after) for after in (False, True))) for gate in changed]
    told = {gate.name.partition(".")[0] for gate in changed}
    rows += [
        Row(True, f"{fact.name} (section)", _value(fact.before), _value(fact.after))
        for fact in comparison.sections
        if fact.changed and (everything or fact.name not in told)
    ]
    note = "" if rows or not comparison.sections else "the same"
    return Section("thresholds", tuple(rows), note)


def _threshold(gate: GateChange, after: bool) -> str:
    value, severity = (
        (gate.threshold_after, gate.severity_after) if after else (gate.threshold_before, gate.severity_before)
    )
    changed = gate.severity_before != gate.severity_after
    sign = {"min": "≥ ", "max": "≤ "}.get(gate.name.rpartition(".")[2].partition("_")[0], "")
    return f"{sign}{value_text(value, gate.unit)}{f', {severity}' if changed else ''}"


def _gates(gates: Sequence[GateChange], everything: bool) -> Section:
    changed = [gate for gate in gates if gate.status_changed and not _only_compared(gate)]
    apart = [gate for gate in gates if not gate.in_both]
    shown = list(gates) if everything else changed[:_GATES]
    rows = tuple(
        Row(
            gate.status_changed,
            gate.name,
            _status(gate.status_before, gate.observed_before, gate.unit),
            _status(gate.status_after, gate.observed_after, gate.unit),
        )
        for gate in shown
    )
    notes = [] if everything else _gate_notes(gates, changed, apart)
    return Section("gates", rows, "; ".join(notes))


def _only_compared(gate: GateChange) -> bool:
    """Whether it only had nothing to compare with, and passed in the other run."""
    return {gate.status_before, gate.status_after} == {"passed", "not_compared"}


def _gate_notes(
    gates: Sequence[GateChange], changed: Sequence[GateChange], apart: Sequence[GateChange]
) -> Iterable[str]:
    if len(changed) > _GATES:
        yield f"{len(changed) - _GATES} more ended otherwise"
    same = sum(gate.in_both for gate in gates) - len(changed)
    if same:
        yield f"{count(same, 'gate')} ended the same" if not changed else f"{same} others ended the same"
    for side, listed in (
        ("first", [gate for gate in apart if gate.status_after is None]),
        ("second", [gate for gate in apart if gate.status_before is None]),
    ):
        if listed:
            yield f"{count(len(listed), 'gate')} in the {side} run alone"


def _status(status: str | None, observed: Any, unit: str) -> str:
    if status is None:
        return "not reached"
    value = "" if observed is None else f" {value_text(observed, unit)}"
    if status == "inconclusive":
        return f"{UNDECIDED} undecided{value}"
    mark = MARKS["passed"] if status == "passed" else MARKS["not_compared"] if status == "not_compared" else "✗"
    return f"{mark} {status.replace('_', ' ')}{value}"


def _slices(slices: Sequence[Measure], everything: bool) -> Section:
    both = sum(each.change is not None for each in slices)
    if not (both or everything):
        return Section("slices", ())
    apart = sorted((each for each in slices if each.apart), key=lambda each: -abs(each.change or 0.0))
    shown = list(slices) if everything else apart[:_SLICES]
    note = f"{len(apart)} of {both} values on slices differ by more than chance"
    if len(apart) > len(shown):
        note += f", the {len(shown)} largest differences are listed"
    return _measures("slices", shown, note)


def _measures(title: str, measures: Sequence[Measure], note: str = "") -> Section:
    pairs = any(measure.paired is not None for measure in measures)
    of_calls = any(measure.unit for measure in measures)
    head = ("ratio, side by side" if of_calls else "difference, in pairs") if pairs else "difference"
    return Section(title, tuple(map(_measure, measures)), note, heads=("", "", head))


def _measure(measure: Measure) -> Row:
    name = f"{measure.slice} {measure.name}".strip()
    values = (_interval(measure.before, measure.unit), _interval(measure.after, measure.unit))
    same = measure.before == measure.after
    return Row(bool(measure.apart) and not same, name, *values, "" if same else _signed(measure))


def _interval(value: Interval | None, unit: str) -> str:
    if unit == "bytes":
        return bytes_text(value.value if value else None)
    return interval_text(value, unit)


def _signed(measure: Measure) -> str:
    """The difference: in pairs where the two models were measured side by side, else of the two values."""
    if measure.paired is not None and measure.paired.value is not None:
        return interval_text(measure.paired, "x" if measure.unit else "", signed=not measure.unit)
    if measure.change is None:
        return ""
    if measure.unit == "bytes":
        return f"{'+' if measure.change > 0 else '-' if measure.change < 0 else ''}{bytes_text(abs(measure.change))}"
    return f"{signed_text(measure.change)} {measure.unit}".rstrip()
