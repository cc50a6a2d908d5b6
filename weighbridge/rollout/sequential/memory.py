"""Memory of a canary's servers: whether it grows, or goes on to grow, beyond what it had when it began."""

import math
from collections.abc import Sequence

import numpy as np

from weighbridge.rollout.observed import Window
from weighbridge.rollout.sequential.asked import Asked
from weighbridge.rollout.sequential.tallies import MOST_MISSING
from weighbridge.verdict import Gate, Status
from weighbridge.verdict.gate import format_value
from weighbridge.verdict.outcome import Rule

_FEWEST = 3  # windows of a step that tell of memory
_MOST = 100  # windows that a slope is told from
_SMOOTHED = 3  # windows of which the middle value counts, so that one spike decides nothing


def memory_gates(asked: Asked, windows: Sequence[Window], step: int) -> list[Gate]:
    """Judge the growth of memory: counted, and not estimated from a sample.

    A server that leaks may be killed and start anew, with little memory: what it had grown to before counts. Each life
    of the servers is held against what it began with, and the one that grew most is judged. It passes only if it would
    not exceed the threshold either if it went on growing for as long again as it has grown lately; memory that fills
    up at the beginning and then stays does not.

    Args:
        asked: its threshold.
        windows: all of the canary.
        step: the one that it is in.
    """
    told = [(window.canary.memory_bytes, window.canary.restarts) for window in windows]
    # A server that is not ready yet answers nothing, and tells nothing.
    here = [window.canary for window in windows if window.step == step]
    now = [counts.memory_bytes for counts in here if counts.requests or counts.memory_bytes is not None]
    known = [value for value in now if value is not None and math.isfinite(value) and value > 0]
    if len(now) - len(known) > MOST_MISSING * len(now) or not known:
        many = f"{len(now) - len(known)} of {len(now)} looks in this step"
        return asked.unmeasured(f"{many} tell nothing of the canary's memory")
    lives = lives_of(told)
    grown, begun = max((max(smoothed(life)) / life[0], life[0]) for life in lives)
    ahead = max(grown, goes_on_to(lives[-1]))
    gates = []
    for rule in asked.rules():
        status: Status = "inconclusive"
        if not rule.allows(grown):
            status = "refused"
        elif len(known) >= _FEWEST and rule.allows(ahead):
            status = "passed"
        gate = asked.gate(rule, status, _sentence(asked, rule, (grown, ahead, begun), status))
        gates.append(gate.model_copy(update={"observed": grown, "interval": (grown, ahead)}))
    return gates


def lives_of(told: Sequence[tuple[float | None, int]]) -> list[list[float]]:
    """Memory of the servers from one start to the next, bytes; a look that tells nothing is left out.

    Args:
        told: memory at the end of each window, None for not told; and restarts within it.
    """
    lives: list[list[float]] = [[]]
    for value, restarts in told:
        if restarts and lives[-1]:
            lives.append([])
        if value is not None and math.isfinite(value) and value > 0:
            lives[-1].append(value)
    return [life for life in lives if life]


def goes_on_to(life: Sequence[float]) -> float:
    """What memory would have grown to, as a ratio, were its later half followed by as much time as all of it took.

    The slope is that of Theil and Sen: the median of all pairs' (Sen, JASA 63, 1968), which spikes do not move.
    """
    values = smoothed(life)
    later = np.array(values[len(values) // 2 :])
    if len(later) < 2:
        return values[-1] / life[0]
    later = later[:: max(1, len(later) // _MOST)]
    step = max(1, (len(values) - len(values) // 2) // _MOST)
    first, second = np.triu_indices(len(later), 1)
    slope = float(np.median((later[second] - later[first]) / ((second - first) * step)))
    return float(np.median(later[-_SMOOTHED:]) + max(slope, 0.0) * len(values)) / life[0]


def smoothed(values: Sequence[float]) -> list[float]:
    """The middle one of the last three at each time; of fewer the least."""
    first = [min(values[: index + 1]) for index in range(min(len(values), _SMOOTHED - 1))]
    if len(values) < _SMOOTHED:
        return first
    views = np.lib.stride_tricks.sliding_window_view(np.array(values), _SMOOTHED)
    return first + np.median(views, axis=1).tolist()


def _sentence(asked: Asked, rule: Rule, found: tuple[float, float, float], status: Status) -> str:
    grown, ahead, begun = found
    value = f"{format_value(grown, 'x')} of the {begun / 2**20:,.0f} MiB that its servers began with"
    if status == "inconclusive":
        more = "after a few looks" if rule.allows(ahead) else f"and on its way to {format_value(ahead, 'x')}"
        return f"{asked.subject} is undecided: {value} {more}, and {rule.limit}."
    if status == "refused":
        return f"{asked.subject} is {value}, but {rule.limit}: the canary leaks memory, or needs more than it may."
    return f"{asked.subject} is {value} ({rule.limit})."
