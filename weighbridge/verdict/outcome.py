"""How one rule judges one quantity: the status, the sentence, and how often such a gate is wrong."""

import math
from dataclasses import dataclass

from weighbridge.verdict.estimate import Estimate
from weighbridge.verdict.gate import Interval, Status, format_value
from weighbridge.verdict.risk import (
    LINEAR,
    LOGARITHMIC,
    NORMAL,
    Rates,
    Sampled,
    quantile,
    rates_of,
    rows_needed,
    standard_error,
)


@dataclass(frozen=True)
class Rule:
    """One rule and its threshold.

    Attributes:
        name: `min`, `max`, `min_change`, ….
        threshold: in `unit`.
        unit: of the quantity that it judges.
    """

    name: str
    threshold: float
    unit: str = ""

    @property
    def kind(self) -> str:
        """What it judges: `value`, `change` or `ratio`."""
        return kind_of(self.name)

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.name.startswith("min") else -1

    def allows(self, value: float) -> bool:
        """Whether a value is on the allowed side; NaN is not."""
        return value >= self.threshold if self.sign > 0 else value <= self.threshold

    def leaves_open(self, quantity: Estimate) -> bool:
        """Whether the interval has ends on both sides of the threshold, or one that is not known."""
        ends = [end for end in (quantity.low, quantity.high) if end is not None]
        return any(math.isnan(end) for end in ends) or len({self.allows(end) for end in (*ends, quantity.value)}) == 2

    @property
    def limit(self) -> str:
        """As people say it: `must be at least 0.9`."""
        return f"must be at {'least' if self.sign > 0 else 'most'} {format_value(self.threshold, self.unit)}"


def kind_of(rule: str) -> str:
    """What a rule of such a name judges: `value`, `change` or `ratio`."""
    return rule.partition("_")[2] or "value"


def outcome(subject: str, rule: Rule, quantity: Estimate | None, sampled: Sampled | None) -> tuple[Status, str]:
    """The status, and one sentence that tells a person what was found.

    Args:
        subject: what was measured, in the sentence.
        rule: that judges it.
        quantity: measured; None where there is nothing to compare with.
        sampled: how an interval decides; without it the value does.
    """
    if quantity is None:
        return "not_compared", f"{subject}: nothing is in production yet to compare with."
    if not math.isfinite(quantity.value):
        missing = "could not be compared with production" if rule.kind != "value" else "could not be measured"
        return "unmeasured", f"{subject} {missing}, so it cannot pass."
    value = format_value(quantity.value, rule.unit)
    if rule.kind == "ratio":
        value = f"{value} production"
    elif rule.kind == "change":
        value = f"{'+' if quantity.value >= 0 else ''}{value} against production"
    if sampled is not None and rule.leaves_open(quantity):
        interval = f"{_end(quantity.low)} to {_end(quantity.high, rule.unit)}"
        if all(end is None or not math.isfinite(end) for end in (quantity.low, quantity.high)):
            interval = "interval unknown"
        more = _more(rule, quantity, sampled)
        return "inconclusive", f"{subject} is undecided: {value} ({interval}), but {rule.limit}. {more}"
    if rule.allows(quantity.value):
        return "passed", f"{subject} is {value} ({rule.limit})."
    return "refused", f"{subject} is {value}, but {rule.limit}."


def rates(rule: Rule, quantity: Estimate | None, production: float | None, sampled: Sampled | None) -> Rates | None:
    """How often such a gate is wrong; None for what was counted, or whose interval is not known.

    Args:
        rule: that judged it.
        quantity: what it judged.
        production: production's value; None, or NaN, where there is none: then a model as good as this one is meant.
        sampled: how its interval decided.
    """
    error = error_of(rule, quantity, sampled)
    if error is None or quantity is None or sampled is None:
        return None
    room = room_of(rule, equal_of(rule, quantity, production))
    return rates_of(room, error, sampled, spread_of(rule, sampled))


def equal_of(rule: Rule, quantity: Estimate, production: float | None) -> float:
    """What a rule would judge of a model as good as production; where there is none, as good as this one."""
    equal = {"change": 0.0, "ratio": 1.0}.get(rule.kind, production)
    return quantity.value if equal is None or not math.isfinite(equal) else equal


def spread_of(rule: Rule, sampled: Sampled) -> float:
    """Standard deviation of what a rule judges between equally good trainings: a change is the difference of two."""
    return {"change": sampled.spread, "value": sampled.spread / math.sqrt(2)}.get(rule.kind, 0.0)


def chance_of(rule: Rule, quantity: Estimate, sampled: Sampled) -> float | None:
    """How often chance alone would show a model that is at the threshold as far on the wrong side; None if unknown."""
    error = error_of(rule, quantity, sampled, refusing=True)
    if error is None:
        return None
    room = room_of(rule, quantity.value)
    return NORMAL.cdf(room / error) if error else float(room >= 0)


def error_of(rule: Rule, quantity: Estimate | None, sampled: Sampled | None, *, refusing: bool = False) -> float | None:
    """Standard error of a quantity, of the logarithm of a ratio; None where its interval is not known.

    Args:
        rule: that judges it.
        quantity: judged.
        sampled: how.
        refusing: whether it is told by the end that must be on the wrong side to refuse; else by the one that must be
            on the allowed side to pass.
    """
    if quantity is None or sampled is None or quantity.low is None or quantity.high is None or not quantity.known:
        return None
    scale = LOGARITHMIC if rule.kind == "ratio" else LINEAR
    end = quantity.low if (rule.sign > 0) != refusing else quantity.high
    half = abs(scale.to(quantity.value) - scale.to(end))
    return standard_error(half, sampled.miss) if math.isfinite(half) else None


def interval_of(quantity: Estimate | None, sampled: Sampled | None) -> Interval | None:
    """The interval that decided; None where none did."""
    if quantity is None or sampled is None or quantity.low is None or quantity.high is None:
        return None
    return (_finite(quantity.low), _finite(quantity.high))


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None


def room_of(rule: Rule, value: float) -> float:
    """From the threshold to a value, on the scale on which the quantity varies; negative on the wrong side."""
    scale = LOGARITHMIC if rule.kind == "ratio" else LINEAR
    return rule.sign * (scale.to(value) - scale.to(rule.threshold))


def _more(rule: Rule, quantity: Estimate, sampled: Sampled) -> str:
    """How much more has to be measured, where that can be told."""
    error, room = error_of(rule, quantity, sampled), room_of(rule, quantity.value)
    if not sampled.rows or error is None or room <= 0:
        return "Measure more."
    needed = rows_needed(sampled.rows, error, room, sampled.risk)
    if needed <= sampled.rows:  # it decides most of the time: these rows were unlucky
        needed = sampled.rows * (quantile(sampled.miss) * error / room) ** 2
    rows = format_value(float(f"{needed:.2g}"))
    return f"About {rows} rows would tell such a value from that; there are {sampled.rows:,}."


def _end(end: float | None, unit: str = "") -> str:
    """An end of an interval; one that too few measurements leave open is unknown."""
    return format_value(end, unit) if end is not None and math.isfinite(end) else "unknown"
