"""One threshold on one quantity of a canary: at which risk it is judged, and the gate that says what came of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from weighbridge.rollout.sequential.tallies import UnmeasuredError
from weighbridge.verdict import Bounds, Gate, Rates, Status
from weighbridge.verdict.gate import format_value
from weighbridge.verdict.outcome import Rule, kind_of
from weighbridge.verdict.risk import NORMAL

NOTHING_YET = "nothing is in production yet to compare with"
_FAR = 50.0  # times as many requests tell nobody anything
WHOLE = "production answers nothing any more at 100 %, so nothing is compared"
SHADOW = "nobody sees what a shadow answers: it is judged from the first step on that users see"


@dataclass(frozen=True)
class Asked:
    """A quantity, its thresholds, and how they are judged.

    Attributes:
        name: of the gates, without the rule.
        bounds: its thresholds.
        unit: of its values.
        miss: how often, at most, a canary passes whose true value lies at a threshold.
        false_alarm: the same of each threshold's refusing one that keeps it: this quantity's share.
        progress: requests of the canary so far by those that the step asks for.
        requests: of the canary so far.
        not_compared: why nothing can be compared in this step; empty where it can.
    """

    name: str
    bounds: Bounds
    unit: str
    miss: float
    false_alarm: float
    progress: float
    requests: float
    not_compared: str = ""

    @property
    def subject(self) -> str:
        """As messages call it: `p99_ms`."""
        return self.name.partition(".")[2]

    def rules(self) -> Iterator[Rule]:
        """Its rules."""
        for name, threshold in self.bounds.rules().items():
            yield Rule(name, threshold, "x" if kind_of(name) == "ratio" else self.unit)

    def unmeasured(self, why: "str | UnmeasuredError") -> list[Gate]:
        """What comes of it where nothing was measured: relative rules of a first model are not compared."""
        message = f"{self.subject} could not be measured: {why}. So it cannot pass."
        return [
            self.skipped(rule) if self.not_compared and rule.kind != "value" else self.gate(rule, "unmeasured", message)
            for rule in self.rules()
        ]

    def skipped(self, rule: Rule) -> Gate:
        """A rule that nothing can be compared for in this step."""
        return self.gate(rule, "not_compared", f"{self.subject}: {self.not_compared}.")

    def gate(self, rule: Rule, status: Status, message: str) -> Gate:
        """A gate without figures."""
        return Gate(
            name=f"{self.name}.{rule.name}",
            status=status,
            severity=self.bounds.severity,
            threshold=rule.threshold,
            unit=rule.unit,
            message=message,
        )

    def judged(self, rule: Rule, proof: "Proof") -> Gate:
        """A gate that says what was proven.

        What is worse is proven as early as it shows. That a canary is within is not believed before the step has the
        requests that it asks for: few windows tell little of how long the spells of one model last.
        """
        proof, enough = proof.agreeing(rule), self.progress >= 1
        status: Status = "passed" if proof.within and enough else "refused" if proof.beyond else "inconclusive"
        rates = None
        if proof.equal_stays_open is not None:
            stays = proof.equal_stays_open if enough else 1.0
            rates = Rates(false_pass=self.miss, false_refusal=round(stays, 6))
        return self.gate(rule, status, self._sentence(rule, proof, status)).model_copy(
            update={
                "observed": _finite(proof.observed),
                "baseline": _finite(proof.baseline),
                "interval": (_finite(proof.low), _finite(proof.high)),
                "rates": rates,
            }
        )

    def _sentence(self, rule: Rule, proof: "Proof", status: Status) -> str:
        value = format_value(_finite(proof.observed), rule.unit)
        if rule.kind == "ratio":
            value = f"{value} production's"
        elif rule.kind == "change":
            value = f"{'+' if (proof.observed or 0) >= 0 else ''}{value} against production"
        ends = [
            format_value(_finite(end)) if _finite(end) is not None else "unknown" for end in (proof.low, proof.high)
        ]
        interval = f"{ends[0]} to {ends[1]}"
        of = f"of {self.requests:,.0f} requests"
        if status == "passed":
            return f"{self.subject} is proven to be within: {value} ({interval}) {of}, and {rule.limit}."
        if status == "refused":
            return f"{self.subject} is proven to be worse: {value} ({interval}) {of}, but {rule.limit}."
        more = f" {proof.advice}" if proof.advice else ""
        if proof.within:
            more = f" So far it is within, and passes with {self.requests / self.progress:,.0f} requests."
        return f"{self.subject} is undecided: {value} ({interval}) {of}, and {rule.limit}.{more}"


@dataclass(frozen=True)
class Proof:
    """What is proven of one rule.

    Attributes:
        observed: what it judges.
        within: whether it is proven to keep the threshold.
        beyond: whether it is proven not to.
        baseline: production's value; None where there is none.
        low: lower and
        high: upper end that is not disproved at any look; None for one that is not known.
        equal_stays_open: how often a canary that is equal to production is not yet proven to be within by so many
            requests; None where that is not known.
        advice: what to do where it is open, a sentence.
    """

    observed: float | None
    within: bool
    beyond: bool
    baseline: float | None = None
    low: float | None = None
    high: float | None = None
    equal_stays_open: float | None = None
    advice: str = ""

    def agreeing(self, rule: Rule) -> "Proof":
        """With ends that agree with what is proven, however finely they were looked for.

        The bad one lies on the allowed side where it is proven to be within, and there alone; the good one on the other
        side where it is proven to be beyond.
        """
        low, high = self.low, self.high
        threshold = rule.threshold
        if rule.sign < 0:
            low = _at(low, threshold, above=self.beyond)
            high = _at(high, threshold, above=not self.within)
        else:
            high = _at(high, threshold, above=not self.beyond)
            low = _at(low, threshold, above=self.within)
        return replace(self, low=low, high=high)


def _at(end: float | None, threshold: float, *, above: bool) -> float | None:
    """An end, or the threshold where it would lie on the other side of it."""
    if end is None or not math.isfinite(end):
        return end
    return max(end, threshold) if above else min(end, threshold)


def stays_open(room: float, margin: float, error: float) -> float:
    """Probability that a model is not yet proven to be within whose true value has so much room.

    Args:
        room: from the threshold to the true value; negative on the wrong side.
        margin: how far from the threshold an estimate must lie.
        error: standard error of the estimate.
    """
    if error <= 0:
        return float(room < margin)
    return NORMAL.cdf((margin - room) / error)


def more_requests(requests: float, room: float, margin: float) -> str:
    """How many requests would prove it, if all goes on as it is, as a sentence.

    Args:
        requests: so far.
        room: from the threshold to what is observed; not positive on the wrong side.
        margin: how far that would have to be.
    """
    if room <= 0 or not math.isfinite(margin):
        return ""
    needed = float(f"{requests * max(margin / room, 1.0) ** 2:.2g}")
    if not requests < needed < _FAR * requests:
        return ""
    return f"If it stays so, about {needed:,.0f} requests prove it."


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
