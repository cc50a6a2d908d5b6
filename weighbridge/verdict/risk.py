"""How often a gate that decides by a sample may be wrong: what is allowed, and what one gate states of itself."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from weighbridge.verdict.section import Section, told

NORMAL = NormalDist()
Probability = Annotated[float, Field(ge=0, le=1)]
Allowed = Annotated[float, Field(gt=0, le=0.25)]


class Risk(Section):
    """How often the gates of a section may be wrong because they see a sample only."""

    false_pass: Allowed = Field(
        default=0.05,
        description="How often, at most, a model passes a threshold that it misses: its true value lies exactly there. "
        "Intervals leave out so much on each side.",
        json_schema_extra=told(unit="probability"),
    )
    false_refusal: Allowed = Field(
        default=0.05,
        description="How often a model that is as good as production may fail to pass. Nothing is judged by it, but "
        "for slices with `on_undecided: warn`: it is what margins and rows are held against.",
        json_schema_extra=told(unit="probability"),
    )

    @property
    def confidence(self) -> float:
        """Confidence of the intervals that decide: what each of their ends may miss is `false_pass`."""
        return self.confidence_of(1)

    def confidence_of(self, looks: int) -> float:
        """Confidence of each of several intervals, any of which may decide: they share the risk (Bonferroni)."""
        return 1 - 2 * self.false_pass / looks


class Rates(BaseModel):
    """How often a gate is wrong, by the standard error of what it measured.

    Attributes:
        false_pass: probability that a model passes whose true value lies exactly at the threshold.
        false_refusal: probability that a model as good as production does not pass; where nothing is in production,
            one that is as good as this one was measured to be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    false_pass: Probability
    false_refusal: Probability


OnUndecided = Literal["refuse", "warn"]


@dataclass(frozen=True)
class Sampled:
    """How what was estimated from a sample is judged.

    Attributes:
        risk: that the section declares.
        looks: how often it might have been looked at before a decision; they share the risk.
        on_undecided: whether an interval that leaves a threshold open refuses the model, or is only shown.
        rows: that it was measured on, where more of them would make it surer; 0 where that is not known.
        spread: standard deviation of the change between two equally good trainings.
    """

    risk: Risk
    looks: int = 1
    on_undecided: OnUndecided = "refuse"
    rows: int = 0
    spread: float = 0.0

    @property
    def miss(self) -> float:
        """How often one end of an interval may miss at one look."""
        return self.risk.false_pass / self.looks


@dataclass(frozen=True)
class Scale:
    """Where the estimates of a kind vary evenly: as they are, or by their logarithm as ratios do."""

    to: Callable[[float], float]
    back: Callable[[float], float]


LINEAR = Scale(float, float)
LOGARITHMIC = Scale(lambda value: math.log(value) if value > 0 else -math.inf, math.exp)


@cache
def quantile(miss: float) -> float:
    """How many standard errors lie between an estimate and an end that misses so often, if it is normal."""
    return NORMAL.inv_cdf(1 - miss)


def standard_error(half: float, miss: float) -> float:
    """Of an estimate whose interval's end is `half` away and misses with probability `miss`."""
    return half / quantile(miss)


def not_passing(room: float, error: float, miss: float, spread: float = 0.0) -> float:
    """Probability that a model does not pass whose true value lies `room` on the allowed side of the threshold.

    It passes where the estimate, less `quantile(miss)` standard errors, is on the allowed side: the non-inferiority
    test at one-sided `miss` (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987).

    Args:
        room: from the threshold to the true value; negative where that is on the other side.
        error: standard error of the estimate.
        miss: probability that the deciding end of the interval misses.
        spread: standard deviation of the true value itself, as between equally good trainings.
    """
    sd = math.hypot(error, spread)
    if not sd:
        return float(room < 0)
    return NORMAL.cdf((quantile(miss) * error - room) / sd)


def rates_of(room: float, error: float, sampled: Sampled, spread: float = 0.0) -> Rates:
    """How often a gate is wrong.

    Where what is undecided only warns, a model is let through unless its whole interval is on the wrong side, as it
    rarely is for one exactly at the threshold.

    Args:
        room: from the threshold to a model as good as production; negative where that is on the wrong side.
        error: standard error of what is judged.
        sampled: how it is judged.
        spread: standard deviation of the true value between equally good trainings.
    """
    miss, false_pass = sampled.miss, sampled.risk.false_pass
    if sampled.on_undecided == "warn":
        miss, false_pass = 1 - miss, 1 - miss
    return Rates(false_pass=false_pass, false_refusal=round(not_passing(room, error, miss, spread), 6))


def margin_needed(error: float, risk: Risk, spread: float = 0.0) -> float:
    """The least room between production and threshold that keeps both risks, in the unit of `error`.

    Args:
        error: standard error of the measured change.
        risk: to be kept.
        spread: standard deviation of the true change between equally good trainings.
    """
    return quantile(risk.false_pass) * error + quantile(risk.false_refusal) * math.hypot(error, spread)


def rows_needed(rows: int, error: float, room: float, risk: Risk, spread: float = 0.0) -> float:
    """Rows that a threshold needs to keep both risks, for a standard error that falls with the root of the rows.

    Args:
        rows: that `error` was measured on.
        error: standard error.
        room: from the threshold to the true value, on the allowed side.
        risk: to be kept.
        spread: standard deviation of the true value, which no rows make smaller.

    Returns:
        Infinity where no number of rows suffices: the spread alone refuses more often.
    """
    if room <= quantile(risk.false_refusal) * spread:
        return math.inf
    # margin_needed(error) = room, solved for the error: a quadratic equation.
    a, b = quantile(risk.false_pass), quantile(risk.false_refusal)
    if math.isclose(a, b):
        least = (room**2 - (b * spread) ** 2) / (2 * a * room)
    else:
        p, q, r = a * a - b * b, -2 * a * room, room**2 - (b * spread) ** 2
        root = math.sqrt(q * q - 4 * p * r)
        least = min(value for value in ((-q - root) / (2 * p), (-q + root) / (2 * p)) if 0 < value <= room / a)
    return rows * (error / least) ** 2
