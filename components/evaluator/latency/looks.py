"""When measured times are looked at to decide: known in advance, since every look is a chance to be decided by luck."""

from collections.abc import Callable, Mapping

from weighbridge.verdict import Bounds, Estimate

_MOST = 5
_QUICKEST = 1e-7  # seconds that a call takes, at least
_GROWTH = 2.0  # between two looks, at least: with hardly more calls a look says nothing new


def plan_looks(calls: int, needed: Callable[[int], int], call_s: float, limit_s: float) -> list[int]:
    """The numbers of calls after which a decision is tried.

    Each of several looks may miss less often, so each needs more calls: there are as many as the time allows, at most
    five, and one alone where more would leave none of them enough calls.

    Args:
        calls: fewest calls of the first look.
        needed: fewest calls that can decide anything, if there are so many looks.
        call_s: seconds that a call takes, about, of all contenders together.
        limit_s: seconds to measure at most.

    Returns:
        Calls in all, one number a look, ascending. What time really allows may be fewer.
    """
    most = max(limit_s, 0.0) / max(call_s, _QUICKEST) if call_s > 0 else 0.0
    for looks in range(_MOST, 1, -1):
        first = max(calls, needed(looks))
        growth = float((most / first) ** (1 / (looks - 1)))
        if growth >= _GROWTH:
            return [round(first * growth**look) for look in range(looks)]
    return [max(calls, needed(1))]


def is_decided(thresholds: Mapping[str, Bounds], found: Mapping[str, Mapping[str, Estimate]]) -> bool:
    """Whether no threshold lies inside an interval.

    Args:
        thresholds: by name of the quantity.
        found: what was measured: by contender, `ratio` and `change`, and by name of the quantity.
    """
    return not any(
        bounds.undecided(
            found["candidate"][name],
            change=found.get("change", {}).get(name),
            ratio=found.get("ratio", {}).get(name),
        )
        for name, bounds in thresholds.items()
    )
