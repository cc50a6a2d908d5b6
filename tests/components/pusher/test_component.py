"""The Pusher as TFX sees it: stock properties, gates in the artifact, and a cache that knows production."""

import shutil
from pathlib import Path

import pytest
from tfx import types
from tfx.types import standard_artifacts

from tests.components.pusher.helpers import assert_whole, make_model, make_statistics, versions, weigh
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model import ProductionModel, read_record
from weighbridge.components.pusher import Pusher
from weighbridge.components.pusher.component import PusherDriver, PusherExecutor
from weighbridge.verdict import read_gates


def artifact(kind: type[types.Artifact], uri: Path, **properties: int) -> list[types.Artifact]:
    made = kind()
    made.uri = str(uri)
    for name, value in properties.items():
        made.set_int_custom_property(name, value)
    return [made]


class Inputs:
    """Artifacts of a weighed model, on disk."""

    def __init__(self, folder: Path, *, passed: bool = True) -> None:
        self.folder = folder
        self.serving = make_model(folder / "model" / "Format-Serving")
        weigh(folder / "evaluation", self.serving, passed=passed)
        make_statistics(folder / "statistics")
        self.channels: dict[str, list[types.Artifact]] = {
            "model": artifact(standard_artifacts.Model, folder / "model"),
            "evaluation": artifact(standard_artifacts.ModelEvaluation, folder / "evaluation"),
        }

    def push(self, **inputs: list[types.Artifact]) -> types.Artifact:
        [pushed] = artifact(standard_artifacts.PushedModel, self.folder / "pushed")
        properties = {"destination": str(self.folder / "production"), "push_state": "", "code_digest": ""}
        PusherExecutor().Do(self.channels | inputs, {"pushed_model": [pushed]}, properties)
        return pushed


def test_pushed_model_has_stock_properties(tmp_path: Path) -> None:
    inputs = Inputs(tmp_path)
    pushed = inputs.push(
        statistics=artifact(standard_artifacts.ExampleStatistics, tmp_path / "statistics"),
        blessing=artifact(standard_artifacts.ModelBlessing, tmp_path / "blessing", blessed=1),
        infra_blessing=artifact(standard_artifacts.InfraBlessing, tmp_path / "infra", blessed=1),
    )
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_int_custom_property("already_in_production") == 0
    assert pushed.get_string_custom_property("pushed_destination") == str(tmp_path / "production" / "1")
    assert pushed.get_string_custom_property("pushed_version") == "1"
    assert pushed.get_string_custom_property("model_digest") == tree_digest(inputs.serving)
    assert all(gate.passed for gate in read_gates(pushed.uri))
    assert (tmp_path / "production/.weighbridge/1/statistics/Split-eval/FeatureStats.pb").exists()

    again = inputs.push()
    assert again.get_int_custom_property("pushed") == 1
    assert again.get_int_custom_property("already_in_production") == 1
    assert again.get_string_custom_property("pushed_version") == "1"


@pytest.mark.parametrize("refusal", ["verdict", "blessing", "infra_blessing", "bytes"])
def test_refusal_is_data(tmp_path: Path, refusal: str) -> None:
    inputs = Inputs(tmp_path, passed=refusal != "verdict")
    if refusal == "bytes":
        (inputs.serving / "saved_model.pb").write_bytes(b"other")
    pushed = inputs.push(
        blessing=artifact(standard_artifacts.ModelBlessing, tmp_path / "b", blessed=int(refusal != "blessing")),
        # A blessing that does not say whether it blesses does not bless.
        infra_blessing=artifact(
            standard_artifacts.InfraBlessing, tmp_path / "i", **({} if refusal == "infra_blessing" else {"blessed": 1})
        ),
    )
    assert pushed.get_int_custom_property("pushed") == 0
    assert [gate.name for gate in read_gates(pushed.uri) if gate.refuses] == [
        {
            "verdict": "push.verdict.passed",
            "blessing": "push.blessing.blessed",
            "infra_blessing": "push.infra_blessing.blessed",
            "bytes": "push.model_digest.equal",
        }[refusal]
    ]
    assert not (tmp_path / "production").exists()


def test_declaration(tmp_path: Path) -> None:
    model = types.Channel(type=standard_artifacts.Model)
    evaluation = types.Channel(type=standard_artifacts.ModelEvaluation)
    component = Pusher(model, evaluation, destination=tmp_path)
    assert component.exec_properties["destination"] == str(tmp_path)
    assert set(component.outputs) == {"pushed_model"}
    with pytest.raises(UsageError, match="abfs://"):
        Pusher(model, evaluation, destination="abfs://bucket/model")


def test_driver_in_a_notebook_never_lets_the_cache_stand_for_a_push(tmp_path: Path) -> None:
    driver = PusherDriver(None)  # type: ignore[arg-type]
    states = {
        driver.resolve_exec_properties({"destination": "x"}, None, None)["push_state"]  # type: ignore[arg-type]
        for _ in range(3)
    }
    assert len(states) == 3


class Runs:
    """Runs a TFX pipeline of ProductionModel and Pusher, and tells which executed and which were cached."""

    def __init__(self, folder: Path, inputs: Inputs) -> None:
        self.folder, self.inputs = folder, inputs
        self.destination = folder / "production"

    def __call__(self) -> dict[str, str]:
        from ml_metadata.proto import metadata_store_pb2
        from tfx.dsl.components.common import importer
        from tfx.orchestration import metadata, pipeline
        from tfx.orchestration.local import local_dag_runner

        def imported(name: str, kind: type[types.Artifact]) -> types.BaseChannel:
            node = importer.Importer(str(self.inputs.folder / name), kind).with_id(name)
            nodes.append(node)
            return node.outputs["result"]

        nodes: list[object] = []
        model = imported("model", standard_artifacts.Model)
        evaluation = imported("evaluation", standard_artifacts.ModelEvaluation)
        pusher = Pusher(model, evaluation, destination=self.destination)
        production = ProductionModel(self.destination)
        pusher.add_upstream_node(production)
        connection = metadata.sqlite_metadata_connection_config(str(self.folder / "metadata.sqlite"))
        local_dag_runner.LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="push",
                pipeline_root=str(self.folder / "root"),
                components=[*nodes, production, pusher],
                enable_cache=True,
                metadata_connection_config=connection,
            )
        )
        with metadata.Metadata(connection) as handle:
            executions = {
                kind.name.rpartition(".")[2]: handle.store.get_executions_by_type(kind.name)
                for kind in handle.store.get_execution_types()
            }
        return {
            name: metadata_store_pb2.Execution.State.Name(max(found, key=lambda one: one.id).last_known_state)
            for name, found in executions.items()
            if name in ("ProductionModel", "Pusher")
        }


@pytest.mark.slow
def test_cache_follows_production(tmp_path: Path) -> None:
    inputs = Inputs(tmp_path / "inputs")
    run = Runs(tmp_path, inputs)
    digests = {tree_digest(inputs.serving)}

    assert run() == {"ProductionModel": "COMPLETE", "Pusher": "COMPLETE"}  # nothing yet; pushed
    record = assert_whole(run.destination, digests)
    assert run() == {"ProductionModel": "COMPLETE", "Pusher": "COMPLETE"}  # production changed; a no-op
    assert run() == {"ProductionModel": "CACHED", "Pusher": "CACHED"}
    assert read_record(run.destination) == record

    shutil.rmtree(run.destination)  # an older execution must not stand for the push that is needed now
    assert run() == {"ProductionModel": "CACHED", "Pusher": "COMPLETE"}
    assert assert_whole(run.destination, digests)
    assert versions(run.destination) == [1]
