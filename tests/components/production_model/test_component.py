"""ProductionModel as TFX sees it."""

from pathlib import Path

import pytest
from tfx.orchestration.portable import data_types
from tfx.types import artifact_utils, standard_artifacts

from tests.components.pusher.helpers import make_model, make_statistics, weigh
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model import ProductionModel, record_digest
from weighbridge.components.production_model.component import ProductionModelDriver, ProductionModelExecutor
from weighbridge.components.pusher import push


def execute(
    folder: Path, destination: Path, state: str = ""
) -> tuple[standard_artifacts.Model, standard_artifacts.ExampleStatistics]:
    model, statistics = standard_artifacts.Model(), standard_artifacts.ExampleStatistics()
    for name, artifact in (("model", model), ("statistics", statistics)):
        artifact.uri = str(folder / name)
        (folder / name).mkdir(parents=True)
    ProductionModelExecutor().Do(
        {},
        {"model": [model], "statistics": [statistics]},
        {"destination": str(destination), "production_state": state, "code_digest": ""},
    )
    return model, statistics


def drive(destination: Path) -> str:
    info = data_types.ExecutionInfo(exec_properties={"destination": str(destination)})
    output = ProductionModelDriver(None).run(info)  # type: ignore[arg-type]
    return output.exec_properties["production_state"].string_value


def test_outputs_for_nothing_yet(tmp_path: Path) -> None:
    model, statistics = execute(tmp_path, tmp_path / "production", drive(tmp_path / "production"))
    for artifact in (model, statistics):
        assert artifact.get_int_custom_property("exists") == 0
        assert list(Path(artifact.uri).iterdir()) == []
    assert artifact_utils.decode_split_names(statistics.split_names) == []


def test_outputs_for_a_model_in_production(tmp_path: Path) -> None:
    source = make_model(tmp_path / "m")
    destination = tmp_path / "production"
    push(source, weigh(tmp_path / "e", source), destination, statistics=make_statistics(tmp_path / "s"))

    model, statistics = execute(tmp_path / "out", destination, drive(destination))

    assert tree_digest(Path(model.uri) / "Format-Serving") == tree_digest(source)
    assert artifact_utils.decode_split_names(statistics.split_names) == ["eval", "train"]
    assert Path(artifact_utils.get_split_uri([statistics], "train"), "FeatureStats.pb").exists()
    for artifact in (model, statistics):
        assert artifact.get_int_custom_property("exists") == 1
        assert artifact.get_int_custom_property("version") == 1
        assert artifact.get_string_custom_property("model_digest") == tree_digest(source)
        assert artifact.get_string_custom_property("run_id") == "run-1"


def test_driver_tells_the_state_of_production(tmp_path: Path) -> None:
    destination = tmp_path / "production"
    assert drive(destination) == "nothing yet"
    source = make_model(tmp_path / "m")
    push(source, weigh(tmp_path / "e", source), destination)
    assert drive(destination) == record_digest(destination)
    driver = ProductionModelDriver(None)  # type: ignore[arg-type]
    properties = driver.resolve_exec_properties({"destination": str(destination)}, None, None)  # type: ignore[arg-type]
    assert properties["production_state"] == record_digest(destination)


def test_declaration(tmp_path: Path) -> None:
    component = ProductionModel(tmp_path)
    assert set(component.outputs) == {"model", "statistics"}
    assert component.exec_properties["destination"] == str(tmp_path)
    assert component.exec_properties["code_digest"].startswith("sha256:")
    for scheme in ("gs://", "s3://"):
        assert ProductionModel(f"{scheme}bucket/model/").exec_properties["destination"] == f"{scheme}bucket/model"
    with pytest.raises(UsageError, match="abfs://"):
        ProductionModel("abfs://bucket/model")
