"""The anchor: losses that are each allowed are not, all together; and what is no anchor refuses."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.components.evaluator.helpers import gate, latency_gates, quality_gates, weighing
from tests.components.pusher.helpers import weigh as write_verdict
from weighbridge.common.digests import tree_digest
from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.components.evaluator.evaluate import evaluate
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.latency import weigh as latency
from weighbridge.components.evaluator.quality.anchor import Anchor, judge_anchor
from weighbridge.components.evaluator.quality.judge import judge
from weighbridge.components.evaluator.quality.metrics_api import MetricsRequest, Predictions
from weighbridge.components.evaluator.quality.providers import ask
from weighbridge.components.evaluator.request import COMPUTE
from weighbridge.components.pusher import push
from weighbridge.verdict import Verdict

Models = Callable[[str], Path]
MARGIN = 0.01
RULES = {"binary_accuracy": {"min": 0.5, "min_change": -MARGIN, "anchor": {"min_change": -2 * MARGIN}}}
ROWS = 40_000


def chain(rng: np.random.Generator, gates: QualityGates, promotions: int, *, anchored: bool) -> int:
    """How many promotions pass, one after the other, each of which loses 0.8 of the margin."""
    labels = rng.integers(0, 2, ROWS).astype(float)
    wrong = rng.random(ROWS) < 0.1
    first = production = np.where(wrong, 1 - labels, labels)
    anchor: Any = Anchor(1, SimpleNamespace(stored=SimpleNamespace(folder=Path("anchor"))))  # type: ignore[arg-type]
    for passed in range(promotions):
        wrong = wrong | (rng.random(ROWS) < 0.8 * MARGIN / (1 - wrong.mean()))
        candidate = np.where(wrong, 1 - labels, labels)
        rows = Predictions(labels, candidate, production, {}, first)
        requested = MetricsRequest(
            metrics=gates.metric_names(),
            slices=(),
            confidence=gates.confidence,
            label="label",
            examples="",
            split="eval",
            schema=None,
            candidate=Path("candidate"),
            production=Path("production"),
            predictions=lambda rows=rows: rows,  # type: ignore[misc]
        )
        response = ask(COMPUTE, requested)
        found = judge(gates, response, in_production=True)
        if anchored:
            found += judge_anchor(gates, anchor, COMPUTE, requested, response, in_production=True)
        if any(each.refuses for each in found):
            return passed
        production = candidate
    return promotions


def test_a_chain_of_small_losses_passes_without_an_anchor_and_is_stopped_by_one() -> None:
    gates = quality_gates(metrics=RULES)
    rng = np.random.default_rng(4)
    without = [chain(rng, gates, 10, anchored=False) for _ in range(3)]
    assert np.mean(without) > 9  # 8 % of accuracy lost, every time within the margin
    # After two the anchor's margin of 0.02 has 0.004 left, less than another loss takes.
    assert {chain(rng, gates, 10, anchored=True) for _ in range(5)} == {2}


def promote(kind: Path, evaluation: Path, destination: Path) -> None:
    model = kind / "Format-Serving"
    assert push(model, write_verdict(evaluation, model, run_id=evaluation.name), destination).record is not None


@pytest.fixture
def production(models: Models, tmp_path: Path) -> Path:
    """Where the good model was pushed first, and one that lost much since."""
    for kind in ("good", "shuffled"):
        promote(models(kind), tmp_path / f"pushed-{kind}", tmp_path / "production")
    return tmp_path / "production"


@pytest.fixture
def weigh(examples: Path, models: Models, production: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Weighs a model against the one that lost much; no time is taken."""
    monkeypatch.setattr(latency, "weigh", lambda *_: [])

    def call(anchor: Any = "first", kind: str = "shuffled", **changes: Any) -> Verdict:
        rules = {"auc": {"min_change": -0.01, "anchor": {"min_change": -0.02, "max_ratio": 2}}}
        sliced = [{"slice": ["payment_type"], "metrics": {"example_count": {"min": 1}}, "min_rows": 100}]
        settings: dict[str, Any] = {
            "quality": quality_gates(metrics=rules, slice_metrics=sliced, anchor=anchor),
            "latency": latency_gates(),
            "production": str(models("shuffled")),
            "subject": {"data": "sha256:d", LOOKED_UP_AT: str(production)},
        }
        return evaluate(weighing(examples, models(kind), **(settings | changes)), tmp_path / "evaluation").verdict

    return call


def test_what_was_lost_since_the_first_version_refuses(weigh: Any, models: Models) -> None:
    verdict = weigh()
    assert gate(verdict, "quality.auc.min_change").passed
    lost = gate(verdict, "quality.auc.anchor.min_change")
    assert lost.status == "refused"
    assert lost.refuses
    assert lost.observed < -0.3  # type: ignore[operator]
    assert lost.interval is not None
    assert lost.rates is not None
    assert "against the anchor (version 1), but must be at least -0.02" in lost.message
    assert lost.message.endswith(
        "Name a later version as quality.anchor in gates.yaml, which accepts what was lost until then."
    )
    assert gate(verdict, "quality.auc.anchor.max_ratio").passed
    assert verdict.subject["anchor"] == tree_digest(models("good") / "Format-Serving")
    names = [each.name for each in verdict.gates]
    assert len(names) == len(set(names))


def test_a_later_anchor_accepts_what_was_lost(weigh: Any, models: Models) -> None:
    verdict = weigh(2)
    assert gate(verdict, "quality.auc.anchor.min_change").passed
    assert verdict.subject["anchor"] == tree_digest(models("shuffled") / "Format-Serving")


def gone(production: Path) -> None:
    shutil.rmtree(production / "1")


def changed(production: Path) -> None:
    with (production / "1/saved_model.pb").open("ab") as file:
        file.write(b"\n")


def no_record(production: Path) -> None:
    (production / ".weighbridge/1/record.json").write_text("{}")


@pytest.mark.parametrize(
    ("breaks", "anchor", "reason"),
    [
        (gone, "first", r"There is no .*/1 any more\. Restore it from a copy\."),
        (changed, "first", r"/1 was changed: its digest is .* Restore it from a copy\."),
        (no_record, "first", r"1/record.json is not a production record: version: Field required\. Copy the right"),
        (lambda _: None, 7, r"No version 7 was ever pushed to .*\. Numbers: 1, 2\."),
    ],
)
def test_an_anchor_that_is_not_what_it_was_refuses(
    breaks: Callable[[Path], object], anchor: Any, reason: str, weigh: Any, production: Path
) -> None:
    breaks(production)
    verdict = weigh(anchor)
    found = gate(verdict, "quality.anchor.readable")
    assert found.status == "unmeasured"
    assert found.refuses
    assert re.search(reason, found.message)
    assert "Or name a later version as quality.anchor" in found.message
    assert not [each.name for each in verdict.gates if ".auc.anchor." in each.name]
    assert not verdict.passed


def test_an_anchor_that_cannot_be_called_with_todays_rows_refuses(weigh: Any, models: Models, tmp_path: Path) -> None:
    promote(models("raising"), tmp_path / "pushed-raising", tmp_path / "other")
    found = gate(weigh(subject={LOOKED_UP_AT: str(tmp_path / "other")}), "quality.anchor.readable")
    assert found.message.startswith("The anchor, version 1, cannot be compared with. ")
    assert "the vocabulary is gone" in found.message


def test_without_a_place_to_look_for_it_an_anchor_refuses(weigh: Any) -> None:
    found = gate(weigh(subject={}), "quality.anchor.readable")
    assert "production_model is not of weighbridge's ProductionModel" in found.message


def test_nothing_in_production_yet_is_not_compared(weigh: Any) -> None:
    verdict = weigh(production=None)
    assert gate(verdict, "quality.auc.anchor.min_change").status == "not_compared"
    assert "anchor" not in verdict.subject


def test_metrics_without_rules_against_it_need_no_anchor(weigh: Any, production: Path) -> None:
    gone(production)
    verdict = weigh(quality=quality_gates(metrics={"auc": {"min_change": -0.01}}))
    assert not [each for each in verdict.gates if "anchor" in each.name]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"metrics": {"auc": {"min": 0.5, "anchor": {"min": 0.9}}}}, "Extra inputs are not permitted"),
        ({"metrics": {"auc": {"min": 0.5, "anchor": {}}}}, "the anchor needs at least one of"),
        ({"anchor": 0}, "greater than or equal to 1"),
        ({"anchor": "3"}, "Input should be 'first'"),
        ({"anchor": "best"}, "Input should be 'first'"),
    ],
)
def test_what_is_no_anchor_is_refused_before_anything_runs(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        quality_gates(**given)


def test_slices_are_compared_with_the_anchor_too(weigh: Any) -> None:
    rules = {"example_count": {"min": 1}, "auc": {"min": 0.1, "anchor": {"min_change": -0.05}}}
    sliced = [{"slice": ["trip_start_hour"], "metrics": rules, "min_rows": 150}]
    verdict = weigh(quality=quality_gates(metrics={"auc": {"min": 0.1}}, slice_metrics=sliced))
    names = [each.name for each in verdict.gates if ".anchor." in each.name]
    assert len(names) > 3
    assert all(
        name.startswith("quality.trip_start_hour=") and name.endswith(".auc.anchor.min_change") for name in names
    )
    assert {gate(verdict, name).status for name in names} == {"refused"}
