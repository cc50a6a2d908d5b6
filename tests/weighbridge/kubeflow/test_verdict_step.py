"""The step Verdict: where it is put in a package, what it says, and that nothing goes on behind a refusal."""

import json
from pathlib import Path
from typing import Any

import pytest

from weighbridge.common.errors import ExitCode, UsageError
from weighbridge.components.traits import ComponentTraits
from weighbridge.kubeflow.compile.verdict_step import NAME, add_verdict_step
from weighbridge.kubeflow.step import entrypoint, verdict
from weighbridge.kubeflow.step.step_verdict import REFUSED_PROPERTY, STEP_VERDICT, StepVerdict
from weighbridge.runs.content import CONTENT_DIGEST
from weighbridge.verdict import Gate, Verdict

GATE = Gate(name="data.rows.min", status="passed", observed=3, threshold=2, message="Enough.")
REFUSED = GATE.model_copy(update={"status": "refused", "observed": 1, "message": "Too few; give more."})


def package(**before: list[str]) -> dict[str, Any]:
    """A package in which each step depends on those named."""
    return {
        "components": {name: {"executorLabel": f"{name}_executor"} for name in before},
        "deploymentSpec": {"executors": {f"{name}_executor": {"container": {"args": []}} for name in before}},
        "root": {"dag": {"tasks": {name: {"dependentTasks": list(other)} for name, other in before.items()}}},
    }


def add(spec: dict[str, Any], *, foreign: tuple[str, ...] = (), last: bool = False) -> list[str]:
    order = list(spec["root"]["dag"]["tasks"])
    ours = {name: ComponentTraits(pushes="pushed" if "Pusher" in name else "") for name in order if name not in foreign}
    return add_verdict_step(spec, order, ours, "image", "p", last=last)


def told_of(spec: dict[str, Any], name: str) -> set[str]:
    """Steps whose refusals a step is told of."""
    arguments = spec["deploymentSpec"]["executors"][f"{name}_executor"]["container"]["args"]
    return {arguments[at + 1] for at, argument in enumerate(arguments) if argument == "--after"}


def keeps(spec: dict[str, Any]) -> set[str]:
    executors = spec["deploymentSpec"]["executors"]
    return {
        name.removesuffix("_executor")
        for name, executor in executors.items()
        if "--verdict_follows" in executor["container"]["args"]
    }


def test_it_stands_between_what_weighs_and_what_pushes() -> None:
    spec = package(Data=[], Model=["Data"], Pusher=["Model"], Told=["Pusher"])
    assert add(spec) == ["Data", "Model", NAME, "Pusher", "Told"]
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks[NAME]["dependentTasks"] == ["Data", "Model"]
    assert tasks["Pusher"]["dependentTasks"] == ["Model", NAME]
    assert keeps(spec) == {"Data", "Model"}
    told = tasks["Model"]["inputs"]["artifacts"]["weighbridge_step_verdict_of_Data"]["taskOutputArtifact"]
    assert told == {"producerTask": "Data", "outputArtifactKey": STEP_VERDICT}


def test_a_container_that_knows_nothing_of_refusals_never_works_on_refused_data() -> None:
    """What it builds on fails as before, where something that weighs builds on it; else it waits for the verdict."""
    between = package(Data=[], Foreign=["Data"], Model=["Foreign"], Pusher=["Model"])
    add(between, foreign=("Foreign",))
    assert keeps(between) == {"Model"}
    behind = package(Data=[], Model=["Data"], Mail=["Model"], Pusher=["Model"])
    assert add(behind, foreign=("Mail",)) == ["Data", "Model", NAME, "Mail", "Pusher"]
    assert NAME in behind["root"]["dag"]["tasks"]["Mail"]["dependentTasks"]
    assert keeps(behind) == {"Data", "Model"}


def test_a_container_that_deploys_is_never_behind_a_refusal_where_the_verdict_comes_last() -> None:
    spec = package(Data=[], Model=["Data"], Deploy=["Model"], Pusher=["Model"])
    add(spec, foreign=("Deploy",), last=True)
    assert keeps(spec) == {"Pusher"}  # the others fail where they refuse


def test_where_the_verdict_comes_last_a_pusher_is_told_of_everything_that_weighs() -> None:
    spec = package(Data=[], Model=["Data"], Pusher=["Model"], Beside=["Data"], Told=["Pusher"])
    assert add(spec, last=True) == ["Data", "Model", "Beside", "Pusher", "Told", NAME]
    assert told_of(spec, "Pusher") == {"Data", "Model", "Beside"}
    assert told_of(spec, "Told") == {"Data", "Model", "Beside", "Pusher"}
    assert spec["root"]["dag"]["tasks"]["Pusher"]["dependentTasks"] == ["Beside", "Data", "Model"]


@pytest.mark.parametrize("last", [False, True])
def test_a_step_that_kubeflow_may_skip_is_not_waited_for_but_knows_what_refused(last: bool) -> None:
    spec = package(Data=[], Model=["Data"], Extra=["Model"], Follower=["Extra"], Pusher=["Model"])
    spec["root"]["dag"]["tasks"]["Extra"]["triggerPolicy"] = {"condition": "x"}
    add(spec, last=last)
    assert not {"Extra", "Follower"} & set(spec["root"]["dag"]["tasks"][NAME]["dependentTasks"])
    assert {"Data", "Model"} <= keeps(spec)
    assert not {"Extra", "Follower"} & keeps(spec)
    assert told_of(spec, "Extra") == told_of(spec, "Follower") == {"Data", "Model"}


def test_what_pushes_or_deploys_on_a_condition_waits_for_the_verdict() -> None:
    spec = package(Data=[], Pusher=["Data"], Deploy=["Data"])
    for name in ("Pusher", "Deploy"):
        spec["root"]["dag"]["tasks"][name]["triggerPolicy"] = {"condition": "x"}
    add(spec, foreign=("Deploy",))
    tasks = spec["root"]["dag"]["tasks"]
    assert all(NAME in tasks[name]["dependentTasks"] for name in ("Pusher", "Deploy"))


def test_a_pipeline_has_no_step_of_that_name_already() -> None:
    with pytest.raises(UsageError, match="named 'Verdict'"):
        add(package(Data=[], Verdict=["Data"]))


def test_a_pipeline_in_which_nothing_of_ours_runs_gets_none() -> None:
    spec = package(Foreign=[])
    assert add(spec, foreign=("Foreign",)) == ["Foreign"]
    assert NAME not in spec["root"]["dag"]["tasks"]


def output(folder: Path, name: str) -> dict[str, Any]:
    return {"uri": f"{folder}/p/run-1/{name}", "type": {"schemaTitle": "system.Artifact"}}


def left(folder: Path, step: str, weighed: StepVerdict) -> dict[str, Any]:
    """What a step left, as an input of a later one."""
    [artifact] = weighed.output({STEP_VERDICT: output(folder, f"{step}/u/told")})[STEP_VERDICT]["artifacts"]
    return artifact | {"type": {"instanceSchema": ""}}


def decide(folder: Path, *, steps: list[str], **artifacts: dict[str, Any]) -> tuple[ExitCode, Verdict | None]:
    executor_input = {
        "inputs": {
            "artifacts": {
                f"weighbridge_step_verdict_of_{name}": {"artifacts": [artifact]} for name, artifact in artifacts.items()
            }
        },
        "outputs": {
            "artifacts": {
                "weighbridge_verdict": {"artifacts": [output(folder, "Verdict/u/verdict")]},
                "weighbridge_report": {
                    "artifacts": [output(folder, "Verdict/u/report") | {"type": {"schemaTitle": "system.HTML"}}]
                },
            },
            "outputFile": str(folder / "output.json"),
        },
    }
    arguments = ["--json_serialized_invocation_args", json.dumps(executor_input), "--pipeline_name", "p"]
    code = verdict.main([*arguments, *(part for step in steps for part in ("--after", step))])
    path = folder / "p/run-1/Verdict/u/verdict"
    return code, Verdict.read(path) if path.exists() else None


def test_passed_gates_pass_the_run_with_verdict_and_report(tmp_path: Path) -> None:
    data = left(tmp_path, "Data", StepVerdict(gates=(GATE,), subject={"data": "sha256:1"}))
    model = left(tmp_path, "Model", StepVerdict(subject={"model": "sha256:2"}))
    code, found = decide(tmp_path, steps=["Data", "Model"], Data=data, Model=model)
    assert code == ExitCode.PASSED
    assert found is not None
    assert (found.passed, found.run_id, found.pipeline) == (True, "run-1", "p")
    assert found.subject == {"data": "sha256:1", "model": "sha256:2"}
    written = json.loads((tmp_path / "output.json").read_text())["artifacts"]
    assert written["weighbridge_verdict"]["artifacts"][0]["metadata"][CONTENT_DIGEST] == found.digest
    assert "rows.min" in (tmp_path / "p/run-1/Verdict/u/report").read_text()


def test_a_refused_gate_fails_the_run_with_its_sentence(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    data = left(tmp_path, "Data", StepVerdict(gates=(REFUSED,)))
    model = left(tmp_path, "Model", StepVerdict(refused_before=("data.rows.min",)))
    code, found = decide(tmp_path, steps=["Data", "Model"], Data=data, Model=model)
    assert code == ExitCode.REFUSED
    assert found is not None
    assert [gate.name for gate in found.refusals] == ["data.rows.min"]
    assert capfd.readouterr().err.strip().splitlines()[-1] == "REFUSED data.rows.min: Too few; give more."


def test_where_nothing_was_weighed_yet_a_stock_pusher_has_its_word(tmp_path: Path) -> None:
    """The verdict says that it passed nothing; the run's own, which counts the Pusher too, is the client's."""
    code, found = decide(tmp_path, steps=["Data"], Data=left(tmp_path, "Data", StepVerdict()))
    assert code == ExitCode.PASSED
    assert found is not None
    assert (found.passed, found.gates) == (False, ())


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path, artifact: path.unlink(), "No such file"),
        (lambda path, artifact: path.write_text("{}"), "digest is not"),
        (lambda path, artifact: artifact["metadata"].clear(), "digest is not"),
    ],
)
def test_what_cannot_be_read_or_was_altered_refuses(damage: Any, why: str, tmp_path: Path) -> None:
    data, model = (left(tmp_path, name, StepVerdict(gates=(GATE,))) for name in ("Data", "Model"))
    damage(Path(data["uri"]), data)
    code, found = decide(tmp_path, steps=["Data", "Model"], Data=data, Model=model)
    assert code == ExitCode.REFUSED
    assert found is not None
    [refusing] = found.refusals
    assert refusing.name == "run.Data.step_verdict_readable"
    assert why in refusing.message


def test_an_input_that_never_came_refuses(tmp_path: Path) -> None:
    code, _ = decide(tmp_path, steps=["Data", "Model"], Model=left(tmp_path, "Model", StepVerdict(gates=(GATE,))))
    assert code == ExitCode.REFUSED


def run_step(
    folder: Path, before: dict[str, Any] | None, *arguments: str, passes: str = "yes", parameters: Any = ()
) -> ExitCode:
    artifacts = {"weighbridge_step_verdict_of_Data": {"artifacts": [before]}} if before else {}
    executor_input = {
        "inputs": {"parameterValues": {"passes": passes}, "artifacts": artifacts},
        "outputs": {
            "artifacts": {
                "evaluation": {
                    "artifacts": [output(folder, "Model/u/e") | {"type": {"schemaTitle": "tfx.ModelEvaluation"}}]
                },
                STEP_VERDICT: {"artifacts": [output(folder, "Model/u/told")]},
            },
            "parameters": {name: {"outputFile": f"{folder}/{name}"} for name in parameters},
            "outputFile": str(folder / "output.json"),
        },
    }
    return entrypoint.main(
        [
            *("--executor_class_path", "tests.weighbridge.kubeflow.executors.Weighing", "--pipeline_name", "p"),
            *("--json_serialized_invocation_args", json.dumps(executor_input), *arguments),
        ]
    )


def told(folder: Path) -> tuple[StepVerdict, dict[str, Any]]:
    written = json.loads((folder / "output.json").read_text())["artifacts"]
    weighed = StepVerdict.model_validate_json((folder / "p/run-1/Model/u/told").read_bytes())
    return weighed, written[STEP_VERDICT]["artifacts"][0]["metadata"]


def test_a_refusing_step_succeeds_where_a_verdict_follows_and_tells_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert run_step(tmp_path, None, "--verdict_follows", passes="no") == ExitCode.PASSED
    weighed, metadata = told(tmp_path)
    assert weighed.refusing == ["quality.auc.min"]
    assert metadata[REFUSED_PROPERTY] == 1.0
    assert "REFUSED quality.auc.min" in caplog.text
    assert (tmp_path / "p/run-1/Model/u/e/gates.json").exists()


def test_a_step_after_a_refusal_does_nothing_and_hands_it_on(tmp_path: Path) -> None:
    refused = left(tmp_path, "Data", StepVerdict(gates=(REFUSED,)))
    assert run_step(tmp_path, refused, "--verdict_follows", "--after", "Data") == ExitCode.PASSED
    weighed, metadata = told(tmp_path)
    assert (weighed.refused_before, weighed.gates) == (("data.rows.min",), ())
    assert metadata[REFUSED_PROPERTY] == 1.0
    assert not (tmp_path / "p/run-1/Model/u/e").exists()


def test_a_step_after_one_that_passed_runs(tmp_path: Path) -> None:
    passed = left(tmp_path, "Data", StepVerdict(gates=(GATE,)))
    assert run_step(tmp_path, passed, "--verdict_follows", "--after", "Data") == ExitCode.PASSED
    weighed, metadata = told(tmp_path)
    assert [gate.name for gate in weighed.gates] == ["quality.auc.min"]
    assert metadata[REFUSED_PROPERTY] == 0.0


def test_a_step_whose_predecessor_cannot_be_read_fails_and_may_be_tried_again(tmp_path: Path) -> None:
    passed = left(tmp_path, "Data", StepVerdict(gates=(GATE,)))
    Path(passed["uri"]).unlink()
    assert run_step(tmp_path, passed, "--verdict_follows", "--after", "Data") == ExitCode.INFRASTRUCTURE
    assert not (tmp_path / "output.json").exists()


def test_a_step_that_did_not_run_though_nothing_refused_is_no_pass(tmp_path: Path) -> None:
    data = left(tmp_path, "Data", StepVerdict(gates=(GATE,)))
    model = left(tmp_path, "Model", StepVerdict(refused_before=("data.other.min",)))
    code, found = decide(tmp_path, steps=["Data", "Model"], Data=data, Model=model)
    assert code == ExitCode.REFUSED
    assert found is not None
    assert [gate.name for gate in found.refusals] == ["run.Model.ran"]


def test_output_parameters_of_a_step_that_did_not_run_have_their_types(tmp_path: Path) -> None:
    refused = left(tmp_path, "Data", StepVerdict(gates=(REFUSED,)))
    types = {"number": "NUMBER_INTEGER", "text": "STRING", "yes": "BOOLEAN"}
    code = run_step(tmp_path, refused, "--after", "Data", "--output_types", json.dumps(types), parameters=types)
    assert code == ExitCode.PASSED
    values = json.loads((tmp_path / "output.json").read_text())["parameterValues"]
    assert values == {"number": 0, "text": "", "yes": False}
