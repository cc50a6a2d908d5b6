"""Whether the time to measure suffices for the calls that a limit needs: told from the thresholds alone.

A percentile q is known from above once ln(miss) / ln(q) calls were made, 368 for a p99 at 97.5 %. A call takes its
mean and not its p99, so budget / calls is the slowest mean that can pass, whatever the limit says. Where that is
quicker than any call is, nothing passes: an error. Where it is too little for a model whose every call takes a quarter
of the limit (or half the limit of the median, where there is one), the budget decides and not the limit: a warning,
since a quick model passes for all that.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from weighbridge.components.evaluator.call_gates import BatchGates
from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.components.evaluator.latency.intervals import QUANTILES, calls_needed, side
from weighbridge.components.evaluator.served_gates import ERROR_RATE
from weighbridge.verdict.gate import format_value

_QUICKEST_MS = 0.02  # that a call of any model takes
_QUARTER = 0.25  # of a limit, which every call of a model should be able to take


@dataclass(frozen=True)
class TooShort:
    """A limit on calls that the budget is too short for.

    Attributes:
        location: of the threshold in the section: `("batch_sizes", "64", "p99_ms")`.
        never: whether no model at all can pass; else only the slower ones cannot.
        calls: fewest that tell the percentile.
        slowest_ms: slowest mean of a call that so many fit the budget at.
        budget_s: that would do.
        message: what is wrong.
        hint: what to change.
    """

    location: tuple[str, ...]
    never: bool
    calls: int
    slowest_ms: float
    budget_s: float
    message: str
    hint: str


def too_short(gates: LatencyGates) -> Iterator[TooShort]:
    """The limits of a section that its budget is too short for: those that block, and have a `max`.

    Args:
        gates: the section.
    """
    yield from _of(gates, ("batch_sizes",), gates.batch_sizes)
    yield from _served(gates)
    for name, variant in gates.variants.items():
        yield from _of(gates, ("variants", name, "batch_sizes"), variant.batch_sizes)


def _of(gates: LatencyGates, above: tuple[str, ...], sizes: Mapping[int, BatchGates]) -> Iterator[TooShort]:
    for rows, batch in sizes.items():
        given = batch.given()
        for name, bounds in given.items():
            if name in QUANTILES and bounds.max is not None and bounds.severity == "blocking":
                # A median that blocks is known sooner than a p99, and bounds the mean better.
                median = batch.p50_ms.max if batch.p50_ms and batch.p50_ms.severity == "blocking" else None
                models = 2 if any(each.compares for each in given.values()) else 1
                found = _judge(gates, (*above, str(rows), name), bounds.max, median, models)
                if found is not None:
                    yield found


def _served(gates: LatencyGates) -> Iterator[TooShort]:
    """The limits of a served model that its seconds of load are too few for, whatever the model."""
    served = gates.served
    if served is None:
        return
    miss = side(gates.confidence)
    for name, bounds in served.given().items():
        if name in QUANTILES:
            needed = calls_needed(name, gates.confidence)
        elif name == ERROR_RATE and bounds.max is not None and 0 < bounds.max < 1:
            needed = math.ceil(math.log(miss) / math.log(1 - bounds.max))  # without a single failure
        else:
            continue
        if bounds.severity != "blocking" or bounds.rules().keys() <= {"min"} or served.requests >= needed:
            continue
        seconds = _up(needed / (served.requests / served.load_s))
        yield TooShort(
            ("served", name),
            never=True,
            calls=needed,
            slowest_ms=0.0,
            budget_s=seconds,
            message=f"latency.served.{name}: {served.load_s:g} s at rate_rps {served.rate_rps:g} are about "
            f"{served.requests:,} requests, and {needed:,} tell it at the earliest: no model can pass",
            hint=f"Set latency.served.load_s: {seconds:g}"
            + (", or judge a lower percentile." if name in QUANTILES else ", or a higher max."),
        )


def _judge(
    gates: LatencyGates, location: tuple[str, ...], limit: float, median: float | None, models: int
) -> TooShort | None:
    name = location[-1]
    calls = calls_needed(name, gates.confidence)
    # A first model is timed alone; later, production is timed in turns with it.
    alone_ms = 1000 * gates.budget_s / calls
    slowest_ms = alone_ms / models
    usual_ms = min(_QUARTER * limit, math.inf if median is None else median / 2)
    if slowest_ms >= max(usual_ms, _QUICKEST_MS):
        return None
    never = alone_ms < _QUICKEST_MS
    budget_s = _up(calls * models * max(usual_ms, _QUICKEST_MS) / 1000)
    tail = name.removesuffix("_ms")
    key = ".".join(("latency", *location))
    beside = ", timed beside production," if models > 1 else ""
    slowest = format_value(float(f"{slowest_ms:.3g}"), "ms")
    message = (
        f"{key}: max {limit:g}: budget_s {gates.budget_s:g} is time for the {calls:,} calls that tell a {tail} only "
        f"where a call takes at most {slowest}{beside} on average: "
    )
    if never:
        message += "no model is so quick, so none can pass"
    else:
        message += f"a slower model is refused as inconclusive, though {format_value(limit, 'ms')} are allowed"
    lower = format_value(float(f"{slowest_ms / _QUARTER:.2g}")).replace(",", "")
    hint = f"Set latency.budget_s: {budget_s:g}" + ("." if never else f", or a max of {lower}, which it is enough for.")
    return TooShort(location, never, calls, slowest_ms, budget_s, message, hint)


def _up(seconds: float) -> float:
    """The next number of two digits."""
    power = 10.0 ** max(math.floor(math.log10(seconds)) - 1, 0)
    return math.ceil(seconds / power) * power
