"""Fused packages: which steps share a pod, and that they stay the steps they were."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.errors import ExitCode
from weighbridge.definition import load
from weighbridge.kubeflow.compile.fuse import fuse, group, group_name
from weighbridge.kubeflow.compile.package import Package, compile_package
from weighbridge.kubeflow.step import fused
from weighbridge.kubeflow.step.step_verdict import STEP_VERDICT

IMAGE = f"repository/weighbridge@sha256:{'ab' * 32}"


@pytest.fixture(scope="module")
def taxi(tmp_path_factory: pytest.TempPathFactory) -> Package:
    definition = load("taxi")
    output = tmp_path_factory.mktemp("package") / "taxi.yaml"
    return compile_package(definition, definition.parameters(), output, image=IMAGE, fuse=True)


@pytest.fixture(scope="module")
def documents(taxi: Package) -> tuple[dict[str, Any], dict[str, Any]]:
    spec, platform = yaml.safe_load_all(taxi.path.read_text())
    return spec, platform


def test_steps_around_the_training_share_a_pod(taxi: Package, documents: tuple[dict[str, Any], ...]) -> None:
    assert taxi.steps == ("ExampleGen-ProductionModel-DataValidator", "Trainer", "Evaluator-Pusher", "Verdict")
    spec, platform = documents
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors.keys() == spec["deploymentSpec"]["executors"].keys()
    mounted = {each["constant"] for each in executors["ExampleGen-ProductionModel-DataValidator_executor"]["pvcMount"]}
    assert mounted == {"weighbridge-production", "weighbridge-kept"}
    assert all(each["securityContext"]["runAsUser"] == 1000 for each in executors.values())


def test_kfp_takes_it(taxi: Package, documents: tuple[dict[str, Any], ...]) -> None:
    from google.protobuf import json_format
    from kfp import components
    from kfp.pipeline_spec import pipeline_spec_pb2

    json_format.ParseDict(documents[0], pipeline_spec_pb2.PipelineSpec())
    loaded = components.load_component_from_file(str(taxi.path))
    assert set(loaded.component_spec.inputs) == {parameter.name for parameter in taxi.parameters}


def test_every_input_has_a_source(documents: tuple[dict[str, Any], ...]) -> None:
    spec = documents[0]
    tasks = spec["root"]["dag"]["tasks"]
    for name, task in tasks.items():
        component = spec["components"][task["componentRef"]["name"]]
        inputs = component.get("inputDefinitions", {})
        for kind in ("artifacts", "parameters"):
            assert inputs.get(kind, {}).keys() == task.get("inputs", {}).get(kind, {}).keys(), name
        for given_input in task.get("inputs", {}).get("artifacts", {}).values():
            source = given_input["taskOutputArtifact"]
            produced = spec["components"][source["producerTask"]]["outputDefinitions"]["artifacts"]
            assert source["outputArtifactKey"] in produced
            assert source["producerTask"] in task["dependentTasks"]


def test_the_verdict_starts_where_something_was_refused(documents: tuple[dict[str, Any], ...]) -> None:
    task = documents[0]["root"]["dag"]["tasks"]["Verdict"]
    condition = task["triggerPolicy"]["condition"].split(" || ")
    assert len(condition) == 6  # a step each, the Pusher too
    assert (
        "(inputs.artifacts['weighbridge_step_verdict_of_Pusher'].artifacts[0].metadata['weighbridge_refused'] > 0.0)"
        in condition
    )
    assert "Verdict" not in documents[0]["root"]["dag"]["tasks"]["Evaluator-Pusher"]["dependentTasks"]


def test_a_group_is_cached_only_where_all_its_steps_may_be(documents: tuple[dict[str, Any], ...]) -> None:
    tasks = documents[0]["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")}
    assert cached == {"Trainer", "Verdict"}


def test_what_trains_or_wants_more_stays_alone() -> None:
    assert group("abcdef", {"a": 1, "b": 1, "d": 1, "e": 2, "f": 2}) == [["a", "b"], ["c"], ["d"], ["e", "f"]]
    assert group([], {}) == []
    assert group_name(["ExampleGen", "ProductionModel", "DataValidator", "Histories"]) == "ExampleGen-to-Histories"
    assert group_name(["A" * 50]) == "A" * 50


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Steps that depend on earlier ones, and what they want; a step without a wish stays alone."""
    names = [f"S{number}" for number in range(draw(st.integers(1, 7)))]
    before: dict[str, list[str]] = {names[0]: []}
    for at, name in enumerate(names[1:], 1):
        before[name] = draw(st.lists(st.sampled_from(names[:at]), unique=True))
    wishes = {name: draw(st.integers(0, 1)) for name in names if draw(st.booleans())}
    return before, wishes


@given(graphs())
def test_any_graph_stays_one_without_cycles_in_which_nothing_is_lost(
    graph: tuple[dict[str, list[str]], dict[str, int]],
) -> None:
    before, wishes = graph
    spec = {
        "components": {
            name: {
                "executorLabel": f"{name}_executor",
                "inputDefinitions": {"artifacts": {other: {} for other in others}},
                "outputDefinitions": {"artifacts": {"out": {}}},
            }
            for name, others in before.items()
        },
        "deploymentSpec": {
            "executors": {
                f"{name}_executor": {"container": {"args": ["--json_serialized_invocation_args", "{{$}}", name]}}
                for name in before
            }
        },
        "root": {
            "dag": {
                "tasks": {
                    name: {
                        "componentRef": {"name": name},
                        "dependentTasks": list(others),
                        "inputs": {
                            "artifacts": {
                                other: {"taskOutputArtifact": {"producerTask": other, "outputArtifactKey": "out"}}
                                for other in others
                            }
                        },
                    }
                    for name, others in before.items()
                }
            }
        },
    }
    groups = group(before, wishes)
    assert [name for steps in groups for name in steps] == list(before)
    order = fuse(spec, groups)
    tasks = spec["root"]["dag"]["tasks"]
    assert set(order) == set(tasks)
    done: set[str] = set()
    for name in order:
        assert set(tasks[name].get("dependentTasks", [])) <= done
        done.add(name)
        for given_input in tasks[name]["inputs"]["artifacts"].values():
            source = given_input["taskOutputArtifact"]
            assert (
                source["outputArtifactKey"]
                in spec["components"][source["producerTask"]]["outputDefinitions"]["artifacts"]
            )
    ran = []
    for name in order:
        arguments = spec["deploymentSpec"]["executors"][spec["components"][name]["executorLabel"]]["container"]["args"]
        if "--steps" in arguments:
            steps = json.loads(arguments[arguments.index("--steps") + 1])
            ran += [step["name"] for step in steps]
            assert [step["arguments"] for step in steps] == [[step["name"]] for step in steps]
        else:
            ran.append(arguments[-1])
    assert ran == list(before)


def run(folder: Path, *, passes: tuple[str, str], arguments: tuple[str, ...] = ("--verdict_follows",)) -> ExitCode:
    """Two weighing steps in one pod, the second after the first."""
    outputs = {
        f"{step}_{key}": {"artifacts": [{"uri": f"{folder}/p/run/A-B/u/{step}_{key}", "type": {"schemaTitle": kind}}]}
        for step in "AB"
        for key, kind in (("evaluation", "tfx.ModelEvaluation"), (STEP_VERDICT, "system.Artifact"))
    }
    executor_input = {
        "inputs": {"parameterValues": {"A_passes": passes[0], "B_passes": passes[1]}},
        "outputs": {"artifacts": outputs, "outputFile": str(folder / "output.json")},
    }
    common = ["--executor_class_path", "tests.weighbridge.kubeflow.executors.Weighing", *arguments]
    told = {"weighbridge_step_verdict_of_A": ["A", STEP_VERDICT]}
    steps = [
        {"name": "A", "arguments": common, "handed": {"artifacts": {}, "parameters": {}}},
        {"name": "B", "arguments": [*common, "--after", "A"], "handed": {"artifacts": told, "parameters": {}}},
    ]
    invocation = ["--json_serialized_invocation_args", json.dumps(executor_input)]
    return fused.main([*invocation, "--steps", json.dumps(steps)])


def test_both_steps_leave_what_they_would_leave_alone(tmp_path: Path) -> None:
    assert run(tmp_path, passes=("yes", "yes")) == ExitCode.PASSED
    artifacts = json.loads((tmp_path / "output.json").read_text())["artifacts"]
    assert artifacts.keys() == {f"{step}_{key}" for step in "AB" for key in ("evaluation", STEP_VERDICT)}
    for step in "AB":
        [evaluation] = artifacts[f"{step}_evaluation"]["artifacts"]
        assert evaluation["metadata"]["run"] == "run"
        assert Path(evaluation["uri"], "gates.json").exists()


def test_a_refusal_inside_the_pod_ends_the_steps_behind_it(tmp_path: Path) -> None:
    assert run(tmp_path, passes=("no", "yes")) == ExitCode.PASSED
    artifacts = json.loads((tmp_path / "output.json").read_text())["artifacts"]
    assert artifacts["B_evaluation"]["artifacts"][0]["metadata"]["weighbridge_not_run"] == "quality.auc.min"
    assert artifacts[f"B_{STEP_VERDICT}"]["artifacts"][0]["metadata"]["weighbridge_refused"] == 1.0
    assert not (tmp_path / "p/run/A-B/u/B_evaluation").exists()


def test_without_a_verdict_behind_it_a_refusal_fails_the_pod(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    assert run(tmp_path, passes=("no", "yes"), arguments=()) == ExitCode.REFUSED
    assert capfd.readouterr().err.strip().splitlines()[-1].startswith("REFUSED quality.auc.min")
    assert not (tmp_path / "output.json").exists()


def test_steps_that_are_no_json(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    assert fused.main(["--json_serialized_invocation_args", "{}", "--steps", "x"]) == ExitCode.USAGE
    assert "--steps is not a JSON object" in capfd.readouterr().err
