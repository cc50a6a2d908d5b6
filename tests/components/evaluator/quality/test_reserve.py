"""A reserve of rows, weighed on only where the first look leaves a threshold open."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.components.evaluator.helpers import gate, load, quality_gates, weighing, write_examples
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.evaluate import evaluate
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.quality import intervals
from weighbridge.components.evaluator.quality.kernels import KERNELS
from weighbridge.components.evaluator.quality.providers import check_reserve
from weighbridge.verdict import Bounds, Sampled

Models = Callable[[str], Path]
FEW = 300


@pytest.fixture(scope="module")
def divided(columns: dict[str, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split of few rows, and a reserve of the others."""
    root = tmp_path_factory.mktemp("divided")
    write_examples(root, {name: values[:FEW] for name, values in columns.items()})
    write_examples(root, {name: values[FEW:] for name, values in columns.items()}, split="reserve")
    return root


def weigh(examples: Path, model: Path, least: float, output: Path) -> Any:
    quality = quality_gates(metrics={"auc": {"min": least}}, on_undecided="more_data", reserve="reserve")
    return evaluate(weighing(examples, model, quality=quality), output).verdict


def test_what_few_rows_decide_never_sees_the_reserve(divided: Path, models: Models, tmp_path: Path) -> None:
    assert gate(weigh(divided, models("good"), 0.6, tmp_path), "quality.auc.min").passed
    found = load(tmp_path / "metrics.json")
    assert (found["split"], found["rows"], found["confidence"]) == ("eval", FEW, 0.95)


def test_what_they_leave_open_the_reserve_decides(divided: Path, models: Models, tmp_path: Path) -> None:
    whole = gate(weigh(divided, models("good"), 0.6, tmp_path / "whole"), "quality.auc.min")
    assert isinstance(whole.observed, float)
    close = whole.observed - 0.005
    quality = quality_gates(metrics={"auc": {"min": close}})
    alone = evaluate(weighing(divided, models("good"), quality=quality), tmp_path / "alone").verdict
    assert gate(alone, "quality.auc.min").status == "inconclusive"
    decided = gate(weigh(divided, models("good"), close, tmp_path / "more"), "quality.auc.min")
    assert decided.status != "inconclusive"
    found = load(tmp_path / "more/metrics.json")
    assert (found["split"], found["rows"]) == ("eval+reserve", 3000)


def test_a_reserve_that_is_not_there_is_an_error(examples: Path, models: Models, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="reserve"):
        weigh(examples, models("shuffled"), 0.5, tmp_path)


@pytest.mark.parametrize("wrong", [{"on_undecided": "more_data"}, {"reserve": "reserve"}])
def test_a_reserve_and_what_it_is_for_belong_together(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="belong together"):
        QualityGates.model_validate({"metrics": {"auc": {"min": 0.5}}, **wrong})


def test_a_provider_that_reads_its_split_itself_has_no_reserve() -> None:
    check_reserve("mine.metrics", None)
    with pytest.raises(UsageError, match=r"metrics_fn='mine\.metrics' reads its split itself"):
        check_reserve("mine.metrics", "reserve")


def test_two_looks_pass_a_model_at_the_threshold_no_more_often_than_one() -> None:
    gates = QualityGates.model_validate(
        {"metrics": {"binary_accuracy": {"min": 0.9}}, "on_undecided": "more_data", "reserve": "more"}
    )
    rng, kernel, draws = np.random.default_rng(5), KERNELS["binary_accuracy"], 1500
    sampled = Sampled(gates.risk, looks=gates.looks)
    passed = 0
    for _ in range(draws):
        labels, right = np.zeros(2000), (rng.random(2000) < 0.9).astype(float)
        for rows in (500, 2000):
            part = labels[:rows], 1 - right[:rows]
            measured = intervals.estimate(kernel, intervals.replicate(kernel, *part), gates.confidence, rows)
            [found] = Bounds(min=0.9).judge("q.a", measured, sampled=sampled)
            if found.status != "inconclusive":
                break
        passed += found.passed
    assert passed / draws < 0.05 + 3 * math.sqrt(0.05 * 0.95 / draws)
    assert passed
