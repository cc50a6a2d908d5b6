"""Quantiles of the time that requests take: thresholds on them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from weighbridge.rollout.observed import EDGES
from weighbridge.rollout.sequential.asked import Asked, Proof, more_requests, stays_open
from weighbridge.rollout.sequential.contrast import Contrast, contrast, weights_of
from weighbridge.rollout.sequential.quantiles import Place, below, place_of, quantile_of, unknown, value_at
from weighbridge.rollout.sequential.tallies import Tally
from weighbridge.verdict import Gate
from weighbridge.verdict.outcome import Rule

Floats = npt.NDArray[np.float64]

_MS = 1000.0


@dataclass(frozen=True)
class Shares:
    """Shares of requests by bucket over all windows, each with its weight.

    Attributes:
        edges: upper edges, s, shape [buckets].
        ours: the canary's, shape [buckets].
        theirs: production's with the same weights; None where nothing is compared.
    """

    edges: Floats
    ours: Floats
    theirs: Floats | None

    @classmethod
    def of(cls, edges: EDGES, tally: Tally, *, compared: bool) -> "Shares":
        """Of what was counted; without a comparison all requests of the canary count alike."""
        if not compared:
            return cls(np.array(edges), tally.canary.sum(axis=0) / tally.of_canary.sum(), None)
        weights = weights_of(tally.of_canary, tally.of_stable)
        ours, theirs = (
            (counts * (weights / np.maximum(of, 1.0))[:, None]).sum(axis=0) / weights.sum()
            for counts, of in ((tally.canary, tally.of_canary), (tally.stable, tally.of_stable))
        )
        return cls(np.array(edges), ours, theirs)


@dataclass(frozen=True)
class Question:
    """Whether a quantile lies at most at a limit: whether at least as many requests lie below it as should.

    Attributes:
        shares: of both.
        found: the canary's share below the limit, less production's below its own quantile where they are compared.
        null: what that is at the threshold.
        limit: where the limit lies.
        base: where production's quantile lies; None where nothing is compared.
    """

    shares: Shares
    found: Contrast
    null: float
    limit: Place
    base: Place | None

    @property
    def doubt_of_base(self) -> float:
        """What the buckets leave open of production's share."""
        return 0.0 if self.base is None or self.shares.theirs is None else unknown(self.shares.theirs, self.base)

    @property
    def doubt(self) -> float:
        """What the buckets leave open altogether."""
        return self.doubt_of_base + unknown(self.shares.ours, self.limit)

    def room(self, sign: int, share: float | None = None) -> float:
        """How far on one side of the threshold the canary lies, what the buckets leave open being taken off.

        Args:
            sign: 1 for enough below the limit, -1 for too few.
            share: below the limit; None for the canary's.
        """
        share = float(self.found.canary) if share is None else share
        return sign * (share - float(self.found.times * self.found.stable) - self.null) - self.doubt


def quantile_gates(asked: Asked, p: float, edges: EDGES, tally: Tally, alone: str) -> Iterator[Gate]:
    """Judge a quantile.

    Args:
        asked: its thresholds, ms.
        p: share of the requests that take at most so long.
        edges: of the buckets, s.
        tally: counts of both by bucket.
        alone: see `rate_gates`.
    """
    matched = not (asked.not_compared or alone) and bool(weights_of(tally.of_canary, tally.of_stable).any())
    together = Shares.of(edges, tally, compared=True) if matched else None
    for rule in asked.rules():
        if rule.kind != "value" and asked.not_compared:
            yield asked.skipped(rule)
        elif rule.kind != "value" and together is None:
            why = alone or "nothing was counted of the model in production"
            yield asked.gate(rule, "unmeasured", f"{asked.subject} could not be compared: {why}. So it cannot pass.")
        else:
            yield _judged(asked, rule, p, edges, tally, together)


def _judged(asked: Asked, rule: Rule, p: float, edges: EDGES, tally: Tally, together: Shares | None) -> Gate:
    theirs = None if together is None else together.theirs
    base = None if theirs is None else quantile_of(theirs, p)
    production = None if base is None else value_at(np.array(edges), base)
    if rule.kind == "value" or together is None or base is None or production is None:
        alone = Shares.of(edges, tally, compared=False)
        return asked.judged(rule, _proof(asked, rule, p, _absolute(rule, p, alone, tally), production, theirs))
    if not math.isfinite(production):
        why = "production's lies beyond the last bucket that ends"
        return asked.gate(rule, "unmeasured", f"{asked.subject} could not be compared: {why}. So it cannot pass.")
    return asked.judged(rule, _proof(asked, rule, p, _relative(rule, together, base, tally), production, theirs))


def _absolute(rule: Rule, p: float, shares: Shares, tally: Tally) -> Question:
    limit = place_of(shares.edges, rule.threshold / _MS)
    found = contrast(below(tally.canary, limit), tally.of_canary, tally.stable[:, 0], tally.of_stable, 0.0)
    return Question(shares, found, p, limit, None)


def _relative(rule: Rule, shares: Shares, base: Place, tally: Tally) -> Question:
    production = value_at(shares.edges, base)
    times = production * rule.threshold if rule.kind == "ratio" else max(production + rule.threshold / _MS, 0.0)
    limit = place_of(shares.edges, times)
    found = contrast(below(tally.canary, limit), tally.of_canary, below(tally.stable, base), tally.of_stable)
    return Question(shares, found, 0.0, limit, base)


def _proof(
    asked: Asked, rule: Rule, p: float, question: Question, production: float | None, theirs: Floats | None
) -> Proof:
    found, null, progress = question.found, question.null, asked.progress
    # A quantile of at most the limit is a share below it of at least p; of at least it, the other way round.
    side = -rule.sign
    seen, against = question.room(side), question.room(-side)
    margin = float(found.margin(null, side, asked.miss, progress))
    levels = (asked.miss, asked.false_alarm) if rule.sign > 0 else (asked.false_alarm, asked.miss)
    low, high = _ends(question, levels, progress)
    ours = value_at(question.shares.edges, quantile_of(question.shares.ours, p))
    observed, low, high = (_as_judged(rule, each, production) for each in (ours, low, high))
    equal = float(below(theirs if theirs is not None else question.shares.ours, question.limit))
    difference = equal - float(found.times * found.stable)
    return Proof(
        observed=observed,
        within=seen > 0 and seen >= margin,
        beyond=against > 0 and against >= float(found.margin(null, -side, asked.false_alarm, progress)),
        baseline=None if production is None else production * _MS,
        low=low,
        high=high,
        equal_stays_open=stays_open(question.room(side, equal), margin, float(found.error(difference))),
        advice=_too_wide(question, side) or more_requests(asked.requests, seen, margin),
    )


def _as_judged(rule: Rule, seconds: float, production: float | None) -> float:
    if rule.kind == "ratio":
        return seconds / production if production else math.nan
    return (seconds - ((production or 0.0) if rule.kind == "change" else 0.0)) * _MS


def _ends(question: Question, levels: tuple[float, float], progress: float) -> tuple[float, float]:
    """The least and the largest time that the canary's quantile may be; infinite where no edge bounds it."""
    found, doubt = question.found, question.doubt_of_base
    upto, edges = np.cumsum(question.shares.ours)[:-1], question.shares.edges[:-1]
    at, surplus = replace(found, canary=upto), upto - found.times * found.stable - question.null
    short = -surplus - doubt - at.margin(question.null, -1, levels[0], progress)
    enough = surplus - doubt - at.margin(question.null, 1, levels[1], progress)
    low = _crossing(edges, short, int(np.flatnonzero(short > 0)[-1]), 1) if (short > 0).any() else 0.0
    high = _crossing(edges, enough, int(np.flatnonzero(enough > 0)[0]), -1) if (enough > 0).any() else math.inf
    return low, high


def _crossing(edges: Floats, excess: Floats, proven: int, step: int) -> float:
    """Where a proof ends between an edge that has it and the next one that has not, by the logarithm of time."""
    following = proven + step
    if not 0 <= following < len(edges) or edges[min(proven, following)] <= 0:
        return float(edges[proven])
    part = float(excess[proven] / (excess[proven] - excess[following]))
    return float(edges[proven] * (edges[following] / edges[proven]) ** part)


def _too_wide(question: Question, side: int) -> str:
    """What to do where no number of requests helps, since buckets are wider than the threshold allows."""
    base, shares = question.base, question.shares
    if base is None or shares.theirs is None or question.room(side, float(below(shares.theirs, question.limit))) > 0:
        return ""
    low = shares.edges[base.bucket - 1] if base.bucket else 0.0
    ends = f"{low * _MS:g} to {shares.edges[base.bucket] * _MS:g} ms"
    return f"The buckets, such as from {ends}, are too wide to tell: allow more, or have finer ones."
