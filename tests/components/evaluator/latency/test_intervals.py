"""What is concluded from times: intervals that hold the truth as often as they say, drawn many times over."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom

from weighbridge.components.evaluator.latency.intervals import (
    calls_needed,
    of_median,
    order_bounds,
    quantile_bounds,
    side,
    summarise,
)
from weighbridge.components.evaluator.latency.timing import Times


def synthetic(calls: int, rng: np.random.Generator) -> Times:
    """Production and a candidate a tenth slower, on a machine whose speed wanders by a factor of two."""
    machine = np.exp(0.35 * np.sin(np.arange(calls) / 40))
    noise = rng.lognormal(0, 0.05, (2, calls))
    return Times({"candidate": 1.1 * machine * noise[0], "production": machine * noise[1]})


def test_a_wandering_machine_cancels_out_of_the_ratio() -> None:
    found = summarise(synthetic(2000, np.random.default_rng(5)), 1, 0.95)
    ratio, alone = found["ratio"]["throughput_rows_s"], found["candidate"]["throughput_rows_s"]
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low <= 1 / 1.1 <= ratio.high
    width = (alone.high - alone.low) / alone.value  # type: ignore[operator]
    assert (ratio.high - ratio.low) / ratio.value < width / 3
    assert found["ratio"]["p50_ms"].value == pytest.approx(1.1, rel=0.05)
    assert found["change"]["p50_ms"].value == pytest.approx(0.1, rel=0.5)


def test_intervals_hold_the_truth_though_calls_resemble_their_neighbours() -> None:
    rng = np.random.default_rng(6)
    rounds, held = 150, 0
    for seed in range(rounds):
        steps = rng.normal(0, 1, 600)
        wander = np.zeros(600)
        for turn in range(1, 600):
            wander[turn] = 0.5 * wander[turn - 1] + steps[turn]
        median = summarise(Times({"candidate": np.exp(0.1 * wander)}), 1, 0.95, seed=seed)["candidate"]["p50_ms"]
        held += median.low <= 1.0 <= median.high  # type: ignore[operator]
    assert held / rounds >= 0.9  # drawn one by one instead of in blocks, calls hold it in 0.81 of these rounds


def test_the_end_of_a_tail_is_unknown_until_it_was_likely_seen() -> None:
    assert calls_needed("p99_ms", 0.95) == 368
    assert calls_needed("p99_ms", 0.90) == 299
    assert calls_needed("p999_ms", 0.95) == 3688
    assert calls_needed("p99_ms", 0.95, looks=5) == 528
    assert calls_needed("throughput_rows_s", 0.95) == 1
    few = summarise(Times({"candidate": np.ones(300), "production": np.ones(300)}), 1, 0.95)
    assert few["candidate"]["p99_ms"].high == math.inf
    assert (few["ratio"]["p99_ms"].low, few["ratio"]["p99_ms"].high) == (-math.inf, math.inf)
    assert few["candidate"]["p50_ms"].high == 1.0
    many = summarise(Times({"candidate": np.ones(400)}), 1, 0.95)
    assert many["candidate"]["p99_ms"].high == 1.0


@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("calls", [400, 1000])
def test_order_statistics_are_those_of_the_binomial(quantile: float, calls: int) -> None:
    """Of calls that are all alike but for their order: the ranks that scipy's own quantile test gives."""
    from scipy.stats import quantile_test

    values = np.random.default_rng(1).permutation(np.arange(1.0, calls + 1))
    expected = quantile_test(values, q=values.max() / 2, p=quantile).confidence_interval(0.95)
    low, high = order_bounds(values, quantile, 0.025, calls)
    assert low == expected.low
    assert high == expected.high


def lognormal(calls: int, rng: np.random.Generator) -> np.ndarray:
    return rng.lognormal(0, 0.3, calls)


def heavy(calls: int, rng: np.random.Generator) -> np.ndarray:
    return lognormal(calls, rng) * np.where(rng.random(calls) < 0.03, 20, 1)


def of_requests(calls: int, rng: np.random.Generator) -> np.ndarray:
    """Each of 128 requests takes its own time, whenever it is sent."""
    return np.resize(rng.lognormal(0, 0.3, 128), calls) * rng.lognormal(0, 0.02, calls)


@pytest.mark.parametrize(
    ("draw", "calls", "distinct", "quantile"),
    [
        (lognormal, 400, 0, 0.99),
        (heavy, 400, 0, 0.99),
        (heavy, 1600, 0, 0.99),
        (lognormal, 400, 0, 0.5),
        (of_requests, 1600, 128, 0.5),
        (of_requests, 6400, 128, 0.99),
    ],
)
def test_an_interval_of_a_percentile_holds_it_as_often_as_it_says(
    draw: Callable[..., np.ndarray], calls: int, distinct: int, quantile: float
) -> None:
    rng = np.random.default_rng(2)
    truth = np.quantile(np.concatenate([draw(2000, rng) for _ in range(200)]), quantile)
    rounds = 300
    ends = [quantile_bounds(draw(calls, rng), quantile, 0.025, distinct) for _ in range(rounds)]
    held = sum(low <= truth <= high for low, high in ends)
    # As few as that have a chance below one in a thousand if 95 % are promised.
    assert held >= binom.ppf(0.001, rounds, 0.95)


def test_a_request_that_is_repeated_is_no_new_one() -> None:
    """The same 128 requests over and over: what is not known of the others does not become known by asking again."""
    rng = np.random.default_rng(3)
    values = of_requests(6400, rng)
    assert quantile_bounds(values, 0.99, 0.025, 128)[1] == math.inf
    alone = quantile_bounds(values, 0.5, 0.025)
    repeated = quantile_bounds(values, 0.5, 0.025, 128)
    assert repeated[1] - repeated[0] > 3 * (alone[1] - alone[0])
    pairs = Times({"candidate": values, "production": of_requests(6400, rng)}, distinct=128)
    ratio = summarise(pairs, 1, 0.95)["ratio"]["p50_ms"]
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.high / ratio.low > 1.1


def test_more_looks_make_wider_intervals() -> None:
    assert side(0.95) == pytest.approx(0.025)
    assert side(0.95, 5) == pytest.approx(0.005)
    times = synthetic(1000, np.random.default_rng(4))
    once, often = (summarise(times, 1, 0.95, looks)["ratio"]["p50_ms"] for looks in (1, 5))
    assert once.low > often.low  # type: ignore[operator]
    assert once.high < often.high  # type: ignore[operator]


def test_nine_loads_are_bounded_by_their_order_and_fewer_by_student() -> None:
    nine = [float(value) for value in range(1, 10)]
    found = of_median(nine, [2 * value for value in nine], 0.95)
    assert found["candidate"].value == 5
    assert (found["candidate"].low, found["candidate"].high) == (2, 8)
    assert (found["ratio"].low, found["ratio"].value, found["ratio"].high) == (0.5, 0.5, 0.5)
    three = of_median([10.0, 12.0, 11.0], [], 0.95)["candidate"]
    assert three.value == 11
    assert three.low == pytest.approx(8.75, abs=0.1)
    assert three.high == pytest.approx(13.8, abs=0.1)
    assert of_median([10.0], [], 0.95)["candidate"].high == math.inf
    assert of_median([math.nan, 1.0, 2.0], [], 0.95)["candidate"].low is None


@pytest.mark.parametrize("loads", [3, 9])
def test_an_interval_of_a_few_loads_holds_their_median(loads: int) -> None:
    rng = np.random.default_rng(5)
    rounds = 400
    found = [of_median(list(rng.lognormal(0, 0.2, loads)), [], 0.95)["candidate"] for _ in range(rounds)]
    held = sum(each.low <= 1.0 <= each.high for each in found)  # type: ignore[operator]
    assert held >= binom.ppf(0.001, rounds, 0.95)
