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
class Limit:
    """A time that the canary's quantile is held against.

    Attributes:
        place: where it lies.
        found: the canary's share below it, less production's below its own quantile where they are compared.
        doubt: share of the canary that may lie on its other side, as the buckets leave open.
    """

    place: Place
    found: Contrast
    doubt: float

    @classmethod
    def at(cls, seconds: float, shares: Shares, tally: Tally, base: Place | None) -> "Limit":
        """A limit of so many seconds."""
        place = place_of(shares.edges, seconds)
        ours = below(tally.canary, place)
        if base is None:
            found = contrast(ours, tally.of_canary, tally.stable[:, 0], tally.of_stable, 0.0)
        else:
            found = contrast(ours, tally.of_canary, below(tally.stable, base), tally.of_stable)
        return cls(place, found, unknown(shares.ours, place))


@dataclass(frozen=True)
class Question:
    """Whether a quantile lies at most at a limit: whether at least as many requests lie below it as should.

    Where exactly production's quantile lies in its bucket is not known, and so neither is a limit that is told by it:
    each proof is held against the end that makes it harder.

    Attributes:
        shares: of both.
        null: difference of the shares at the threshold.
        limits: what a proof that enough lie below is held against, and one that too few do.
        base: the least and the most that production's quantile may be, s; 1 where nothing is compared.
    """

    shares: Shares
    null: float
    limits: tuple[Limit, Limit]
    base: tuple[float, float]

    def limit(self, sign: int) -> Limit:
        """For a proof that enough lie below (1), or too few (-1)."""
        return self.limits[0 if sign > 0 else 1]

    def room(self, sign: int, share: float | None = None) -> float:
        """How far on one side of the threshold the canary lies, what the buckets leave open being taken off.

        Args:
            sign: 1 for enough below the limit, -1 for too few.
            share: below the limit; None for the canary's.
        """
        limit = self.limit(sign)
        share = float(limit.found.canary) if share is None else share
        return sign * (share - float(limit.found.times * limit.found.stable) - self.null) - limit.doubt

    def margin(self, sign: int, level: float, progress: float) -> float:
        """How far that must be for a proof; see `Contrast.margin`."""
        return float(self.limit(sign).found.margin(self.null, sign, level, progress))

    def proves(self, sign: int, level: float, progress: float) -> bool:
        """Whether it is proven that enough lie below the limit (`sign` 1), or too few (-1); see `Contrast.proves`."""
        room = self.room(sign)
        return room > 0 and room >= self.margin(sign, level, progress)


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
    if rule.kind == "value" or together is None or production is None:
        question = absolute(rule, p, Shares.of(edges, tally, compared=False), tally)
        return asked.judged(rule, _proof(asked, rule, p, question, production, theirs))
    if not math.isfinite(production):
        why = "production's lies beyond the last bucket that ends"
        return asked.gate(rule, "unmeasured", f"{asked.subject} could not be compared: {why}. So it cannot pass.")
    return asked.judged(rule, _proof(asked, rule, p, relative(rule, p, together, tally), production, theirs))


def absolute(rule: Rule, p: float, shares: Shares, tally: Tally) -> Question:
    """Whether the canary's quantile lies at most at a limit of its own, ms."""
    limit = Limit.at(rule.threshold / _MS, shares, tally, None)
    return Question(shares, p, (limit, limit), (1.0, 1.0))


def relative(rule: Rule, p: float, shares: Shares, tally: Tally) -> Question:
    """Whether it lies at most so far from production's.

    How much windows vary is told where each model has its own quantile: there a spell that slows both moves both shares
    alike. Below a limit that is far from the canary's quantile it would not.
    """
    theirs = shares.ours if shares.theirs is None else shares.theirs
    base, own = quantile_of(theirs, p), quantile_of(shares.ours, p)
    doubt = unknown(theirs, base)
    alike = contrast(below(tally.canary, own), tally.of_canary, below(tally.stable, base), tally.of_stable)
    ends = [value_at(shares.edges, quantile_of(theirs, min(max(p + way * doubt, 0.0), 1.0))) for way in (-1, 1)]
    limits = []
    for end in ends:
        seconds = end * rule.threshold if rule.kind == "ratio" else max(end + rule.threshold / _MS, 0.0)
        limit = Limit.at(seconds, shares, tally, base)
        limits.append(replace(limit, found=replace(limit.found, effect=alike.effect)))
    return Question(shares, 0.0, (limits[0], limits[1]), (ends[0], ends[1]))


def _proof(
    asked: Asked, rule: Rule, p: float, question: Question, production: float | None, theirs: Floats | None
) -> Proof:
    progress = asked.progress
    # A quantile of at most the limit is a share below it of at least p; of at least it, the other way round.
    side = -rule.sign
    levels = (asked.miss, asked.false_alarm) if rule.sign > 0 else (asked.false_alarm, asked.miss)
    low, high = _ends(question, levels, progress)
    ours = value_at(question.shares.edges, quantile_of(question.shares.ours, p))
    limit, margin = question.limit(side), question.margin(side, asked.miss, progress)
    equal = float(below(theirs if theirs is not None else question.shares.ours, limit.place))
    error = float(limit.found.error(equal - float(limit.found.times * limit.found.stable)))
    return Proof(
        observed=_as_judged(rule, ours, production),
        within=question.proves(side, asked.miss, progress),
        beyond=question.proves(-side, asked.false_alarm, progress),
        baseline=None if production is None else production * _MS,
        low=_as_judged(rule, low, question.base[1]),
        high=_as_judged(rule, high, question.base[0]),
        equal_stays_open=stays_open(question.room(side, equal), margin, error),
        advice=_too_wide(question, side, equal) or more_requests(asked.requests, question.room(side), margin),
    )


def _as_judged(rule: Rule, seconds: float, production: float | None) -> float:
    if rule.kind == "ratio":
        return seconds / production if production else math.nan
    return (seconds - ((production or 0.0) if rule.kind == "change" else 0.0)) * _MS


def _ends(question: Question, levels: tuple[float, float], progress: float) -> tuple[float, float]:
    """The least and the largest time that the canary's quantile may be; infinite where no edge bounds it."""
    found = question.limits[0].found
    upto, edges = np.cumsum(question.shares.ours)[:-1], question.shares.edges[:-1]
    at, surplus = replace(found, canary=upto), upto - found.times * found.stable - question.null
    short = -surplus - at.margin(question.null, -1, levels[0], progress)
    enough = surplus - at.margin(question.null, 1, levels[1], progress)
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


def _too_wide(question: Question, side: int, equal: float) -> str:
    """What to do where no number of requests helps, since buckets are wider than the threshold allows."""
    if question.base == (1.0, 1.0) or question.room(side, equal) > 0:
        return ""
    low, high = (end * _MS for end in question.base)
    return f"The buckets are too wide to tell: production's is {low:.3g} to {high:.3g} ms. Allow more, or refine them."
