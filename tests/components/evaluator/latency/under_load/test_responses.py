"""Intervals of requests that wait for each other cover the truth as often as they say."""

import math

import numpy as np
import pytest

from tests.components.evaluator.latency.under_load.queues import responses, sojourns
from weighbridge.components.evaluator.latency.under_load.responses import bounds, error_rate, summarise

MISS = 0.025


def truth(load: float, service: str, share: float) -> float:
    """The percentile in the long run: of M/M/1 the response time is exponential (Kleinrock, Queueing Systems, 1975)."""
    if service == "M":
        return -math.log(1 - share) / (1 - load)
    return float(np.quantile(sojourns(np.random.default_rng(99), 20, 100_000, load, service)[:, 5000:], share))


@pytest.mark.parametrize("service", ["M", "D"])
@pytest.mark.parametrize("load", [0.3, 0.5, 0.8])
def test_each_end_misses_as_often_as_stated_although_a_queue_makes_neighbours_alike(load: float, service: str) -> None:
    # As if each request were on its own, ends miss in up to a third of the draws.
    rng, draws = np.random.default_rng(1), 300
    wanted = {share: truth(load, service, share) for share in (0.5, 0.99)}
    missed = {(share, end): 0 for share in wanted for end in ("low", "high")}
    for _ in range(draws):
        found = responses(sojourns(rng, 30, 400, load, service))
        groups = found.groupings(1)
        for share, true in wanted.items():
            low, high = bounds(found.times, share, MISS, groups, 30)
            missed[share, "low"] += low > true
            missed[share, "high"] += high < true
    # The tolerance: three standard errors of so many draws above 2.5 %, and a half more for what segments leave out.
    most = draws * MISS * 1.5 + 3 * math.sqrt(draws * MISS)
    assert max(missed.values()) <= most, missed


def test_independent_requests_are_the_most_that_there_can_be_and_dependent_ones_fewer() -> None:
    rng = np.random.default_rng(2)
    plain = responses(rng.exponential(1.0, (30, 400)))
    queue = responses(sojourns(rng, 30, 400, 0.8, "M"))
    width = {}
    for name, each in (("plain", plain), ("queue", queue)):
        low, high = bounds(each.times, 0.5, MISS, each.groupings(1), 30)
        width[name] = (high - low) / np.median(each.times)
    assert width["queue"] > 2 * width["plain"]


@pytest.mark.slow
def test_a_ratio_of_two_queues_covers_the_truth() -> None:
    rng, draws, misses = np.random.default_rng(3), 40, 0
    true = truth(0.5, "M", 0.5) / truth(0.4, "M", 0.5)
    for _ in range(draws):
        found = {
            "candidate": responses(sojourns(rng, 30, 150, 0.5, "M")),
            "production": responses(sojourns(rng, 30, 150, 0.4, "M")),
        }
        ratio = summarise(found, 0.95, 1)["ratio"]["p50_ms"]
        misses += not ratio.low <= true <= ratio.high
    assert misses <= draws * 0.05 + 3 * math.sqrt(draws * 0.05)


def test_too_few_requests_or_segments_leave_ends_open() -> None:
    rng = np.random.default_rng(4)
    few = responses(rng.exponential(1.0, (30, 12)))
    assert bounds(few.times, 0.99, MISS, few.groupings(1), 30)[1] == math.inf
    one = responses(rng.exponential(1.0, (5, 2000)))
    assert bounds(one.times, 0.5, MISS, one.groupings(1), 5) == (-math.inf, math.inf)
    found = summarise({"candidate": few, "production": few}, 0.95, 1)
    assert not found["ratio"]["p99_ms"].known
    assert found["ratio"]["p50_ms"].known


def test_failures_that_come_together_tell_less_than_as_many_on_their_own() -> None:
    rng = np.random.default_rng(5)
    alone = rng.random((30, 400)) < 0.02
    together = np.zeros((30, 400), np.bool_)
    together[7, :240] = True  # a restart
    found = {}
    for name, failed in (("alone", alone), ("together", together)):
        each = responses(np.ones((30, 400)), failed)
        found[name] = error_rate(each.failed, MISS, each.groupings(1), 30)
    assert found["alone"].high < 0.03
    assert found["together"].high > 2 * found["alone"].high
    assert found["together"].low < 0.002


def test_the_share_of_failures_is_covered() -> None:
    rng, draws, misses = np.random.default_rng(6), 400, 0
    for _ in range(draws):
        each = responses(np.ones((30, 100)), rng.random((30, 100)) < 0.01)
        found = error_rate(each.failed, MISS, each.groupings(1), 30)
        misses += found.high < 0.01
    assert misses <= draws * MISS + 3 * math.sqrt(draws * MISS)


def test_no_failure_among_so_many_is_told_by_the_rule_of_three() -> None:
    each = responses(np.ones((30, 125)))  # 3,000 are left
    found = error_rate(each.failed, MISS, each.groupings(1), 30)
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(1 - MISS ** (1 / 3000), rel=1e-6)


def test_failures_of_two_models_are_compared_by_both_intervals() -> None:
    rng = np.random.default_rng(7)
    found = summarise(
        {
            "candidate": responses(np.ones((30, 200)), rng.random((30, 200)) < 0.05),
            "production": responses(np.ones((30, 200)), rng.random((30, 200)) < 0.01),
        },
        0.95,
        1,
    )
    change = found["change"]["error_rate"]
    assert change.low < 0.04 < change.high
    assert change.low > 0.02
