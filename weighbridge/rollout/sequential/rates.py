"""Shares of requests, such as failures, or recommendations that were bought: thresholds on them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from weighbridge.rollout.sequential.asked import Asked, Proof, more_requests, stays_open
from weighbridge.rollout.sequential.contrast import Contrast, contrast
from weighbridge.rollout.sequential.tallies import Tally
from weighbridge.verdict import Gate
from weighbridge.verdict.outcome import Rule

_ROUNDS, _POINTS = 3, 33  # of grids that an end is looked for on, each between two points of the one before
_RATIOS = np.geomspace(1 / 64, 64, 400)


def rate_gates(asked: Asked, tally: Tally, alone: str) -> Iterator[Gate]:
    """Judge a share.

    Args:
        asked: its thresholds.
        tally: what was counted.
        alone: why nothing can be compared with production, though it should; empty where it can.
    """
    for rule in asked.rules():
        if rule.kind != "value" and asked.not_compared:
            yield asked.skipped(rule)
        elif rule.kind != "value" and (alone or not tally.of_stable.sum()):
            why = alone or "nothing was counted of the model in production"
            yield asked.gate(rule, "unmeasured", f"{asked.subject} could not be compared: {why}. So it cannot pass.")
        else:
            yield asked.judged(rule, _proof(asked, rule, tally))


def _proof(asked: Asked, rule: Rule, tally: Tally) -> Proof:
    times = {"value": 0.0, "change": 1.0}.get(rule.kind, rule.threshold)
    null = 0.0 if rule.kind == "ratio" else rule.threshold
    found = contrast(tally.canary, tally.of_canary, tally.stable, tally.of_stable, times)
    within = bool(found.proves(null, rule.sign, asked.miss, asked.progress))
    beyond = bool(found.proves(null, -rule.sign, asked.false_alarm, asked.progress))
    ours, theirs = float(found.canary), float(found.stable)
    together = found if times else _production(tally)
    baseline = None if together is None else float(together.stable)
    # By the end that must be on the allowed side it passes, by the other it is refused.
    levels = (asked.miss, asked.false_alarm) if rule.sign > 0 else (asked.false_alarm, asked.miss)
    low, high = (
        _ratio_ends(found, levels, asked.progress) if rule.kind == "ratio" else _ends(found, levels, asked.progress)
    )
    observed = {"change": ours - theirs, "value": ours}.get(rule.kind, ours / theirs if theirs else None)
    equal = baseline if baseline is not None else ours
    margin = float(found.margin(null, rule.sign, asked.miss, asked.progress))
    room = rule.sign * (equal - times * equal - null)
    seen = rule.sign * (float(found.difference) - null)
    return Proof(
        observed=observed,
        within=within,
        beyond=beyond,
        baseline=baseline,
        low=low,
        high=high,
        equal_stays_open=stays_open(room, margin, float(found.error(equal - times * equal))),
        advice=more_requests(asked.requests, seen, margin),
    )


def _production(tally: Tally) -> Contrast | None:
    if not (tally.of_stable.sum() and tally.of_canary.sum()):
        return None
    return contrast(tally.canary, tally.of_canary, tally.stable, tally.of_stable)


def _ends(found: Contrast, levels: tuple[float, float], progress: float) -> tuple[float, float]:
    """Differences that are not disproved: between the estimate and the outermost, looked for on ever finer grids."""
    least, most = (-1.0, 1.0) if found.times else (0.0, 1.0)
    estimate, ends = float(found.difference), []
    for sign, level, outermost in ((1, levels[0], least), (-1, levels[1], most)):
        near, far = estimate, outermost
        for _ in range(_ROUNDS):
            grid = np.linspace(near, far, _POINTS)
            proven = found.proves(grid, sign, level, progress)
            if not proven.any():
                near = far
                break
            first = int(np.argmax(proven))
            near, far = float(grid[max(first - 1, 0)]), float(grid[first])
        ends.append(far)
    return ends[0], ends[1]


def _ratio_ends(
    found: Contrast, levels: tuple[float, float], progress: float
) -> tuple[float | None, float | None]:  # fmt: skip
    """Ratios that are not disproved (Fieller, JRSS B 16, 1954: each is held against no difference)."""
    at = replace(found, times=_RATIOS)
    above = at.proves(0.0, 1, levels[0], progress)
    under = at.proves(0.0, -1, levels[1], progress)
    low = float(_RATIOS[above][-1]) if above.any() else 0.0
    high = float(_RATIOS[under][0]) if under.any() else None
    return low, high
