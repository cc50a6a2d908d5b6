"""The parts that a live canary is judged by: boundaries, contrasts, quantiles of buckets, memory."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.weighbridge.rollout.made_windows import LATENCY, Made, Traffic, Truth, made
from weighbridge.rollout.judge import judge
from weighbridge.rollout.sequential.boundary import evidence, standard_errors
from weighbridge.rollout.sequential.contrast import contrast
from weighbridge.rollout.sequential.memory import goes_on_to, lives_of
from weighbridge.rollout.sequential.quantiles import Place, place_of, quantile_of, unknown, value_at
from weighbridge.thresholds.canary import CanaryGates


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.05])
def test_the_boundary_is_rarely_ever_crossed_and_not_by_far(alpha: float) -> None:
    rng = np.random.default_rng(1)
    draws, steps = 4000, 400
    # Times that grow by a constant factor, so that many magnitudes are looked at.
    times = np.geomspace(1e-3, 1e3, steps)
    walk = np.cumsum(rng.normal(0, np.sqrt(np.diff(times, prepend=0.0)), (draws, steps)), axis=1)
    crossed = (walk > np.sqrt(times) * standard_errors(alpha, times)).any(axis=1).mean()
    assert crossed <= alpha + 3 * math.sqrt(alpha / draws)
    if alpha == 0.05:
        assert crossed > alpha / 3


def test_a_look_costs_most_long_before_and_long_after_the_planned_end() -> None:
    at = standard_errors(0.01, np.array([0.01, 1.0, 100.0]))
    assert at[1] < at[0]
    assert at[1] < at[2]
    assert evidence(0.01, 1.0) > math.log(1 / 0.01)


def test_what_hits_both_alike_falls_out() -> None:
    rng = np.random.default_rng(2)
    of = np.full(200, 100.0)
    together = np.clip(0.5 + 0.2 * rng.normal(size=200), 0.05, 0.95)
    apart = np.clip(0.5 + 0.2 * rng.normal(size=200), 0.05, 0.95)
    ours = rng.binomial(100, together).astype(float)
    alike = contrast(ours, of, rng.binomial(100, together).astype(float), of)
    unlike = contrast(ours, of, rng.binomial(100, apart).astype(float), of)
    assert float(alike.effect) < 1.8
    assert float(unlike.effect) > 8
    assert float(alike.error(0.0)) < 0.5 * float(unlike.error(0.0))


def test_what_lasts_over_windows_is_told_by_groups_of_them() -> None:
    rng = np.random.default_rng(3)
    of = np.full(256, 50.0)
    steady = rng.binomial(50, 0.3, 256).astype(float)
    lasting = rng.binomial(50, np.repeat(rng.choice([0.2, 0.4], 16), 16)).astype(float)
    assert float(contrast(lasting, of, steady, of).effect) > 8 * float(contrast(steady, of, steady[::-1], of).effect)


def test_no_failures_are_no_proof_of_none() -> None:
    none = np.zeros(10)
    few, many = np.full(10, 20.0), np.full(10, 400.0)
    assert not contrast(none, few, none, few).proves(0.01, -1, 0.05, 1.0)
    assert contrast(none, many, none, many).proves(0.01, -1, 0.05, 1.0)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(*(st.integers(0, 50) for _ in range(4))), min_size=1, max_size=12),
    st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    st.floats(-0.9, 0.9),
)
def test_nothing_is_proven_to_lie_on_both_sides(
    counts: list[tuple[int, int, int, int]], times: float, null: float
) -> None:
    numbers = np.array(counts, dtype=np.float64)
    of, of_stable = numbers[:, 0] + numbers[:, 1], numbers[:, 2] + numbers[:, 3]
    found = contrast(numbers[:, 0], of, numbers[:, 2], of_stable, times)
    above, under = (bool(found.proves(null, sign, 0.05, 1.0)) for sign in (1, -1))
    assert not (above and under)
    for value in (found.canary, found.stable, found.effect):
        assert np.isfinite(value)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 100), min_size=6, max_size=6).filter(any), st.floats(0.01, 0.99))
def test_a_quantile_of_buckets_lies_where_its_share_is(counts: list[int], p: float) -> None:
    edges = np.array([0.01, 0.02, 0.05, 0.1, 0.3, math.inf])
    shares = np.array(counts) / sum(counts)
    place = quantile_of(shares, p)
    before = shares[: place.bucket].sum() + place.part * shares[place.bucket]
    assert before == pytest.approx(p, abs=1e-9)
    if math.isfinite(value := value_at(edges, place)) and value > 0:
        again = place_of(edges, value)
        assert value_at(edges, again) == pytest.approx(value)


def test_the_middle_of_a_bucket_that_holds_everything_is_known_to_its_edges_alone() -> None:
    everything = np.array([0.0, 1.0, 0.0, 0.0])
    assert unknown(everything, Place(1, 0.5)) == 0.5
    assert unknown(everything, Place(1, 0.0)) == unknown(everything, Place(2, 0.5)) == 0.0
    smooth = np.diff(1 / (1 + np.exp(-np.linspace(-6, 6, 60))))
    assert unknown(smooth, Place(30, 0.5)) < 0.01
    assert unknown(np.array([0.5, 0.5]), Place(1, 0.0)) == 0.5  # beyond the last edge


@pytest.mark.parametrize("median_ms", np.linspace(20.0, 22.0, 6).tolist())
@pytest.mark.parametrize(("times", "status"), [(1.0, "passed"), (1.3, "refused")])
def test_where_the_buckets_are_cut_does_not_decide(median_ms: float, times: float, status: str) -> None:
    gates = CanaryGates.model_validate({"steps": [{"percent": 50, "requests": 4000}]})
    both = Made(np.random.default_rng(9), stable=Truth(median_s=median_ms / 1000, sd=0.2))
    both.canary = Truth(median_s=times * median_ms / 1000, sd=0.2)
    windows = both.step(0, Traffic(share=0.5)).windows
    assert LATENCY[1] / LATENCY[0] == pytest.approx(1.1)
    assert next(gate.status for gate in judge(gates, windows) if gate.name == "canary.p50_ms.max_ratio") == status


def test_a_leak_is_seen_ahead_and_memory_that_fills_up_is_none() -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(1, 0.01, 60)
    steady, leaks = (5e8 * noise).tolist(), (5e8 * (1 + 0.004 * np.arange(60)) * noise).tolist()
    fills = (5e8 * (1.3 - 0.3 * np.exp(-np.arange(60) / 8)) * noise).tolist()
    assert goes_on_to(steady) < 1.1
    assert goes_on_to(fills) < 1.4
    assert 1.35 < goes_on_to(leaks) < 1.6


def test_a_leaking_server_that_is_killed_again_and_again_is_found() -> None:
    gates = CanaryGates.model_validate({"steps": [{"percent": 10, "requests": 4000}]})
    windows = made(5)
    told = []
    for place, window in enumerate(windows):
        part = place % 12
        canary = replace(window.canary, memory_bytes=5e8 * (1 + 0.08 * part), restarts=int(part == 0 and place > 0))
        told.append(replace(window, canary=canary))
    found = {gate.name: gate for gate in judge(gates, told)}["canary.memory_ratio.max"]
    assert found.status == "refused"
    assert found.observed == pytest.approx(1.8)
    assert len(lives_of([(window.canary.memory_bytes, window.canary.restarts) for window in told])) == 5


def test_memory_before_a_server_is_ready_is_not_asked_for() -> None:
    gates = CanaryGates.model_validate({"steps": [{"percent": 10, "requests": 4000}]})
    windows = made(6)
    waiting = [
        replace(each, canary=replace(each.canary, requests=0, errors=0, memory_bytes=None)) for each in windows[:20]
    ]
    found = {gate.name: gate.status for gate in judge(gates, [*waiting, *windows[20:]])}
    assert found["canary.memory_ratio.max"] == "passed"
