"""What MLflow is told of a run: values under the names of gates, epochs, datasets, the verdict, and never a secret."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weighbridge.tracking.ended import SECRET, end_run, entry_of
from weighbridge.common.errors import UsageError
from weighbridge.tracking.entry import ENTRY_FILE
from weighbridge.tracking.measured import metric_name
from weighbridge.tracking.note import LONGEST
from weighbridge.tracking.settings import copied_up_to
from weighbridge.verdict import Gate, Verdict


@pytest.fixture(autouse=True)
def _kept_only(monkeypatch):
    """A server that nothing answers for: what is kept is looked at."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")


def test_values_have_the_names_of_gates_and_their_intervals(tmp_path):
    outcome = end_run(tmp_path)
    found = {point.key: point.value for point in entry_of(outcome).metrics if not point.step}
    metrics = json.loads((tmp_path / f"taxi/artifacts/{outcome.run.record.run_id}/evaluation/metrics.json").read_text())
    auc = next(each for each in metrics["metrics"] if (each["name"], each["slice"]) == ("auc", ""))
    assert {name: found[f"quality.auc{name}"] for name in ("", ".low", ".high", ".production")} == {
        "": auc["value"],
        ".low": auc["low"],
        ".high": auc["high"],
        ".production": auc["production"]["value"],
    }
    assert found["quality.auc.change"] == auc["change"]["value"]
    assert found["latency.batch_1.p99_ms.low"] < found["latency.batch_1.p99_ms"] < found["latency.batch_1.p99_ms.high"]
    assert found["seconds.Trainer"] == 2.5
    assert any(name.startswith("quality.") and "/" in name for name in found), "the slices that a gate judged"


def test_the_most_telling_metrics_are_listed_first(tmp_path):
    keys = [point.key for point in entry_of(end_run(tmp_path)).metrics]
    assert keys[0].startswith("quality.")
    groups = list(dict.fromkeys(key.partition(".")[0] for key in keys))
    assert groups[:3] == ["quality", "latency", "training"]


def test_training_is_told_epoch_by_epoch(tmp_path):
    entry = entry_of(end_run(tmp_path))
    loss = [(point.step, point.time_ms) for point in entry.metrics if point.key == "training.loss" and point.step]
    assert [step for step, _ in loss] == list(range(1, 13))
    assert sorted(loss) == sorted(loss, key=lambda pair: pair[1])
    assert loss[-1][1] == entry.ended_ms


def test_tags_bind_the_run_to_its_verdict_and_digests(tmp_path):
    outcome = end_run(tmp_path)
    tags = entry_of(outcome).tags
    assert outcome.verdict is not None
    assert tags["weighbridge.verdict"] == "passed"
    assert tags["weighbridge.digest.verdict"] == outcome.verdict.digest
    assert tags["weighbridge.digest.model"] == outcome.verdict.subject["model"]
    assert tags["weighbridge.production_at"] == "/models/production", "no digest is called one"
    assert tags["mlflow.source.git.commit"] == "ab" * 20
    assert tags["weighbridge.version"] == "3"


def test_a_commit_with_changes_is_the_commit_for_mlflow(tmp_path):
    tags = entry_of(end_run(tmp_path, commit="ab" * 20 + "+changes")).tags
    assert tags["mlflow.source.git.commit"] == "ab" * 20
    assert tags["weighbridge.commit"] == "ab" * 20 + "+changes"


def test_a_refused_run_has_failed_and_says_which_gates_refused(tmp_path):
    entry = entry_of(end_run(tmp_path, passes=False))
    assert entry.status == "FAILED"
    assert entry.tags["weighbridge.verdict"] == "refused"
    assert "quality.auc.min" in entry.tags["weighbridge.refused_by"]
    assert entry.tags["mlflow.note.content"].startswith("**✗ REFUSED**")


def test_a_run_that_ended_in_an_error_has_failed_and_says_why(tmp_path):
    entry = entry_of(end_run(tmp_path, error=UsageError("The column fare is gone", "Correct it.")))
    assert (entry.status, entry.tags["weighbridge.verdict"]) == ("FAILED", "failed")
    assert "The column fare is gone" in entry.tags["weighbridge.error"]
    assert "The column fare is gone" in entry.tags["mlflow.note.content"]
    assert "weighbridge.digest.verdict" not in entry.tags


def test_a_rehearsal_says_that_it_is_one(tmp_path):
    assert entry_of(end_run(tmp_path, kind="rehearsal")).tags["weighbridge.kind"] == "rehearsal"


def test_data_are_told_by_digest_and_source(tmp_path):
    first, second = entry_of(end_run(tmp_path)).datasets
    assert (first.name, first.context) == ("taxi/train", "train")
    assert second.name == "taxi/eval"
    assert len(first.digest) == 36
    assert json.loads(first.profile)["content_digest"].startswith(f"sha256:{first.digest}")
    assert json.loads(first.source)["first_files"][0]["sha256"]
    assert json.loads(first.columns)["mlflow_colspec"]


def test_the_model_is_referred_to_where_it_was_pushed(tmp_path):
    outcome = end_run(tmp_path)
    model = entry_of(outcome).model
    assert model is not None
    assert outcome.verdict is not None
    assert model.address == f"{tmp_path}/taxi/production/3"
    assert model.digest == outcome.verdict.subject["model"]
    assert model.bytes == 500 + len(outcome.run.record.run_id)


def test_a_version_in_mlflows_registry_is_referred_to_by_its_number(tmp_path):
    from datetime import UTC, datetime

    from weighbridge.evidence.delivered import Delivered
    from weighbridge.report import Evidence
    from weighbridge.tracking.describe import EndedRun, describe

    delivered = Delivered(version="7", destination="models:/taxi@champion", stage="production")
    run = EndedRun("r", "taxi", "promotion", "promotion", "passed", datetime.now(UTC), 1.0, delivered=delivered)
    verdict = Verdict.of((), pipeline="taxi", run_id="r", subject={"model": "sha256:" + "a" * 64})
    model = describe(run, Evidence.collect(verdict, {}), "").model
    assert model is not None
    assert model.address == "models:/taxi/7"


def test_no_secret_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://somebody:{SECRET}@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "correct-horse-battery")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "token-that-nobody-sees")
    parameters = {
        "database": {"password": "swordfish", "host": "db"},
        "data": f"s3://key:{SECRET}@bucket/trips",
        "note": "uses correct-horse-battery and token-that-nobody-sees",
    }
    outcome = end_run(tmp_path, parameters=parameters)
    text = (outcome.run.folder / ENTRY_FILE).read_text() + outcome.tracking + "".join(outcome.warnings)
    for secret in (SECRET, "correct-horse-battery", "token-that-nobody-sees", "swordfish"):
        assert secret not in text
    assert entry_of(outcome).parameters["database.host"] == "db"
    assert entry_of(outcome).parameters["database.password"] == "***"


def test_a_note_fits_whatever_the_verdict_is(tmp_path):
    message = "a very long sentence about *markup* | and <b>tags</b> " * 40
    gates = [
        Gate(
            name=f"quality.{'x' * 60}={number}.auc.min", status="refused", observed=0.1, threshold=0.9, message=message
        )
        for number in range(300)
    ]
    from weighbridge.report import Evidence
    from weighbridge.tracking.note import note

    verdict = Verdict.of(gates, pipeline="taxi", run_id="r", subject={"data": "sha256:" + "a" * 64})
    text = note("run", "refused", "", Evidence.collect(verdict, {}))
    assert len(text) <= LONGEST
    assert "report.html" in text
    assert "<b>" not in text


@given(st.text(max_size=400))
def test_mlflow_takes_every_name(name):
    from mlflow.utils.validation import _validate_metric_name

    found = metric_name(name)
    _validate_metric_name(found)
    assert len(found) <= 250
    assert re.fullmatch(r"[A-Za-z0-9_./ -]+", found), "older servers take no others"


@pytest.mark.parametrize(
    ("given", "size"), [("", 1e8), ("copy", float("inf")), ("reference", -1), ("500MB", 5e8), ("1.5 GiB", 1.5e9)]
)
def test_models_are_copied_up_to_a_size(monkeypatch, given, size):
    monkeypatch.setenv("WEIGHBRIDGE_MLFLOW_MODELS", given)
    assert copied_up_to() == size


def test_an_unknown_choice_of_models_names_what_is_allowed(monkeypatch):
    monkeypatch.setenv("WEIGHBRIDGE_MLFLOW_MODELS", "all")
    with pytest.raises(UsageError, match="'all'") as raised:
        copied_up_to()
    assert "copy, reference" in raised.value.hint
