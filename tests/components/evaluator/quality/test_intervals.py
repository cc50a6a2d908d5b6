"""Intervals of metrics: as often right as they say, also where rows belong together."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from tests.components.evaluator.coverage import CASES, Case, estimates, named, value
from tests.components.evaluator.test_jackknife import held
from weighbridge.components.evaluator.quality import metrics
from weighbridge.components.evaluator.quality.intervals import Groups
from weighbridge.components.evaluator.quality.metrics_api import MetricRow, MetricsRequest, Predictions

QUICK = [case for case in CASES if case.rows <= 100]


@pytest.mark.parametrize("case", QUICK, ids=named)
def test_intervals_hold_the_truth_as_often_as_they_say_or_are_not_given(case: Case) -> None:
    """All built-in metrics; how often they may miss, `held` says."""
    assert held(case, 80) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case not in QUICK], ids=named)
def test_intervals_of_many_rows_do_so_too(case: Case) -> None:
    assert held(case, 150) == []


def test_few_rows_of_a_class_tell_nothing_of_it_and_enough_of_the_rest() -> None:
    labels = np.repeat([1.0, 0.0], [19, 181])
    predictions = np.random.default_rng(1).random(200)
    groups = Groups.rows(200)
    known = {
        name: estimates(name, labels, [predictions], groups, [0.9])[0].known
        for name in ("auc", "recall", "miss_rate", "balanced_accuracy", "specificity", "fall_out", "binary_accuracy")
    }
    assert [name for name, given in known.items() if given] == ["specificity", "fall_out", "binary_accuracy"]


def test_of_a_class_that_is_never_called_half_of_balanced_accuracy_is_unknown() -> None:
    labels, predictions = np.tile([0.0, 1.0], 50), np.tile([0.1, 0.2], 50)
    predictions[0] = 0.9
    (found,) = estimates("balanced_accuracy", labels, [predictions], Groups.rows(100), [0.9])
    assert not found.known


def test_decisions_that_agree_may_differ_on_other_rows_and_equal_predictions_cannot() -> None:
    rng = np.random.default_rng(2)
    labels, ours = rng.integers(0, 2, 200).astype(float), rng.random(200)
    theirs = np.where(ours > 0.5, 0.9, 0.1)
    groups = Groups.rows(200)
    (found,) = estimates("binary_accuracy", labels, [ours, theirs], groups, [0.9])
    none_of_200 = 1 - 0.05 ** (1 / 200)
    assert (found.value, found.low, found.high) == pytest.approx((0, -none_of_200, none_of_200))
    (same,) = estimates("binary_accuracy", labels, [ours, np.array(ours)], groups, [0.9])
    assert (same.value, same.low, same.high) == (0, 0, 0)


def of_customers(rng: np.random.Generator, customers: int) -> tuple[np.ndarray, ...]:
    """Labels, predictions, production's predictions, and whose each row is: a customer's rows are much alike."""
    rows = rng.geometric(0.1, customers)
    customer = np.repeat(np.arange(customers), rows)
    taste, blind = rng.normal(0, 1, customers), rng.normal(0, 1, customers)
    labels = (taste[customer] + rng.normal(0, 0.5, len(customer)) > 0).astype(float)

    def model(seen: float) -> np.ndarray:
        score = seen * taste + blind + rng.normal(0, 0.7, customers)
        return np.asarray(1 / (1 + np.exp(-score[customer] - rng.normal(0, 0.3, len(customer)))))

    return labels, model(1.6), model(1.5), np.array([f"c{each}" for each in customer], object)


def weigh(rows: tuple[np.ndarray, ...], unit: str | None, confidence: float = 0.95) -> dict[str, MetricRow]:
    """What the built-in provider gives for them."""
    labels, candidate, production, customer = rows
    request = MetricsRequest(
        metrics=("auc", "binary_accuracy", "mean_squared_error"),
        slices=(),
        confidence=confidence,
        label="y",
        examples="",
        split="eval",
        schema=None,
        candidate=Path(),
        production=Path(),
        predictions=lambda: Predictions(labels, candidate, production, {"customer": customer}),
        unit=unit,
    )
    return {row.name: row for row in metrics.compute(request).metrics}


KINDS: dict[str, Callable[[MetricRow], object]] = {"value": lambda row: row.candidate, "change": lambda row: row.change}


@pytest.mark.parametrize("customers", [40, pytest.param(150, marks=pytest.mark.slow)])
def test_rows_of_a_customer_are_left_out_together_where_they_are_alike(customers: int) -> None:
    """Simulated: with the unit 95 % intervals hold at least 93 % (90 %: 88 %), without it far fewer."""
    rng = np.random.default_rng(3)
    labels, *models, _ = of_customers(rng, 60_000)
    rounds = 100
    samples = [of_customers(rng, customers) for _ in range(rounds)]
    for confidence, least in ((0.95, 0.93), (0.9, 0.88)):
        whole = [weigh(rows, "customer", confidence) for rows in samples]
        split = [weigh(rows, None, confidence) for rows in samples]
        for name in ("auc", "binary_accuracy", "mean_squared_error"):
            ours, theirs = (value(name, labels, model) for model in models)
            for kind, truth in (("value", ours), ("change", ours - theirs)):
                with_unit, without = (
                    sum(each.low <= truth <= each.high for row in found for each in [KINDS[kind](row[name])])  # type: ignore[attr-defined]
                    for found in (whole, split)
                )
                assert with_unit >= binom.ppf(0.001, rounds, least), (confidence, name, kind, with_unit)
                assert without <= with_unit - 0.1 * rounds, (confidence, name, kind, without)


def test_customers_of_one_row_each_are_rows() -> None:
    rng = np.random.default_rng(4)
    labels, candidate, production, _ = of_customers(rng, 30)
    alone = np.array([f"r{row}" for row in range(len(labels))], object)
    nobody = np.full(len(labels), None)
    known, missing = (weigh((labels, candidate, production, who), "customer") for who in (alone, nobody))
    rows = weigh((labels, candidate, production, alone), None)
    assert known["auc"].candidate == missing["auc"].candidate
    assert known["auc"].candidate.value == rows["auc"].candidate.value
    assert known["auc"].candidate.low == pytest.approx(rows["auc"].candidate.low, abs=0.02)


def test_too_few_customers_tell_nothing() -> None:
    rng = np.random.default_rng(5)
    found = weigh(of_customers(rng, 19), "customer")
    assert found["auc"].rows > 100
    for row in (found["auc"], found["binary_accuracy"]):
        assert not row.candidate.known
        assert row.change is not None
        assert not row.change.known
    assert found["example_count"].candidate.low == found["example_count"].rows
