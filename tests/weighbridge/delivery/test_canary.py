"""A canary on quiet and noisy machines. Times are drawn, and the clock is theirs; the rules and statistics are real."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.components.evaluator.latency.drawn import Contender, draw_times
from weighbridge.common.errors import InfrastructureError
from weighbridge.delivery.canary import weigh_calls
from weighbridge.thresholds.delivery import Stage
from weighbridge.thresholds.gates_file import LatencyGates
from weighbridge.verdict import Gate

THRESHOLDS = LatencyGates.model_validate({"batch_sizes": {1: {"p99_ms": {"max": 1000}}}})
TAIL = {"p99_ms": {"max_ratio": 2.0}}
AT_ONCE = TAIL | {"calls": 600}
Noise = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def quiet(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return times


def pauses(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The machine's own: 3 to 7 ms in one call of fifty, which is all that a p99 sees."""
    return times + np.where(rng.random(len(times)) < 0.02, rng.uniform(3, 7, len(times)), 0)


def slow_hundredth(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One call of a hundred takes 20 times as long: whether the p99 is one of them is a matter of luck."""
    return times * np.where(rng.random(len(times)) < 0.01, 20, 1)


def swamped(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The machine's waits are thirty times what the model takes."""
    return times + rng.exponential(20, len(times))


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Gate]]:
    """A canary of a candidate that takes so many times as long as production, which takes 0.3 ms a call."""

    def run(slower: float, noise: Noise, seed: int = 0, **stage: Any) -> list[Gate]:
        rng = np.random.default_rng(seed)

        def draw(names: list[str], calls: int) -> dict[str, np.ndarray]:
            times = {name: 0.3 * rng.lognormal(0, 0.08, calls) for name in names}
            times["candidate"] *= slower
            return {name: noise(values, rng) for name, values in times.items()}

        draw_times(monkeypatch, draw, call_s=0.0015, most=6000)
        given = Stage.model_validate({"stage": "canary", "calls": 200, "budget_s": 10, **(stage or TAIL)})
        contenders = {name: Contender() for name in ("candidate", "production", "control")}
        return weigh_calls("canary", given, contenders, THRESHOLDS)

    return run


def refusals(gates: list[Gate]) -> list[str]:
    return [gate.name for gate in gates if gate.refuses]


@pytest.mark.parametrize("noise", [quiet, pauses])
def test_an_equal_model_passes_and_is_told_what_would_have_been_refused(canary: Any, noise: Noise) -> None:
    gates = canary(1.0, noise)
    assert refusals(gates) == []
    slowdown = gates[-1]
    assert slowdown.name == "canary.slowdown.max"
    assert 1.4 < slowdown.observed < 1.75
    assert slowdown.message == f"A model {slowdown.observed:.3g}x slower than production would have been refused."


@pytest.mark.parametrize("slower", [2.0, 5.0])
@pytest.mark.parametrize("noise", [quiet, pauses, slow_hundredth])
def test_a_model_twice_as_slow_is_refused_for_its_median_though_the_tail_is_the_machines(
    canary: Any, noise: Noise, slower: float
) -> None:
    assert "canary.p50_ms.max_ratio" in refusals(canary(slower, noise))


@pytest.mark.parametrize("slower", [1.0, 2.0, 5.0])
def test_a_machine_that_hides_the_model_says_so_and_says_nothing_of_the_model(canary: Any, slower: float) -> None:
    with pytest.raises(InfrastructureError, match="too noisy to time the model") as raised:
        canary(slower, swamped)
    assert "Run the same command again" in raised.value.hint


def test_a_tail_that_production_does_not_hold_itself_refuses_no_model(canary: Any) -> None:
    told = []
    for seed in range(4):
        try:
            assert refusals(canary(1.0, slow_hundredth, seed)) == []  # by luck neither tail was met
        except InfrastructureError as error:
            told.append(error.message)
    assert len(told) >= 2
    assert all(re.search(r"production's own p99_ms (may differ by more than 2x|differs by)", each) for each in told)


WARNED = {"p50_ms": {"max_ratio": 1.5}, "p99_ms": {"max_ratio": 2.0, "severity": "warning"}}


def test_a_tail_that_is_only_warned_of_hides_no_slowdown_and_ends_nothing(canary: Any) -> None:
    for seed in range(3):
        gates = canary(1.0, slow_hundredth, seed, **WARNED)
        assert refusals(gates) == []
        assert gates[-1].name == "canary.slowdown.max"
    with pytest.raises(InfrastructureError, match="too noisy"):
        canary(2.0, swamped, **WARNED)


def test_what_is_not_compared_needs_no_control(canary: Any) -> None:
    gates = canary(1.0, pauses, p99_ms={"max": 50})
    assert refusals(gates) == []
    assert [gate.name for gate in gates] == ["canary.calls.answered", "canary.p99_ms.max"]


def test_the_median_can_be_compared_otherwise(canary: Any) -> None:
    gates = canary(2.0, quiet, p50_ms={"max_ratio": 3.0}, p99_ms={"max_ratio": 3.0})
    assert refusals(gates) == []
    assert gates[-1].observed == pytest.approx(3.0, abs=0.6)
    assert gates[-1].threshold == 5.0


@pytest.mark.slow
@pytest.mark.parametrize("noise", [quiet, pauses])
def test_how_often_a_canary_is_wrong(canary: Any, noise: Noise) -> None:
    """Equal models are hardly ever refused; models at the limit of the median pass no more often than promised."""
    rounds = 20

    def outcome(slower: float, seed: int) -> str:
        try:
            return "refused" if refusals(canary(slower, noise, seed, **AT_ONCE)) else "passed"
        except InfrastructureError:
            return "too noisy"

    assert [outcome(1.0, seed) for seed in range(rounds)].count("refused") <= 1
    # More than 3 of 20 have a chance of 0.2 % at the promised 2.5 %.
    assert [outcome(1.5, seed) for seed in range(rounds)].count("passed") <= 3
