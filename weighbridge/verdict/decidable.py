"""What a sample can decide: the margin that so many rows keep the declared risks at, and the rows that a margin needs.

A rule is a non-inferiority test. A model passes where the interval of what was measured lies wholly on the allowed
side, so for a model as good as production to pass there must be room between production and threshold: z(false_pass)
standard errors for the interval, and z(false_refusal) more for the luck of this sample (Schuirmann, Journal of
Pharmacokinetics and Biopharmaceutics 15, 1987). Standard errors fall with the root of the rows.
"""

import math
from dataclasses import dataclass
from typing import Any

from weighbridge.verdict.estimate import Estimate, change_of, ratio_of
from weighbridge.verdict.outcome import Rule, equal_of, error_of, room_of, spread_of
from weighbridge.verdict.risk import LINEAR, LOGARITHMIC, Rates, Risk, Sampled, margin_needed, rates_of, rows_needed


def rows_for(margin: float, sd: float, risk: Risk, spread: float = 0.0) -> float:
    """Rows that a margin needs: n = (z(false_pass) + z(false_refusal))^2 sd^2 / margin^2.

    Args:
        margin: between production and threshold, more than 0.
        sd: standard deviation of one row's contribution to the measured change: its standard error times the root of
            the rows that it was measured on.
        risk: to be kept.
        spread: standard deviation of the true change between equally good trainings.

    Returns:
        Infinity where no number of rows suffices.
    """
    return rows_needed(1, sd, margin, risk, spread)


def margin_for(rows: float, sd: float, risk: Risk, spread: float = 0.0) -> float:
    """The smallest margin that so many rows decide; see `rows_for`, which it is the inverse of."""
    return margin_needed(sd / math.sqrt(rows), risk, spread)


@dataclass(frozen=True)
class Precision:
    """How surely a quantity was measured that a rule judges.

    Attributes:
        rule: that judges it.
        error: standard error, on the scale on which the quantity varies: of its logarithm where it is a ratio.
        equal: what a model as good as production would have; where nothing is in production, one as good as this.
        rows: rows, or calls, that it was measured on; 0 where that is not known.
        sampled: how it is judged now.
        at_worst: whether the error is a bound: nothing was in production to measure it in pairs with.
    """

    rule: Rule
    error: float
    equal: float
    rows: int
    sampled: Sampled
    at_worst: bool = False

    @property
    def risk(self) -> Risk:
        """What is to be kept at each of the looks."""
        return Risk(false_pass=self.sampled.miss, false_refusal=self.sampled.risk.false_refusal)

    @property
    def spread(self) -> float:
        """Standard deviation of the quantity between equally good trainings."""
        return spread_of(self.rule, self.sampled)

    @property
    def room(self) -> float:
        """From the threshold to a model as good as production; negative where such a model misses it."""
        return room_of(self.rule, self.equal)

    @property
    def rates(self) -> Rates:
        """How often the rule refuses a model as good as production, and does not refuse one at the threshold."""
        return rates_of(self.room, self.error, self.sampled, self.spread)

    @property
    def enough(self) -> bool:
        """Whether a model as good as production fails to pass no more often than declared."""
        return self.rates.false_refusal <= self.sampled.risk.false_refusal + 1e-6

    @property
    def margin(self) -> float:
        """The least room that these rows decide."""
        return margin_needed(self.error, self.risk, self.spread)

    @property
    def decides(self) -> float:
        """The tightest threshold that these rows decide, in the rule's unit."""
        scale = LOGARITHMIC if self.rule.kind == "ratio" else LINEAR
        return scale.back(scale.to(self.equal) - self.rule.sign * self.margin)

    @property
    def rows_needed(self) -> float | None:
        """Rows that the threshold needs; infinity where none suffice, None where the rows at hand are not known."""
        if not self.rows:
            return None
        return self.rows_for(self.room)

    def rows_for(self, room: float) -> float:
        """Rows that a room between a model as good as production and the threshold needs."""
        if room <= 0:
            return math.inf
        return rows_needed(self.rows, self.error, room, self.risk, self.spread)

    def with_rows(self, rows: int) -> "Precision":
        """As it would be measured on so many rows."""
        error = self.error * math.sqrt(self.rows / rows)
        return Precision(self.rule, error, self.equal, rows, self.sampled, self.at_worst)

    def with_threshold(self, threshold: float) -> "Precision":
        """As another threshold would be judged."""
        rule = Rule(self.rule.name, threshold, self.rule.unit)
        return Precision(rule, self.error, self.equal, self.rows, self.sampled, self.at_worst)

    def document(self) -> dict[str, Any]:
        """For machines; infinity is told as null beside `rows_suffice`."""
        needed = self.rows_needed
        return {
            "threshold": self.rule.threshold,
            "rows": self.rows or None,
            "decides": self.decides,
            "suggested": looser(self),
            "equal": self.equal,
            "standard_error": self.error,
            "retraining_sd": self.spread,
            "false_refusal": self.rates.false_refusal,
            "false_pass": self.rates.false_pass,
            "decidable": self.enough,
            "rows_needed": None if needed is None or not math.isfinite(needed) else math.ceil(needed),
            "rows_suffice": None if needed is None else math.isfinite(needed),
            "at_worst": self.at_worst,
        }


def precision(
    rule: Rule,
    quantity: Estimate | None,
    *,
    candidate: Estimate | None = None,
    production: float | None = None,
    measured: Sampled,
    sampled: Sampled,
) -> Precision | None:
    """How surely a rule judges what was measured; None where it was counted, or its interval is not known.

    Args:
        rule: with the threshold in force.
        quantity: what it judges; None where nothing was in production to compare with.
        candidate: the candidate's own value, which bounds how sure a comparison will be: both models are then taken for
            measured on rows of their own, and as unsure as the candidate.
        production: production's value; None where there is none.
        measured: how the interval was made.
        sampled: how it is judged now.
    """
    at_worst = quantity is None
    if quantity is None:
        if rule.kind == "value" or candidate is None:
            return None
        quantity = (change_of if rule.kind == "change" else ratio_of)(candidate, candidate)
    if not math.isfinite(quantity.value):
        return None
    error = error_of(rule, quantity, measured)
    if error is None:
        return None
    return Precision(rule, error, equal_of(rule, quantity, production), sampled.rows, sampled, at_worst)


def looser(found: Precision) -> float:
    """A round threshold that the rows at hand decide: two digits of the margin are told, away from production."""
    decides, sign = found.decides, found.rule.sign
    size = abs(decides - found.equal)
    if not size or not math.isfinite(size):
        return decides
    digits = 1 - math.floor(math.log10(size))
    steps = decides * 10.0**digits
    whole = math.floor(steps + 1e-9) if sign > 0 else math.ceil(steps - 1e-9)
    return round(whole / 10.0**digits, max(digits, 0))
