"""What Kubeflow's pages show of a step. The store is an emulator on loopback, a substitute for the real one."""

from pathlib import Path

import pytest

from tests.components.pusher.buckets import BUCKET, emulator, moto_server
from weighbridge.evidence.base import Interval
from weighbridge.evidence.metrics import Metric, Metrics
from weighbridge.kubeflow.step import normalize, ui_artifacts
from weighbridge.storage import gcs, s3
from weighbridge.verdict import Gate, Verdict

GATE = Gate(name="data.rows.train.min", status="refused", observed=10, threshold=5000, message="Too <few> rows.")


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the launcher mounts buckets."""
    monkeypatch.setitem(normalize.MOUNTS, "gs://", f"{tmp_path}/gcs/")
    return tmp_path / "gcs"


def asked(name: str) -> dict[str, dict[str, str]]:
    return {name: {"uri": f"gs://{BUCKET}/run/{name}"}}


def verdict(*gates: Gate) -> Verdict:
    return Verdict.of(gates, pipeline="p", run_id="r", subject={})


def test_metrics_and_curve_are_kfps_own(tmp_path: Path, mounted: Path) -> None:
    metrics = [
        Metric(name="auc", slice="", rows=9, value=0.9, production=Interval(value=0.8)),
        Metric(name="auc", slice="day=1", rows=4, value=0.7),
        Metric(name="recall", slice="", rows=9, value=None),
    ]
    curve = [[number / 500, (number / 500) ** 0.5] for number in range(501)]
    plots = {"roc": {"candidate": curve}}
    Metrics(split="eval", rows=9, confidence=0.95, label="", metrics=metrics, plots=plots).write(tmp_path)
    folders = {"evaluation": tmp_path}
    requested = asked("weighbridge_metrics") | asked("weighbridge_roc")
    found = ui_artifacts.write(requested, folders, verdict(), metrics="evaluation")
    [scalars] = found["weighbridge_metrics"]["artifacts"]
    assert scalars["metadata"] == {"auc": 0.9, "production_auc": 0.8}
    points = found["weighbridge_roc"]["artifacts"][0]["metadata"]["confidenceMetrics"]
    assert 90 <= len(points) <= 110
    assert (points[0]["recall"], points[-1]["recall"]) == (0.0, 1.0)


def test_a_step_without_measurements_shows_none(tmp_path: Path, mounted: Path) -> None:
    requested = asked("weighbridge_metrics") | asked("weighbridge_roc")
    found = ui_artifacts.write(requested, {"model": tmp_path}, verdict(), metrics="model")
    assert [entry["artifacts"][0]["metadata"] for entry in found.values()] == [{}, {}]


def test_a_refusing_steps_report_is_kept_in_its_bucket(tmp_path: Path, mounted: Path) -> None:
    with emulator():
        ui_artifacts.write(asked("weighbridge_report"), {"anomalies": tmp_path}, verdict(GATE))
        ui_artifacts.upload_report(asked("weighbridge_report"))
        kept = gcs.client().bucket(BUCKET).blob("run/weighbridge_report").download_as_text()
    assert "data.rows.train.min" in kept
    assert "Too &lt;few&gt; rows." in kept


def test_a_refusing_steps_report_is_kept_on_s3_too(
    tmp_path: Path, mounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(normalize.MOUNTS, "s3://", f"{tmp_path}/s3/")
    requested = {"weighbridge_report": {"uri": f"s3://{BUCKET}/run/weighbridge_report"}}
    with moto_server():
        ui_artifacts.write(requested, {"anomalies": tmp_path}, verdict(GATE))
        ui_artifacts.upload_report(requested)
        kept = s3.client().get_object(Bucket=BUCKET, Key="run/weighbridge_report")
        assert kept["ContentType"] == "text/html"
        assert b"Too &lt;few&gt; rows." in kept["Body"].read()


def test_what_cannot_be_kept_does_not_hide_the_refusal(
    mounted: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ui_artifacts.upload_report({"weighbridge_report": {"uri": "minio://bucket/report"}})
    assert not caplog.records
    monkeypatch.setattr(gcs, "client", lambda: 1 / 0)
    ui_artifacts.upload_report(asked("weighbridge_report"))
    assert "could not be kept" in caplog.text
