"""How far apart the predictions of the two models are: the largest difference of their cumulative distributions."""

from collections.abc import Iterator

import numpy as np

from weighbridge.rollout.sequential.asked import Asked, Proof, more_requests, stays_open
from weighbridge.rollout.sequential.contrast import Contrast, contrast
from weighbridge.rollout.sequential.tallies import Tally
from weighbridge.verdict import Gate

_DISTANCES = np.linspace(0.0, 1.0, 201)[:, None]  # that ends are told by


def distance_gates(asked: Asked, tally: Tally, alone: str) -> Iterator[Gate]:
    """Judge the distance of Kolmogorov and Smirnov, by the edges of the buckets.

    That it is within is proven where each edge proves it, so that no edge costs anything; that it is beyond where one
    does, for which the edges share what may go wrong.

    Args:
        asked: its threshold.
        tally: counts of both by bucket, shape [windows, buckets].
        alone: see `rate_gates`.
    """
    for rule in asked.rules():
        if asked.not_compared:
            yield asked.skipped(rule)
        elif alone or not tally.of_stable.sum():
            why = alone or "nothing was counted of the model in production"
            yield asked.gate(rule, "unmeasured", f"{asked.subject} could not be compared: {why}. So it cannot pass.")
        else:
            yield asked.judged(rule, _proof(asked, rule.threshold, tally))


def compared(tally: Tally) -> Contrast:
    """Shares of both at most at each edge that something lies below or above; shape [edges]."""
    upto = tally.upto()
    told = np.flatnonzero((tally.canary.sum(axis=0) + tally.stable.sum(axis=0))[:-1] > 0)
    told = told if len(told) else np.array([0])
    return contrast(upto.canary[:, told], tally.of_canary[:, None], upto.stable[:, told], tally.of_stable[:, None])


def is_within(found: Contrast, limit: float, miss: float, progress: float) -> bool:
    """Whether the distance is proven to be less than a limit: each edge, the worst one too, must prove it."""
    return all(bool(found.proves(sign * limit, -sign, miss, progress).all()) for sign in (1, -1))


def is_beyond(found: Contrast, limit: float, false_alarm: float, progress: float) -> bool:
    """Whether it is proven to be more: one edge must prove it, and all in both directions share what may go wrong."""
    each = false_alarm / (2 * found.canary.size)
    return any(bool(found.proves(sign * limit, sign, each, progress).any()) for sign in (1, -1))


def _proof(asked: Asked, limit: float, tally: Tally) -> Proof:
    found, progress = compared(tally), asked.progress
    worst = int(np.argmax(np.abs(found.difference)))
    observed = float(abs(found.difference[worst]))
    margins = np.maximum(*(found.margin(sign * limit, -sign, asked.miss, progress) for sign in (1, -1)))
    low, high = _ends(found, asked.false_alarm / (2 * found.canary.size), asked.miss, progress)
    return Proof(
        observed=observed,
        within=is_within(found, limit, asked.miss, progress),
        beyond=is_beyond(found, limit, asked.false_alarm, progress),
        low=low,
        high=high,
        # At the edge that varies most, in two directions.
        equal_stays_open=min(1.0, 2 * stays_open(limit, float(margins.max()), float(found.error(0.0).max()))),
        advice=more_requests(asked.requests, limit - observed, float(margins[worst])),
    )


def _ends(found: Contrast, beyond: float, within: float, progress: float) -> tuple[float, float]:
    """Distances that are not disproved.

    Args:
        found: at each edge, shape [edges].
        beyond: how often, at most, it is wrongly proven at one edge in one direction to be more than a distance.
        within: the same of being less than it.
        progress: see `evidence`.
    """
    more = np.zeros(len(_DISTANCES), dtype=bool)
    less = np.ones(len(_DISTANCES), dtype=bool)
    for sign in (1, -1):
        more |= found.proves(sign * _DISTANCES, sign, beyond, progress).any(axis=1)
        less &= found.proves(sign * _DISTANCES, -sign, within, progress).all(axis=1)
    low = float(_DISTANCES[more][-1, 0]) if more.any() else 0.0
    high = float(_DISTANCES[less][0, 0]) if less.any() else 1.0
    return low, high
