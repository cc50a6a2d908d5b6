"""The highest rate at which limits hold: rates grow until they break, then the interval between is halved.

Near the knee chance decides whether a rate holds. So each rate says besides whether it holds for certain, fails for
certain, or neither; and what is certain bounds the knee, as long as what a lower rate breaks a higher one breaks too.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass, replace

_CONFIRMED = 3.0  # times as long as other rates
_FEWEST = 1e-3  # of the first rate: where that fails too, nothing holds


@dataclass(frozen=True)
class Tried:
    """A rate that was tried.

    Attributes:
        rate_rps: it.
        held: whether the limits held.
        surely: whether that is certain.
        limited: whether the generator itself could do no more, so that nothing is known.
        requests: that were measured.
        p50_ms: median of the responses.
        p99_ms: their 99th percentile.
        error_rate: share of failures.
        answered_rps: that were answered in a second.
    """

    rate_rps: float
    held: bool
    surely: bool = False
    limited: bool = False
    requests: int = 0
    p50_ms: float = math.nan
    p99_ms: float = math.nan
    error_rate: float = math.nan
    answered_rps: float = math.nan


@dataclass(frozen=True)
class Knee:
    """What a ramp found.

    Attributes:
        rate_rps: the highest rate that held, 0 where none did.
        low: the highest that held for certain; 0 where none did.
        high: the lowest that failed for certain; infinite where none did.
        tried: all rates, in the order in which they were tried.
        limited: whether the generator could do no more before the server was at its end.
    """

    rate_rps: float
    low: float
    high: float
    tried: tuple[Tried, ...]
    limited: bool = False


@dataclass(frozen=True)
class Try:
    """A rate to be tried.

    Attributes:
        rate_rps: it.
        longer: times as long as usual.
    """

    rate_rps: float
    longer: float = 1.0


def search(start_rps: float, growth: float, resolution: float, steps: int) -> Generator[Try, Tried, Knee]:
    """Seek the knee: yields rates to be tried, is sent what became of them, returns what that says.

    Args:
        start_rps: first rate.
        growth: what it is multiplied by, or divided where it fails at once.
        resolution: share by which the lowest rate that failed may lie above the highest that held, at the end.
        steps: rates that are tried, at most.
    """
    tried: list[Tried] = []

    rate, held, failed = start_rps, 0.0, math.inf
    while len(tried) < steps - 1:
        last = yield Try(rate)
        tried.append(last)
        if last.limited:
            break
        if not last.held and not last.surely and len(tried) < steps - 1:  # a moment's trouble is not the server's end
            last = yield Try(rate)
            tried.append(last)
        if last.held:
            held = max(held, rate)
        else:
            failed = min(failed, rate)
        if not held and failed < _FEWEST * start_rps:
            return conclude(tried)
        if math.isinf(failed):
            rate *= growth
        elif not held:
            rate /= growth
        elif failed > held * (1 + resolution):
            rate = math.sqrt(held * failed)
        else:
            break
    while held and len(tried) < steps:
        last = yield Try(held, _CONFIRMED)
        tried.append(last)
        if last.held or last.limited:
            break
        held /= 1 + resolution  # it had held by luck
    found = conclude(tried)
    return replace(found, rate_rps=max(found.low, min(found.rate_rps, held)))


def conclude(tried: list[Tried]) -> Knee:
    """What the rates that were tried say of the knee."""
    known = [each for each in tried if not each.limited]
    high = min((each.rate_rps for each in known if each.surely and not each.held), default=math.inf)
    low = max((each.rate_rps for each in known if each.surely and each.held and each.rate_rps < high), default=0.0)
    # Where a rate was tried twice, the longer try was the later one.
    outcome = {each.rate_rps: each.held for each in known}
    broken = min((rate for rate, held in outcome.items() if not held and rate > low), default=math.inf)
    rate = max((rate for rate, held in outcome.items() if held and rate < broken), default=0.0)
    return Knee(max(rate, low), low, high, tuple(tried), any(each.limited for each in tried))
