"""The entry point's exit codes, what it retries and what it says last."""

import json
from pathlib import Path
from typing import Any

import pytest

from weighbridge.common import text
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.kubeflow.step import entrypoint
from weighbridge.kubeflow.step.termination_message import gates_in

EXECUTOR = "tests.weighbridge.kubeflow.executors"


def call(folder: Path, executor: str, *arguments: str, **parameters: Any) -> ExitCode:
    definitions = {name: {"parameterType": "STRING"} for name in parameters}
    invocation = {
        "inputs": {"parameterValues": parameters},
        "outputs": {
            "artifacts": {
                "evaluation": {
                    "artifacts": [{"uri": f"{folder}/p/run/s/u/e", "type": {"schemaTitle": "tfx.ModelEvaluation"}}]
                },
                "weighbridge_report": {
                    "artifacts": [{"uri": f"{folder}/report.html", "type": {"schemaTitle": "system.HTML"}}]
                },
            },
            "outputFile": str(folder / "output.json"),
        },
    }
    return entrypoint.main(
        [
            *("--executor_class_path", f"{EXECUTOR}.{executor}"),
            *("--json_serialized_invocation_args", json.dumps(invocation)),
            *("--json_serialized_inputs_spec_args", json.dumps({"parameters": definitions})),
            *("--pipeline_name", "p", "--retries", "2", "--backoff_s", "0.01"),
            *arguments,
        ]
    )


def test_a_step_that_passes_leaves_output_and_page(tmp_path: Path) -> None:
    assert call(tmp_path, "Weighing", passes="yes") == ExitCode.PASSED
    output = json.loads((tmp_path / "output.json").read_text())
    [evaluation] = output["artifacts"]["evaluation"]["artifacts"]
    assert evaluation["uri"] == f"{tmp_path}/p/run/s/u/e"
    assert evaluation["metadata"]["run"] == "run"
    assert evaluation["metadata"]["pipeline"] == "p"
    assert "auc.min" in (tmp_path / "report.html").read_text()


def test_a_parameter_that_refers_to_a_variable_is_what_that_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(text, "_hidden", {})
    monkeypatch.setenv("WORD", "c0rrect-h0rse")
    assert call(tmp_path, "Counting", log=str(tmp_path / "log"), word="{env:WORD}") == ExitCode.PASSED
    assert (tmp_path / "p/run/s/u/e/made.txt").read_text() == "c0rrect-h0rse"
    assert "c0rrect-h0rse" not in (tmp_path / "output.json").read_text()
    assert call(tmp_path, "Broken", word="{env:WORD}") == ExitCode.USAGE
    monkeypatch.delenv("WORD")
    assert call(tmp_path, "Counting", log=str(tmp_path / "log"), word="{env:WORD}") == ExitCode.USAGE
    assert "the environment variable WORD, which is not set" in capfd.readouterr().err


def test_a_refusing_gate_fails_the_step_and_has_the_last_word(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    assert call(tmp_path, "Weighing", passes="no") == ExitCode.REFUSED
    *_, gates, last = capfd.readouterr().err.strip().splitlines()
    assert last == "REFUSED quality.auc.min: AUC <b>is</b> too low."
    [gate] = gates_in(gates)
    assert (gate.name, gate.passed, gate.observed) == ("quality.auc.min", False, 0.8)
    page = (tmp_path / "report.html").read_text()
    assert "&lt;b&gt;is&lt;/b&gt; too low" in page
    assert json.loads((tmp_path / "output.json").read_text())["artifacts"]


@pytest.mark.parametrize(
    ("executor", "code", "said"),
    [
        ("Misconfigured", ExitCode.USAGE, "USAGE: data='x' is wrong"),
        ("Broken", ExitCode.USAGE, "ZeroDivisionError: division by zero"),
        ("OutOfDisk", ExitCode.INFRASTRUCTURE, "OSError"),
        ("Nowhere", ExitCode.USAGE, "Nowhere"),
    ],
)
def test_errors_become_exit_codes(
    executor: str, code: ExitCode, said: str, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    assert call(tmp_path, executor) == code
    assert said in capfd.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / "output.json").exists()


def test_only_failures_of_the_infrastructure_are_retried() -> None:
    tries: list[int] = []

    def fails(error: Exception, times: int) -> None:
        tries.append(1)
        if len(tries) <= times:
            raise error

    entrypoint._retrying(lambda: fails(InfrastructureError("gone"), 2), 2, 0.001)
    assert len(tries) == 3
    tries.clear()
    with pytest.raises(InfrastructureError):
        entrypoint._retrying(lambda: fails(InfrastructureError("gone"), 9), 2, 0.001)
    assert len(tries) == 3
    tries.clear()
    with pytest.raises(UsageError):
        entrypoint._retrying(lambda: fails(UsageError("wrong"), 9), 2, 0.001)
    assert len(tries) == 1


def test_runtime_values_go_where_they_belong() -> None:
    properties = {"parameters": '{"a": {"b": [1, 2]}}', "runtime_x": 'quo"ted', "runtime_y": 7, "other": 1}
    values = [["parameters", ["a", "b", 1], "runtime_x"], ["parameters", ["a", "b", 0], "runtime_y"]]
    entrypoint._put_in(properties, [json.dumps(value) for value in values])
    assert json.loads(properties.pop("parameters")) == {"a": {"b": [7, 'quo"ted']}}
    assert properties == {"other": 1}


def test_other_thresholds_than_the_packages_are_refused(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    fixed = ("--fixed_value", json.dumps(["gates_digest", "sha256:a"]))
    assert call(tmp_path, "Weighing", *fixed, passes="yes", gates_digest="sha256:a") == ExitCode.PASSED
    assert call(tmp_path, "Weighing", *fixed, passes="yes", gates_digest="sha256:b") == ExitCode.USAGE
    assert "compiled with 'sha256:a'" in capfd.readouterr().err


def test_arguments_that_are_no_json(capfd: pytest.CaptureFixture) -> None:
    arguments = ["--executor_class_path", "x", "--json_serialized_invocation_args", "{{$}}"]
    assert entrypoint.main(arguments) == ExitCode.USAGE
    assert "is not a JSON object" in capfd.readouterr().err
