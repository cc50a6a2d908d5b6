"""Alpha spending: the shares add up to one, and ten tries at a threshold pass no more often than one may."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.components.evaluator.attempts import at_attempt
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.quality import intervals
from weighbridge.components.evaluator.quality.judge import judge
from weighbridge.components.evaluator.quality.kernels import KERNELS
from weighbridge.components.evaluator.quality.metrics_api import MetricRow, MetricsResponse
from weighbridge.components.evaluator.spending import by_luck, share
from weighbridge.verdict import Estimate

METRIC = "binary_accuracy"
MARGIN = 0.02
GATES = QualityGates.model_validate({"metrics": {METRIC: {"min_change": -MARGIN}}})


@given(st.integers(1, 5000))
def test_no_number_of_attempts_spends_more_than_all(attempts: int) -> None:
    spent = math.fsum(share(number) for number in range(1, attempts + 1))
    # What the integral of 1/k² leaves for those still to come.
    assert spent + 6 / (math.pi**2 * (attempts + 1)) <= 1
    assert spent + 6 / (math.pi**2 * attempts) >= 1


@given(st.integers(1, 10_000))
def test_a_later_attempt_is_judged_more_strictly(number: int) -> None:
    assert 0 < share(number + 1) < share(number) < 1


def test_the_shares_are_those_of_the_page() -> None:
    assert [round(100 * share(number), 1) for number in (1, 2, 3, 10)] == [60.8, 15.2, 6.8, 0.6]


@pytest.mark.parametrize(("attempts", "chance"), [(1, 0.05), (3, 0.142625), (10, 0.401263)])
def test_luck_of_several_independent_tries(attempts: int, chance: float) -> None:
    assert by_luck(0.05, attempts) == pytest.approx(chance, abs=1e-6)


def test_only_the_risk_changes_with_the_attempt() -> None:
    changed = at_attempt(GATES, 3)
    assert changed.risk.false_pass == pytest.approx(0.05 * share(3))
    assert changed.confidence == pytest.approx(1 - 2 * 0.05 * share(3))
    assert changed.model_copy(update={"risk": GATES.risk}) == GATES


def passes(rng: np.random.Generator, gates: list[QualityGates], rows: int, loss: float) -> list[bool]:
    """Whether each of several candidates that lose `loss` passes, all on the same rows beside the same production."""
    labels = rng.integers(0, 2, rows).astype(float)
    hard = rng.random(rows) < 0.5  # rows on which models err

    def predictions(accuracy: float) -> np.ndarray:
        wrong = hard & (rng.random(rows) < 2 * (1 - accuracy))
        return np.where(wrong, 1 - labels, labels)

    kernel = KERNELS[METRIC]
    production = intervals.replicate(kernel, labels, predictions(0.85))
    passed = []
    for each in gates:
        candidate = intervals.replicate(kernel, labels, predictions(0.85 - loss))
        row = MetricRow(
            name=METRIC,
            rows=rows,
            candidate=Estimate(candidate[0]),
            production=Estimate(production[0]),
            change=intervals.change(kernel, candidate, production, each.confidence, rows, same=False),
        )
        found = judge(each, MetricsResponse(rows, (row,)), in_production=True)
        passed.append(not any(gate.refuses for gate in found))
    return passed


def test_ten_tries_at_the_margin_pass_no_more_often_than_one_may() -> None:
    """800 ledgers; the tolerance is three standard errors of so many at 5 %."""
    repetitions, tries = 800, 10
    rng = np.random.default_rng(9)
    spent = [at_attempt(GATES, number) for number in range(1, tries + 1)]
    lucky = sum(any(passes(rng, spent, 1000, MARGIN)) for _ in range(repetitions)) / repetitions
    assert lucky <= 0.05 + 3 * (0.05 * 0.95 / repetitions) ** 0.5
    # Each judged as if it were the first and last.
    unspent = sum(any(passes(rng, [GATES] * tries, 1000, MARGIN)) for _ in range(repetitions)) / repetitions
    assert unspent > 0.15


def test_a_model_as_good_as_production_passes_as_the_tenth_where_the_rows_suffice() -> None:
    rng = np.random.default_rng(10)
    passed = [passes(rng, [at_attempt(GATES, 10)], 20_000, 0.0)[0] for _ in range(100)]
    assert np.mean(passed) > 0.95
