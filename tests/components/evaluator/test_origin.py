"""Where a weighed model comes from: gathered from what the steps before left."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.components.evaluator.helpers import latency_gates, quality_gates
from weighbridge.components.evaluator.origin import provenance
from weighbridge.components.evaluator.request import EvaluationRequest
from weighbridge.components.trainer.origin import training_origin
from weighbridge.components.trainer.parameters import TrainingParameters
from weighbridge.evidence.provenance import Provenance
from weighbridge.evidence.summary import AnySummary
from weighbridge.evidence.thresholds import ThresholdsInForce


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[..., EvaluationRequest]:
    def make(**changes: Any) -> EvaluationRequest:
        (tmp_path / "examples").mkdir(exist_ok=True)
        settings: dict[str, Any] = {
            "examples": str(tmp_path / "examples"),
            "model": str(tmp_path / "model"),
            "quality": quality_gates(),
            "latency": latency_gates(),
            "pipeline": "taxi",
            "run_id": "run-1",
        }
        return EvaluationRequest(**(settings | changes))

    return make


def test_files_spans_training_and_thresholds_are_told(
    tmp_path: Path, request_of: Callable[..., EvaluationRequest]
) -> None:
    request = request_of(upstream={"anomalies": str(tmp_path / "anomalies"), "examples": str(tmp_path / "examples")})
    AnySummary.model_validate(
        {
            "splits": {"train": {"rows": 10, "content_digest": "sha256:a"}},
            "total_rows": 10,
            "content_digest": "sha256:rows",
            "columns": {},
            "span": 7,
            "input_digest": "sha256:input",
            "files": [{"path": "data/7.csv", "bytes": 12, "sha256": "sha256:file"}],
        }
    ).write(tmp_path / "examples")
    ThresholdsInForce(sections={"examples": {"severity": "blocking"}}).write(tmp_path / "examples")
    ThresholdsInForce(sections={"data": {"rows": 5}}).write(tmp_path / "anomalies")
    parameters = TrainingParameters.of(run_fn="taxi.model.run_fn", seed=3, custom_config={"epochs": 2})
    training_origin(parameters, None).write(tmp_path / "model_run")

    found = provenance(request, str(tmp_path / "model_run"), {"production": "sha256:before"})

    assert [(data.span, data.rows, [file.path for file in data.files]) for data in found.data] == [
        (7, {"train": 10}, ["data/7.csv"])
    ]
    assert found.training is not None
    assert (found.training.seed, found.training.parameters["custom_config"]) == (3, {"epochs": 2})
    assert found.training.machine.cores >= 1
    assert set(found.thresholds) == {"examples", "data", "quality", "latency"}
    assert found.thresholds["quality"] == request.quality.model_dump(mode="json")
    assert found.parents == {"production": "sha256:before"}
    assert Provenance.model_validate_json(found.model_dump_json()) == found


def test_a_warm_start_is_a_parent(tmp_path: Path, request_of: Callable[..., EvaluationRequest]) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/saved_model.pb").write_text("weights")
    training_origin(TrainingParameters.of(run_fn="taxi.model.run_fn"), str(tmp_path / "base")).write(tmp_path / "run")
    found = provenance(request_of(), str(tmp_path / "run"), {})
    assert list(found.parents) == ["warm_start"]


def test_what_stock_components_do_not_tell_is_left_open(request_of: Callable[..., EvaluationRequest]) -> None:
    found = provenance(request_of(upstream={"anomalies": "/nowhere"}), None, {})
    assert found.training is None
    assert found.data[0].files == []
    assert set(found.thresholds) == {"quality", "latency"}


def test_secrets_of_addresses_are_not_told() -> None:
    parameters = TrainingParameters.of(run_fn="m.f", custom_config={"url": "https://a:pa55word@b.example/c"})
    assert "pa55word" not in training_origin(parameters, None).model_dump_json()


def test_accelerators_are_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from weighbridge.attestation import here

    devices = [
        SimpleNamespace(device_type="CPU", name="/physical_device:CPU:0"),
        SimpleNamespace(device_type="GPU", name="/physical_device:GPU:0"),
    ]
    config = SimpleNamespace(
        list_physical_devices=lambda: devices,
        experimental=SimpleNamespace(get_device_details=lambda device: {"device_name": "NVIDIA H100"}),
    )
    monkeypatch.setitem(here.sys.modules, "tensorflow", SimpleNamespace(config=config))
    assert here.machine().accelerators == ["GPU:0 NVIDIA H100"]


def test_thresholds_of_several_steps_of_the_pipeline_s_own_are_told(
    tmp_path: Path, request_of: Callable[..., EvaluationRequest]
) -> None:
    for name in ("clean", "join"):
        ThresholdsInForce(sections={"steps": {name: {"removed": {"max": 0.1}}}}).write(tmp_path / name)
    ThresholdsInForce(sections={"data": {"rows": 5}}).write(tmp_path / "anomalies")
    upstream = {name: str(tmp_path / name) for name in ("clean", "anomalies", "join")}
    found = provenance(request_of(upstream=upstream), None, {})
    assert found.thresholds["steps"].keys() == {"clean", "join"}
