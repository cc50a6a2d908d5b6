"""Whether thresholds are at least as strict as others: key by key, each in the direction in which it is strict.

A key that has no direction must be the same, and so must one that this file does not know: nothing is taken for strict
because nobody thought of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from weighbridge.components.evaluator.metric_gates import SliceGates
from weighbridge.verdict import Section
from weighbridge.verdict.bounds import RULES

Direction = Literal["higher", "lower", "ranked", "equal", "free"]

# By the name of a section's field; what is neither here nor a rule, nor holds others, must be the same.
_DIRECTIONS: dict[str, Direction] = {
    "max_quarantined_fraction": "lower",
    "min_distinct": "higher",
    "max_missing_fraction": "lower",
    "false_pass": "lower",
    "miss": "lower",
    "rate_rps": "higher",
    "servers": "lower",
    "timeout_ms": "lower",
    "limit_ms": "lower",
    "limit_errors": "lower",
    "max_lag": "lower",
    "headroom": "higher",
    "cost_per_hour": "higher",
    "severity": "ranked",
    "anomalies": "ranked",
    "changed_spans": "ranked",
    "small": "ranked",
    "on_undecided": "ranked",
    "attempts": "ranked",
    "anchor": "ranked",
    "inputs": "equal",
    # These decide nothing, or how long it is measured until something is decided: what is open then refuses.
    "false_refusal": "free",
    "false_alarm": "free",
    "hold_minutes": "free",
    "retraining_sd": "free",
    "budget_s": "free",
    "calls": "free",
    "slices": "free",
    "load_s": "free",
    "start_rps": "free",
    "growth": "free",
    "resolution": "free",
    "tries": "free",
    "min_slice_rows": "free",  # said by each slice, see `with_rows`
}
_ASKED_ANYHOW = {"inputs", "prediction", "unit"}  # nothing there is not the same as anything
_RANKS: dict[Any, int] = {"warning": 0, "blocking": 1, "warn": 0, "more_data": 1, "refuse": 1, "ignore": -1, "spend": 1}
_NO_VERSION = 1 << 63

Path = tuple[str, ...]


@dataclass(frozen=True)
class Looser:
    """A key that is looser than it must be.

    Attributes:
        path: of the key, such as `quality.metrics.auc.min`.
        value: in force; None for none.
        wanted: the value that it must be as strict as.
    """

    path: str
    value: Any
    wanted: Any


def looser(in_force: Any, wanted: Any, path: Path = (), direction: Direction = "equal") -> Iterator[Looser]:
    """The keys by which thresholds are looser than others; none where they are at least as strict.

    Args:
        in_force: the thresholds to be judged: a section, or a part of one; None where there is none.
        wanted: what they must be as strict as; None where nothing is asked.
        path: of both.
        direction: in which a single value is strict.
    """
    if isinstance(wanted, Section):
        yield from _fields(in_force, wanted, path)
    elif _is_slices(wanted):
        yield from _slices(in_force or (), wanted, path)
    elif isinstance(wanted, Mapping) and path[-1:] != ("inputs",):
        found = in_force if isinstance(in_force, Mapping) else {}
        for name, value in wanted.items():
            yield from looser(found.get(name), value, (*path, str(name)), _rule(str(name)))
    elif not _as_strict(in_force, wanted, direction):
        yield Looser(".".join(path), _plain(in_force), _plain(wanted))


def _fields(in_force: Any, wanted: Section, path: Path) -> Iterator[Looser]:
    """The same of a section. One that is missing lacks each of its thresholds."""
    for name in type(wanted).model_fields:
        value, found = getattr(wanted, name), getattr(in_force, name, None)
        direction = _DIRECTIONS.get(name) or _rule(name)
        if direction == "free" or (value is None and name not in _ASKED_ANYHOW):
            continue
        if name == "severity" and in_force is None:
            continue  # its rules are told to be missing
        if name == "reserve" and in_force is not None and in_force.on_undecided != "more_data":
            continue
        yield from looser(found, value, (*path, name), direction)


def _rule(name: str) -> Direction:
    if name in RULES:
        return "higher" if name.startswith("min") else "lower"
    return "ranked" if name == "severity" else "equal"


def _as_strict(in_force: Any, wanted: Any, direction: Direction) -> bool:
    if direction == "ranked" and (wanted == "first" or _is_number(wanted)):  # the anchor: a later one accepts more
        first, direction = {"first": 0, None: _NO_VERSION}, "lower"
        in_force, wanted = first.get(in_force, in_force), first.get(wanted, wanted)
    if direction == "ranked":
        return wanted in _RANKS and in_force in _RANKS and _RANKS[in_force] >= _RANKS[wanted]
    if direction == "equal" or not _is_number(wanted):
        return type(in_force) is type(wanted) and bool(in_force == wanted)
    if not _is_number(in_force):
        return False
    return bool(in_force >= wanted if direction == "higher" else in_force <= wanted)


def _slices(in_force: Sequence[SliceGates], wanted: Sequence[SliceGates], path: Path) -> Iterator[Looser]:
    """Each threshold on a slice must be in force on the same slice, in one entry or another."""
    for each in wanted:
        name = each.wanted or ",".join(each.features)
        same = [other for other in in_force if isinstance(other, SliceGates) and other.slice == each.slice]
        found = [tuple(_slice(other, each, (*path, name))) for other in same]
        yield from min(found, key=len, default=(Looser(".".join((*path, name)), None, _plain(each.metrics)),))


def _slice(in_force: SliceGates, wanted: SliceGates, path: Path) -> Iterator[Looser]:
    yield from looser(in_force.metrics, wanted.metrics, (*path, "metrics"))
    yield from looser(in_force.small, wanted.small, (*path, "small"), "ranked")
    if in_force.min_rows is None or wanted.min_rows is None:  # filled in by `with_rows`
        return
    # Where small slices refuse, more of them refuse with a higher limit; where they warn, fewer are judged with one.
    more = in_force.min_rows - wanted.min_rows
    if (wanted.small == "blocking" and more < 0) or (in_force.small == "warning" and more > 0):
        yield Looser(".".join((*path, "min_rows")), in_force.min_rows, wanted.min_rows)


def with_rows(quality: Any) -> Any:
    """The `quality` section with the fewest rows of each slice said where it is judged."""
    slices = (
        each.model_copy(update={"min_rows": each.min_rows or quality.min_slice_rows}) for each in quality.slice_metrics
    )
    return quality.model_copy(update={"slice_metrics": tuple(slices)})


def _is_slices(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(each, SliceGates) for each in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """A value as a gate can show it."""
    if isinstance(value, Section):
        return value.model_dump_json(exclude_none=True)
    if isinstance(value, Mapping):
        return ", ".join(map(str, value)) or "nothing"
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
