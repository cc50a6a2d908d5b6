"""Two runs side by side: what both were made of, what they measured, how they ended."""

import shutil

import pytest

from tests.weighbridge.runs.pairs import digest, make_run, workspace_of
from weighbridge.runs.comparison import compare_runs
from weighbridge.runs.workspace import Workspace


@pytest.fixture
def space(tmp_path) -> Workspace:
    return workspace_of(tmp_path / "work")


def changed(facts) -> list[str]:
    return [fact.name for fact in facts if fact.changed]


def test_equal_runs_differ_in_nothing(space):
    compared = compare_runs(make_run(space, 1), make_run(space, 2))
    assert changed(compared.changed_facts) == ["commit"]
    assert not any(gate.threshold_changed or gate.status_changed for gate in compared.gates)
    assert not any(measure.apart for measure in (*compared.metrics, *compared.slices, *compared.latency))
    assert [each.value for each in compared.features] == [0.0, 0.0]
    assert compared.notes == (
        "The latencies were measured in two runs: part of any difference may be what else the machine did.",
    )


def test_each_kind_of_change_is_told_by_its_part(space):
    before = make_run(space, 1)
    after = make_run(
        space,
        2,
        auc=0.8,
        ms=2.0,
        threshold=0.7,
        data="b",
        ages=(40, 80),
        parameters={"epochs": 1, "seed": 7},
        code={"Trainer": digest("x"), "Evaluator": digest("e")},
        libraries={"tensorflow": "2.17.0"},
        schema=digest("t"),
    )
    compared = compare_runs(before, after)
    assert changed(compared.data) == ["input", "digest"]
    assert changed(compared.parameters) == ["epochs", "seed"]
    assert changed(compared.code) == ["commit", "code of Trainer", "schema", "tensorflow"]
    assert next(fact for fact in compared.code if fact.name == "code of Trainer").note == "shop.model"
    assert changed(compared.sections) == ["quality"]
    assert [gate.name for gate in compared.gates if gate.threshold_changed] == ["quality.auc.min"]
    [auc] = compared.metrics
    assert (auc.name, auc.apart, round(auc.change, 6)) == ("auc", True, -0.1)
    assert {measure.name: measure.apart for measure in compared.latency}["batch_1.p50_ms"] is True
    assert compared.features[0].feature == "age"
    assert compared.features[0].value > 0.1
    assert "different rows" in compared.notes[0]


def test_a_model_that_was_in_production_is_compared_as_it_was_measured_beside(space):
    first = make_run(space, 1, auc=0.9)
    second = make_run(
        space, 2, auc=0.905, change=0.005, ms=2.0, subject={"model": digest("2"), "production": digest("1")}
    )
    [auc] = compare_runs(first, second).metrics
    assert (auc.paired.low, auc.paired.high) == (pytest.approx(0.003), pytest.approx(0.007))
    assert auc.apart  # though the two intervals overlap
    [turned] = compare_runs(second, first).metrics
    assert (turned.paired.low, turned.paired.high) == (pytest.approx(-0.007), pytest.approx(-0.003))
    assert turned.apart
    p50 = compare_runs(first, second).latency[0]
    assert (p50.paired.value, p50.apart) == (2.0, True)
    assert compare_runs(second, first).latency[0].paired.value == 0.5
    assert compare_runs(first, second).notes == ()


def test_a_run_that_failed_is_compared_as_far_as_it_came(space):
    before, after = make_run(space, 1), make_run(space, 2)
    after.record.state, after.record.error, after.record.fingerprint = "failed", "Trainer failed: OSError\nmore", {}
    after.record.artifacts, after.record.verdict_digest = after.record.artifacts[:1], ""
    (after.folder / "verdict.json").unlink()
    compared = compare_runs(before, after)
    assert (compared.after.state, compared.after.error) == ("failed", "Trainer failed: OSError")
    assert "kept no digests of its data and code, as it ended failed" in compared.notes[0]
    assert {gate.status_after for gate in compared.gates} == {None}
    assert not any(gate.threshold_changed for gate in compared.gates)
    assert [measure.after for measure in compared.metrics] == [None]
    assert changed(compared.parameters) == []


def test_what_is_not_kept_any_more_is_said(space):
    before, after = make_run(space, 1), make_run(space, 2)
    shutil.rmtree(before.record.artifacts[1].uri)
    compared = compare_runs(before, after)
    assert f"Of run {before.record.run_id} the results of DataValidator are not kept any more." in compared.notes
    assert any(note.startswith("No distances of features") for note in compared.notes)
    assert compared.features == ()
    assert compared.metrics[0].before is not None


def test_statistics_of_production_are_not_taken_for_the_run_s_own(space):
    before, after = make_run(space, 1), make_run(space, 2)
    for step, artifact in zip(after.record.steps, (after.record.artifacts[1],), strict=False):
        artifact.step = step.name
        step.fingerprint = {"parameters": {"production_state": "nothing yet"}, "inputs": {}}
    assert compare_runs(before, after).features == ()


def test_a_verdict_that_was_changed_is_not_believed(space):
    before, after = make_run(space, 1), make_run(space, 2)
    path = after.folder / "verdict.json"
    path.write_text(path.read_text().replace("Fine.", "Very fine."))
    compared = compare_runs(before, after)
    assert any("is not the verdict that run" in note for note in compared.notes)
    assert {gate.status_after for gate in compared.gates} == {None}
