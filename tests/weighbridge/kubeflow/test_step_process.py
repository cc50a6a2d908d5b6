"""A step's process as Kubeflow's launcher sees it: exit code 0 only where the step was done and left its outputs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ROOT
from weighbridge.common.errors import ExitCode
from weighbridge.kubeflow.step.termination_message import exit_code_in

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
EXECUTOR = "tests.weighbridge.kubeflow.executors.Ending"
ENDS = """
import os, signal, sys
from weighbridge.common.errors import ExitCode
from weighbridge.kubeflow.step.process import run_and_exit

def main(arguments):
    {body}
    return ExitCode.PASSED

run_and_exit(main)
"""


def of_entrypoint(folder: Path, how: str) -> list[str]:
    artifact = {"uri": f"{folder}/p/run/s/u/e", "type": {"schemaTitle": "tfx.ModelEvaluation"}}
    invocation = {
        "inputs": {"parameterValues": {"how": how}},
        "outputs": {"artifacts": {"evaluation": {"artifacts": [artifact]}}, "outputFile": str(folder / "output.json")},
    }
    return [
        *("weighbridge.kubeflow.step.entrypoint", "--executor_class_path", EXECUTOR),
        *("--json_serialized_invocation_args", json.dumps(invocation)),
        *("--json_serialized_inputs_spec_args", json.dumps({"parameters": {"how": {"parameterType": "STRING"}}})),
        *("--pipeline_name", "p"),
    ]


def of_fused(folder: Path, how: str) -> list[str]:
    _, *arguments, _, _ = of_entrypoint(folder, how)
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    invocation = json.loads(given.pop("--json_serialized_invocation_args"))
    for values in (invocation["inputs"]["parameterValues"], invocation["outputs"]["artifacts"]):
        values |= {f"One_{key}": values.pop(key) for key in list(values)}
    step = {
        "name": "One",
        "arguments": [part for pair in given.items() for part in pair],
        "handed": {"artifacts": {}, "parameters": {}},
    }
    return [
        "weighbridge.kubeflow.step.fused",
        *("--json_serialized_invocation_args", json.dumps(invocation), "--steps", json.dumps([step])),
    ]


def start(*command: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *command],
        cwd="/",
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("of", [of_entrypoint, of_fused])
def test_code_that_ends_the_process_of_a_step_fails_it(tmp_path, of):
    process = start("-m", *of(tmp_path, "exit"))
    log, _ = process.communicate(timeout=300)
    assert process.returncode == exit_code_in(log) == ExitCode.USAGE, log
    assert "The step's own code ended the process, with exit code 0, before the step was done" in log.splitlines()[-2]
    assert not (tmp_path / "output.json").exists()


def test_a_step_that_is_asked_to_end_does(tmp_path):
    process = start("-m", *of_entrypoint(tmp_path, "wait"))
    assert process.stdout is not None
    log = "".join(iter(process.stdout.readline, "waits\n"))
    process.send_signal(signal.SIGTERM)  # to the process that the launcher knows, as Kubernetes does
    rest, _ = process.communicate(timeout=300)
    assert (process.returncode, exit_code_in(log + rest)) == (ExitCode.INFRASTRUCTURE, ExitCode.INFRASTRUCTURE)
    assert "INFRASTRUCTURE: Interrupted" in rest


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("pass", 0, ""),
        ("return ExitCode.REFUSED", 1, ""),
        ("sys.exit(0)", 0, ""),  # as of --help; `run_main` lets none of a step through
        ("sys.exit(143)", 143, ""),
        ("os._exit(0)", 2, "with exit code 0, before the step was done"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", 3, "The process crashed (SIGSEGV)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 3, "as the system does where memory runs out"),
        ("os.execv('/bin/true', ['true'])", 2, "with exit code 0"),
        ("os.fork() or os._exit(0)", 0, ""),
        ("import atexit; atexit.register(os._exit, 0); return ExitCode.USAGE", 2, ""),
    ],
)
def test_however_the_process_ends(body, code, said):
    process = start("-c", ENDS.format(body=body))
    log, _ = process.communicate(timeout=120)
    assert (process.returncode, said in log, bool(log)) == (code, True, bool(said)), log


def test_a_killed_parent_takes_the_step_along():
    process = start("-c", ENDS.format(body="print(os.getpid(), flush=True); signal.pause()"))
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert child != process.pid
    process.kill()
    process.communicate(timeout=120)  # the child held the other end of the pipe: it is gone
    assert process.returncode == -signal.SIGKILL
