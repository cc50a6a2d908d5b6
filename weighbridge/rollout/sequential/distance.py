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


def _proof(asked: Asked, limit: float, tally: Tally) -> Proof:
    upto = tally.upto()
    # Edges that nothing lies between tell the same.
    told = np.flatnonzero((tally.canary.sum(axis=0) + tally.stable.sum(axis=0))[:-1] > 0)
    told = told if len(told) else np.array([0])
    found = contrast(
        upto.canary[:, told], tally.of_canary[:, None], upto.stable[:, told], tally.of_stable[:, None]
    )  # fmt: skip
    progress, each = asked.progress, asked.false_alarm / (2 * len(told))
    difference = found.difference
    margins = [found.margin(sign * limit, -sign, asked.miss, progress) for sign in (1, -1)]
    rooms = [limit - sign * difference for sign in (1, -1)]
    within = all(bool((room > 0).all() and (room >= margin).all()) for room, margin in zip(rooms, margins, strict=True))
    beyond = any(bool(found.proves(sign * limit, sign, each, progress).any()) for sign in (1, -1))
    worst = int(np.argmax(np.abs(difference)))
    sign = 1 if difference[worst] >= 0 else -1
    margin = float(margins[0 if sign > 0 else 1][worst])
    low, high = _ends(found, each, asked.miss, progress)
    spread = float(found.error(0.0).max())
    widest = float(max(each.max() for each in margins))
    return Proof(
        observed=float(abs(difference[worst])),
        within=within,
        beyond=beyond,
        low=low,
        high=high,
        # Of two directions at the edge that varies most; the largest of many differences lies about one error off.
        equal_stays_open=min(1.0, 2 * stays_open(limit, widest, spread)),
        advice=more_requests(asked.requests, float(limit - abs(difference[worst])), margin),
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
