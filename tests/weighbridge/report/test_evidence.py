import json

import pytest

from tests.weighbridge.report import sample
from weighbridge.evidence.metrics import Metric
from weighbridge.report import Evidence
from weighbridge.report.features import Numbers, Words, read_features
from weighbridge.verdict import Verdict

VERDICT = Verdict.of([], pipeline="p", run_id="r", subject={})


def test_nothing_there_is_no_error():
    evidence = Evidence.collect(VERDICT, {})
    assert evidence.metrics is None
    assert evidence.statistics == {}
    assert evidence.notes == ()
    assert "python" in evidence.versions


def test_folders_without_the_files_are_no_error(tmp_path):
    folders = dict.fromkeys(("examples", "statistics", "anomalies", "model_run", "evaluation", "gone"), tmp_path / "no")
    assert Evidence.collect(VERDICT, folders).notes == ()


def test_all_that_a_run_leaves_is_gathered(refused):
    assert refused.notes == ()
    assert refused.metrics.metrics[0].production.value == pytest.approx(0.8163)
    assert refused.latency.batches[0].candidate.p99_ms.low is not None
    assert refused.latency.model_bytes.candidate == 1_482_113
    assert refused.history.metrics["val_loss"][0] == pytest.approx(0.66)
    assert refused.examples.splits["eval"].rows == 4_990
    assert refused.comparison.distances[0].kind == "skew"
    assert list(refused.statistics) == ["train", "eval"]
    assert [step.state for step in refused.steps] == ["done"] * 4 + ["refused", "skipped"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"metrics": "many"}', '{"metrics": [{"slice": 3}]}', "\x00"])
def test_a_broken_file_becomes_a_note_that_names_it(tmp_path, content):
    (tmp_path / "metrics.json").write_text(content)
    sample.write(tmp_path, "latency.json", sample.latency(False, False))
    evidence = Evidence.collect(VERDICT, {"evaluation": tmp_path})
    assert evidence.metrics is None
    assert evidence.latency is not None
    [note] = evidence.notes
    assert "metrics.json" in note


def test_a_field_of_another_version_becomes_a_note_that_names_it(tmp_path):
    sample.write(tmp_path, "latency.json", sample.latency(False, False) | {"gpu_ms": 3})
    evidence = Evidence.collect(VERDICT, {"evaluation": tmp_path})
    assert evidence.latency is None
    assert evidence.notes == ("latency.json of evaluation cannot be shown: gpu_ms: Extra inputs are not permitted.",)


def test_broken_statistics_become_a_note(tmp_path):
    sample.statistics(tmp_path / "s")
    (tmp_path / "s/Split-eval/FeatureStats.pb").write_bytes(b"\xff\xffnot a proto")
    (tmp_path / "s/Split-other").mkdir()
    (tmp_path / "s/Split-other/FeatureStats.pb").write_bytes(b"")
    evidence = Evidence.collect(VERDICT, {"statistics": tmp_path / "s"})
    assert list(evidence.statistics) == ["train"]
    assert len(evidence.notes) == 2
    assert "eval" in evidence.notes[0]


def test_a_broken_step_becomes_a_note():
    evidence = Evidence.collect(VERDICT, {}, steps=[{"name": "A", "state": "done"}, {"state": "done"}])
    assert [step.name for step in evidence.steps] == ["A"]
    assert evidence.notes == ("Step 2 cannot be shown: name: Field required.",)


def test_what_is_not_finite_is_not_measured():
    strange = {"value": float("nan"), "low": float("-inf"), "high": None}
    text = json.dumps(sample.metrics(0.9, False)["metrics"][0] | strange)
    metric = Metric.model_validate_json(text)
    assert (metric.value, metric.low, metric.high) == (None, None, None)


def test_features_are_read_as_they_are(tmp_path):
    features = {
        one.name: one for one in read_features(sample.statistics(tmp_path / "s") / "Split-train/FeatureStats.pb")
    }
    assert set(features) == set(sample.FEATURES)
    fare, payment = features["fare"].distribution, features["payment_type"].distribution
    assert isinstance(fare, Numbers)
    assert fare.min <= fare.median <= fare.max
    assert sum(bucket.rows for bucket in fare.buckets) == pytest.approx(features["fare"].rows)
    assert isinstance(payment, Words)
    assert payment.values[0][0] == "Cash"
    empty = features["pickup_census_tract"]
    assert (empty.missing, empty.distribution) == (1.0, None)
