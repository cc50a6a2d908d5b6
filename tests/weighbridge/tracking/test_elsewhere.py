"""Runs that ended on Kubeflow, and promotions: MLflow is told of them like of any other."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.weighbridge.report import sample
from weighbridge.common.errors import ExitCode
from weighbridge.runs.display import SilentDisplay
from weighbridge.runs.finish import RemoteEnd, finish_remote_run
from weighbridge.runs.record import RunRecord
from weighbridge.tracking.entry import Entry
from weighbridge.verdict import Verdict

URL = "https://kubeflow.example.com/pipeline/#/runs/details/1b2c"


@pytest.fixture
def record(workdir, monkeypatch) -> RunRecord:
    """A run on Kubeflow that ended while somebody waited for it, with a server that is down."""
    monkeypatch.setenv("WEIGHBRIDGE_WORKDIR", str(workdir))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    return RunRecord(
        run_id="1b2c-4d5e", pipeline="taxi", module="", state="passed", started=datetime(2026, 3, 14, tzinfo=UTC)
    )


def ended(record: RunRecord, verdict: Verdict | None) -> RemoteEnd:
    code = verdict.exit_code if verdict else ExitCode.USAGE
    return finish_remote_run(record, verdict, code, url=URL, reports="", display=SilentDisplay())


def kept(workdir: Path) -> Entry:
    entry = Entry.read(workdir / "taxi/kubeflow/1b2c-4d5e")
    assert entry is not None
    return entry


def test_a_run_on_kubeflow_is_kept_with_what_its_gates_say(record, workdir, weighbridge):
    verdict = Verdict.of(sample.quality_gates(0.9187, True), pipeline="taxi", run_id="1b2c-4d5e", subject={})
    told = ended(record, verdict)
    assert "(connection refused): kept" in told.warnings[0]
    entry = kept(workdir)
    assert entry.tags["weighbridge.url"] == URL
    assert entry.tags["weighbridge.verdict"] == "passed"
    values = {point.key: point.value for point in entry.metrics}
    assert values["quality.auc"] == 0.9187
    assert {"quality.auc.change", "quality.auc.production"} <= set(values)
    assert (workdir / "taxi/kubeflow/1b2c-4d5e/report.html").is_file()
    assert weighbridge("sync").code == 3
    assert "1 of 1 run" not in weighbridge("runs").out


def test_a_run_on_kubeflow_without_a_verdict_is_kept_too(record, workdir):
    record.state, record.error = "failed", "The step Trainer ended with code 1"
    ended(record, None)
    assert kept(workdir).status == "FAILED"
    assert "The step Trainer ended with code 1" in kept(workdir).tags["mlflow.note.content"]


def test_a_folder_that_cannot_be_written_is_a_warning(record, workdir):
    workdir.write_text("a file")
    told = ended(record, None)
    assert len(told.warnings) == 1
    assert "MLflow" in told.warnings[0]


def test_without_the_variable_nothing_is_kept(record, workdir, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert ended(record, None) == RemoteEnd()
    assert not workdir.exists()
