"""The verdict: whose gates it holds, what it is bound to, and that nothing slips through."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.components.evaluator.helpers import LABEL, gate, latency_gates, quality_gates, weighing
from weighbridge.common.digests import file_digest, tree_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.evaluate import evaluate
from weighbridge.components.evaluator.latency import weigh as latency
from weighbridge.verdict import Gate, Verdict, read_gates, write_gates

Models = Callable[[str], Path]


def test_upstream_gates_come_first_and_own_gates_are_left_apart(examples: Path, models: Models, tmp_path: Path) -> None:
    write_gates(tmp_path / "run", [Gate(name="training.loss.finite", status="passed", message="fine")])
    upstream = {"examples": str(examples), "model_run": str(tmp_path / "run")}
    outcome = evaluate(weighing(examples, models("good"), upstream=upstream), tmp_path / "evaluation")
    names = [gate.name for gate in outcome.verdict.gates]
    assert names == ["data.rows.min", "training.loss.finite", "quality.auc.min", "latency.batch_1.p50_ms.max"]
    assert [gate.name for gate in read_gates(tmp_path / "evaluation")] == names[2:]
    assert Verdict.read(tmp_path / "evaluation/verdict.json") == outcome.verdict
    assert (outcome.verdict.pipeline, outcome.verdict.run_id) == ("taxi", "run-1")


def test_a_warning_upstream_does_not_stop_the_weighing(examples: Path, models: Models, tmp_path: Path) -> None:
    write_gates(tmp_path / "run", [Gate(name="data.drift.max", status="refused", severity="warning", message="drifts")])
    outcome = evaluate(
        weighing(examples, models("good"), upstream={"model_run": str(tmp_path / "run")}), tmp_path / "evaluation"
    )
    assert outcome.verdict.passed


def test_a_model_that_was_refused_before_is_not_measured(examples: Path, models: Models, tmp_path: Path) -> None:
    write_gates(tmp_path / "run", [Gate(name="training.model.exported", status="refused", message="no export")])
    outcome = evaluate(
        weighing(examples, tmp_path / "nothing", upstream={"model_run": str(tmp_path / "run")}), tmp_path / "evaluation"
    )
    assert not outcome.verdict.passed
    assert not outcome.model_blessed
    assert not outcome.infra_blessed
    found = gate(outcome.verdict, "quality.upstream.passed")
    assert found.status == "unmeasured"
    assert "because training.model.exported refused before" in found.message
    assert not (tmp_path / "evaluation/metrics.json").exists()
    assert "model" not in outcome.verdict.subject


def test_a_step_that_left_no_gates_refuses(examples: Path, models: Models, tmp_path: Path) -> None:
    (tmp_path / "anomalies").mkdir()
    outcome = evaluate(
        weighing(examples, models("good"), upstream={"anomalies": str(tmp_path / "anomalies")}), tmp_path / "evaluation"
    )
    assert gate(outcome.verdict, "upstream.anomalies.present").status == "unmeasured"
    assert not outcome.model_blessed


def test_a_model_that_was_compared_with_nothing_and_else_not_weighed_is_not_blessed(
    examples: Path, models: Models, tmp_path: Path
) -> None:
    relative = weighing(
        examples,
        models("good"),
        quality=quality_gates(metrics={"auc": {"min_change": 0}}),
        latency=latency_gates(batch_sizes={1: {"p50_ms": {"max_ratio": 2}}}),
        upstream={},
    )
    outcome = evaluate(relative, tmp_path / "evaluation")
    assert [gate.status for gate in outcome.verdict.gates] == ["not_compared", "not_compared"]
    assert not outcome.verdict.passed
    assert not outcome.model_blessed
    assert not outcome.infra_blessed


@pytest.mark.parametrize("kind", ["garbage", "missing"])
def test_a_model_that_cannot_be_loaded_refuses(examples: Path, models: Models, tmp_path: Path, kind: str) -> None:
    model = tmp_path / "empty" if kind == "missing" else models(kind)
    outcome = evaluate(weighing(examples, model), tmp_path / "evaluation")
    assert gate(outcome.verdict, "quality.model.loadable").status == "unmeasured"
    assert gate(outcome.verdict, "latency.model.loadable").status == "unmeasured"
    assert not outcome.model_blessed
    assert not outcome.infra_blessed


def test_the_verdict_is_bound_to_what_was_weighed(
    examples: Path, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = tmp_path / "schema"
    schema.mkdir()
    features = "".join(
        f'feature {{ name: "{name}" type: {kind} }}\n'
        for name, kind in ((LABEL, "INT"), ("payment_type", "BYTES"), ("trip_miles", "FLOAT"), ("fare", "FLOAT"))
    )
    (schema / "schema.pbtxt").write_text(features)
    monkeypatch.setenv("WEIGHBRIDGE_IMAGE", "registry/image@sha256:1")
    given = {"data": "sha256:d", "code": "sha256:c", "parameters": "sha256:p"}
    asked = weighing(examples, models("good"), production=str(models("serialized")), schema=str(schema), subject=given)
    subject = evaluate(asked, tmp_path / "evaluation").verdict.subject
    gates = subject.pop("gates")
    assert subject == {
        **given,
        "model": tree_digest(models("good") / "Format-Serving"),
        "production": tree_digest(models("serialized") / "Format-Serving"),
        "schema": file_digest(schema / "schema.pbtxt"),
        "image": "registry/image@sha256:1",
    }
    other = replace(asked, latency=latency_gates(load_ms={"max": 1e6}))
    assert evaluate(other, tmp_path / "other").verdict.subject["gates"] != gates


def test_examples_without_a_digest_of_their_own_are_bound_by_their_bytes(
    examples: Path, models: Models, tmp_path: Path
) -> None:
    subject = evaluate(weighing(examples, models("good"), subject={}), tmp_path / "evaluation").verdict.subject
    assert subject["data"] == tree_digest(examples)


def test_a_wrong_split_or_schema_is_an_error_of_the_user(examples: Path, models: Models, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no examples of split 'test'"):
        evaluate(weighing(examples, models("good"), split="test"), tmp_path / "evaluation")
    (tmp_path / "schema.pbtxt").write_text("no schema")
    with pytest.raises(UsageError, match="is not a valid schema"):
        evaluate(weighing(examples, models("good"), schema=str(tmp_path)), tmp_path / "evaluation")


def test_the_same_weighing_gives_the_same_quality(examples: Path, models: Models, tmp_path: Path) -> None:
    for name in ("first", "second"):
        evaluate(weighing(examples, models("good")), tmp_path / name)
    assert (tmp_path / "first/metrics.json").read_bytes() == (tmp_path / "second/metrics.json").read_bytes()


@pytest.mark.parametrize("which", ["model", "production"])
def test_a_model_that_is_swapped_while_it_is_measured_is_refused(
    examples: Path, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """The good one is measured, the bad one would be pushed."""
    request = weighing(examples, models("good"), production=models("good"))
    folders = {name: shutil.copytree(getattr(request, name), tmp_path / name) for name in ("model", "production")}
    request = replace(request, **{name: str(folder) for name, folder in folders.items()})
    before = tree_digest(folders[which] / "Format-Serving")
    measure = latency.weigh

    def swapped(*arguments: object) -> object:
        gates = measure(*arguments)
        shutil.rmtree(folders[which])
        shutil.copytree(models("shuffled"), folders[which])
        return gates

    monkeypatch.setattr(latency, "weigh", swapped)
    outcome = evaluate(request, tmp_path / "evaluation")
    assert [gate.name for gate in outcome.verdict.refusals] == [f"quality.{which}.unchanged"]
    assert outcome.verdict.subject[which] == before
    assert not outcome.model_blessed
