"""Whether the traffic that was asked for is in force: by the share of requests that the canary really answers."""

from collections.abc import Sequence
from datetime import timedelta

from weighbridge.components.production_model.canary import CanaryState
from weighbridge.rollout.observed import Window

# How often, at most, a look finds fault with a share that is right: there are hundreds of looks.
_CHANCE = 1e-7
_ENOUGH = 500  # requests of both, the latest of which are looked at: what was before is of before a change took effect
_TOLERANCE = 0.25  # of the share: caches, retries and connections that live on are no faults
_POINTS = 0.005
_GRACE = timedelta(milliseconds=1)  # of rounding


def of_step(windows: Sequence[Window], state: CanaryState) -> list[Window]:
    """The windows that lie wholly in the canary's present step.

    One that began before it holds requests of the step before, which may have been copies in the shadow.
    """
    return [
        window
        for window in windows
        if window.step == state.step and window.end - timedelta(seconds=window.seconds) >= state.step_since - _GRACE
    ]


def share_problem(windows: Sequence[Window], state: CanaryState) -> tuple[str, bool]:
    """Compare the share that was asked for with the one seen, by a binomial test.

    Each request goes to the canary with the probability that was asked for, so their number is binomial. What is far
    from it in practice and beyond chance is found; the rest of the machinery holds as long as it lasts.

    Args:
        windows: of the canary, in order.
        state: says what was asked for.

    Returns:
        What is wrong, a sentence, empty for nothing; and whether the canary gets more than it was to get.
    """
    if state.shadow:
        return "", False
    asked, canary, total = state.percent / 100, 0, 0
    for window in reversed(of_step(windows, state)):
        canary += window.canary.requests
        total += window.canary.requests + window.stable.requests
        if total >= max(_ENOUGH, 20 / max(asked, 1e-4)):
            break
    if not total:
        return "", False
    share = canary / total
    if abs(share - asked) <= max(_TOLERANCE * asked, _POINTS):
        return "", False
    from scipy.stats import binomtest

    if binomtest(canary, total, min(max(asked, 0.0), 1.0)).pvalue >= _CHANCE:
        return "", False
    told = f"{canary:,} of {total:,} requests ({share:.2%}) went to the canary, where {state.percent:g} % was asked for"
    return f"{told}: whoever sets the traffic does not do so.", share > asked
