"""What was measured, and how sure that is."""

import math
from dataclasses import dataclass

from weighbridge.verdict.risk import LINEAR, LOGARITHMIC, Scale


@dataclass(frozen=True)
class Estimate:
    """A measured value and, where it was estimated from a sample, its confidence interval.

    Attributes:
        value: measured.
        low: lower and
        high: upper end of the interval: None for what was counted and has none, NaN or infinite for one that too few
            measurements leave unknown.
    """

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def sampled(self) -> bool:
        """Whether it is an estimate, and not counted."""
        return self.low is not None and self.high is not None

    @property
    def known(self) -> bool:
        """Whether both ends of the interval are known."""
        return None not in (self.low, self.high) and math.isfinite(self.low) and math.isfinite(self.high)  # type: ignore[arg-type]


def change_of(value: Estimate, other: Estimate) -> Estimate:
    """Value minus another that was not measured in pairs with it.

    The interval is Zou and Donner's (Statistics in Medicine 27, 2008): the distances of both ends, squared and summed.
    Of what was measured on the same rows it is too wide rather than too narrow.
    """
    return _combined(value, other, LINEAR)


def ratio_of(value: Estimate, other: Estimate) -> Estimate:
    """Value divided by another, likewise, on the scale of logarithms; NaN where the other is zero."""
    if not other.value:
        return Estimate(math.nan)
    if value.value <= 0 or other.value < 0:
        return Estimate(value.value / other.value, *((math.nan, math.nan) if value.sampled or other.sampled else ()))
    return _combined(value, other, LOGARITHMIC)


def of_an_equal(kind: str, quantity: Estimate, production: Estimate | None) -> Estimate:
    """A quantity as unsure as it would be of a model as good as production.

    A model that is far from production says little of that: its own value varies otherwise, and the two agree on fewer
    rows. So a value is as unsure as production's, and a change or a ratio no more than of two models that have nothing
    in common.

    Args:
        kind: `value`, `change` or `ratio`.
        quantity: measured of the candidate.
        production: its value; None where there is none.
    """
    if production is None or not production.known or not quantity.known:
        return quantity
    if kind == "value":
        return production
    at_most = change_of(production, production) if kind == "change" else ratio_of(production, production)
    scale = LINEAR if kind == "change" else LOGARITHMIC
    return at_most if at_most.known and _width(at_most, scale) < _width(quantity, scale) else quantity


def _width(estimate: Estimate, scale: Scale) -> float:
    low, _, high = _ends(estimate)
    return scale.to(high) - scale.to(low)


def _combined(value: Estimate, other: Estimate, scale: Scale) -> Estimate:
    if not math.isfinite(value.value) or not math.isfinite(other.value):
        return Estimate(math.nan)
    plain = value.value - other.value if scale is LINEAR else value.value / other.value
    if not value.sampled and not other.sampled:
        return Estimate(plain)
    ends = [[scale.to(end) for end in _ends(each)] for each in (value, other)]
    (low, middle, high), (other_low, other_middle, other_high) = ends
    difference = middle - other_middle
    down, up = math.hypot(middle - low, other_high - other_middle), math.hypot(high - middle, other_middle - other_low)
    if not math.isfinite(down) or not math.isfinite(up):
        return Estimate(plain, math.nan, math.nan)
    return Estimate(plain, scale.back(difference - down), scale.back(difference + up))


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    if estimate.low is None or estimate.high is None:
        return estimate.value, estimate.value, estimate.value
    return estimate.low, estimate.value, estimate.high
