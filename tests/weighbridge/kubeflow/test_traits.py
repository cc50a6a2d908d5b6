"""What a component declares of itself reaches its step on Kubeflow, whoever wrote the component."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.weighbridge.kubeflow.pipelines_for_tests import pipeline
from tests.weighbridge.local.own_components import Checked, Counted, CountedExecutor
from weighbridge.common.errors import ExitCode
from weighbridge.components.traits import ComponentTraits
from weighbridge.kubeflow.compile import package
from weighbridge.kubeflow.compile.spec import executor, pipeline_spec
from weighbridge.kubeflow.step import entrypoint
from weighbridge.runs.gate_collector import EXAMPLES_PROPERTY, GATES_PROPERTY, NO_FILE, PUSHED

IMAGE = f"repository/weighbridge@sha256:{'ab' * 32}"


def compiled(*components: Any) -> dict[str, Any]:
    return pipeline_spec(pipeline(*components), IMAGE, [], "", "of a user's own")


def step_traits(spec: dict[str, Any], step: str) -> ComponentTraits:
    arguments = executor(spec, step)["container"]["args"]
    return ComponentTraits.from_json(json.loads(arguments[arguments.index("--traits") + 1]))


def ui_artifacts(spec: dict[str, Any], step: str) -> set[str]:
    outputs = spec["components"][step]["outputDefinitions"]["artifacts"]
    return {key for key in outputs if key.startswith("weighbridge_")}


def test_a_pipelines_own_component_gets_a_report_and_its_gates_are_known() -> None:
    from weighbridge.components.example_gen import ExampleGen
    from weighbridge.pipelines.recommender.histories.component import Histories

    lines = ExampleGen("package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv")
    spec = compiled(lines, Histories(lines.outputs["examples"]))
    assert ui_artifacts(spec, "Histories") == ui_artifacts(spec, "ExampleGen") == {"weighbridge_report"}
    assert step_traits(spec, "Histories").gates == ("histories",)


def test_a_users_own_components_declare_likewise() -> None:
    counted = Counted()
    spec = compiled(counted, Checked(examples=counted.outputs["rows_made"]))
    assert ui_artifacts(spec, "Counted") == ui_artifacts(spec, "Checked") == {"weighbridge_report"}
    assert step_traits(spec, "Counted") == ComponentTraits(gates=("report",), examples="rows_made")


def test_a_component_that_declares_nothing_gets_no_page() -> None:
    from tests.weighbridge.kubeflow.pipelines_for_tests import Count

    spec = compiled(Count())
    assert ui_artifacts(spec, "Count") == set()
    assert step_traits(spec, "Count") == ComponentTraits()


def test_thresholds_are_those_that_are_declared() -> None:
    [digest] = package._gates_digest(pipeline(Counted(minimum=5)))
    assert [place.step for place in digest.paths] == ["Counted"]
    [other] = package._gates_digest(pipeline(Counted(minimum=6)))
    assert digest.default != other.default


def run_step(folder: Path, leaves: str, rows: int = 10, traits: ComponentTraits = Counted.TRAITS) -> ExitCode:
    """The step of `Counted`, as Kubeflow's launcher starts it."""
    uri = f"{folder}/pipeline/run/Counted/uuid"
    outputs = {"rows_made": "tfx.Examples", "report": "tfx.ModelEvaluation", "weighbridge_report": "system.HTML"}
    invocation = {
        "inputs": {"parameterValues": {"rows": rows, "minimum": 5, "leaves": leaves}},
        "outputs": {
            "artifacts": {
                key: {"artifacts": [{"uri": f"{uri}/{key}", "type": {"schemaTitle": title}}]}
                for key, title in outputs.items()
            },
            "outputFile": str(folder / "output.json"),
        },
    }
    types = {"rows": "NUMBER_INTEGER", "minimum": "NUMBER_INTEGER", "leaves": "STRING"}
    return entrypoint.main(
        [
            *("--executor_class_path", f"{CountedExecutor.__module__}.{CountedExecutor.__name__}"),
            *("--json_serialized_invocation_args", json.dumps(invocation)),
            "--json_serialized_inputs_spec_args",
            json.dumps({"parameters": {name: {"parameterType": kind} for name, kind in types.items()}}),
            *("--pipeline_name", "own", "--traits", traits.outputs_json()),
        ]
    )


def metadata(folder: Path, key: str) -> dict[str, Any]:
    [artifact] = json.loads((folder / "output.json").read_text())["artifacts"][key]["artifacts"]
    return dict(artifact["metadata"])


def test_a_step_notes_in_its_artifacts_what_lies_in_them(tmp_path: Path) -> None:
    assert run_step(tmp_path, "gates") == ExitCode.PASSED
    assert metadata(tmp_path, "report")[GATES_PROPERTY].startswith("sha256:")
    rows = metadata(tmp_path, "rows_made")
    assert (rows[GATES_PROPERTY], rows[EXAMPLES_PROPERTY]) == (NO_FILE, "sha256:10")
    assert "rows.min" in (tmp_path / "pipeline/run/Counted/uuid/weighbridge_report").read_text()


@pytest.mark.parametrize("leaves", ["", "[]", '{"gates": 1}'])
def test_declared_gates_that_are_missing_or_broken_fail_the_step(
    tmp_path: Path, leaves: str, capfd: pytest.CaptureFixture
) -> None:
    assert run_step(tmp_path, leaves) == ExitCode.REFUSED
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("REFUSED run.Counted.report.gates_readable: Counted leaves gates.json in its output report")
    assert "gates_readable" in (tmp_path / "pipeline/run/Counted/uuid/weighbridge_report").read_text()


def test_gates_that_nobody_declared_count_all_the_same(tmp_path: Path) -> None:
    assert run_step(tmp_path / "few", "gates", rows=2, traits=ComponentTraits()) == ExitCode.REFUSED
    assert run_step(tmp_path / "none", "", traits=ComponentTraits()) == ExitCode.PASSED


@pytest.mark.parametrize("pushed", [0, 1])
def test_a_stock_pusher_that_pushed_nothing_fails_its_step(tmp_path: Path, pushed: int) -> None:
    traits = ComponentTraits(pushes="report")
    output: dict[str, Any] = {"artifacts": {"report": {"artifacts": [{"metadata": {"pushed": pushed}}]}}}
    collector = entrypoint._collect("Pusher", {"report": tmp_path}, output, traits)
    assert [gate.passed for gate in collector.gates] == [pushed == 1]
    assert output["artifacts"]["report"]["artifacts"][0]["metadata"][GATES_PROPERTY] == PUSHED
