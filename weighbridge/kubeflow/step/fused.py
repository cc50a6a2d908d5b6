"""Several steps in one pod: `python -m weighbridge.kubeflow.step.fused …` runs one after the other.

Each is what it would be alone: its executor, its outputs, its gates and report. What one hands to the next within the
pod does not go through Kubeflow.
"""

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

from weighbridge.common import files
from weighbridge.common.errors import ExitCode
from weighbridge.common.memory import release_memory
from weighbridge.kubeflow.step import entrypoint, normalize, termination_message, ui_artifacts
from weighbridge.kubeflow.step.process import read_json, run_and_exit, run_main, write_last_lines

_log = logging.getLogger("weighbridge")


def main(argv: list[str]) -> ExitCode:
    """Run the steps; how they ended is the last thing on stderr, and the exit code."""
    parser = argparse.ArgumentParser(prog="weighbridge-steps", allow_abbrev=False)
    parser.add_argument("--json_serialized_invocation_args", required=True, help="ExecutorInput as JSON")
    parser.add_argument("--steps", required=True, help="name, arguments and what is handed on within the pod, as JSON")
    arguments = parser.parse_args(argv)
    return run_main(lambda: _main(arguments))


def _main(arguments: argparse.Namespace) -> ExitCode:
    executor_input = read_json(arguments.json_serialized_invocation_args, "--json_serialized_invocation_args")
    whole: dict[str, Any] = {"artifacts": {}}
    ended: dict[str, entrypoint.StepEnd] = {}
    for step in read_json(arguments.steps, "--steps"):
        name = step["name"]
        parsed, beam = entrypoint.parse(step["arguments"])
        began = time.monotonic()
        _log.info("%s begins", name)
        ended[name] = entrypoint.run_step(parsed, beam, _input_of(name, step["handed"], executor_input, ended), name)
        _log.info("%s ended after %.1f s", name, time.monotonic() - began)
        release_memory()
        for kind, values in ended[name].output.items():
            whole.setdefault(kind, {}).update({f"{name}_{key}": value for key, value in values.items()})
        refusing = [gate for gate in ended[name].verdict.gates if gate.refuses]
        for line in termination_message.sentences(refusing):
            _log.error(line)
        if refusing and not parsed.verdict_follows:
            ui_artifacts.upload_report(ended[name].requested)
            write_last_lines(termination_message.of_refusal(ended[name].verdict.gates))
            return ExitCode.REFUSED
    files.write_text(normalize.to_path(executor_input["outputs"]["outputFile"]), json.dumps(whole))
    return ExitCode.PASSED


def _input_of(
    name: str, handed: dict[str, Any], executor_input: dict[str, Any], ended: dict[str, entrypoint.StepEnd]
) -> dict[str, Any]:
    """A step's own `ExecutorInput`: what the pod was given for it, and what earlier steps of the pod left."""
    inputs, outputs = executor_input.get("inputs", {}), executor_input["outputs"]
    output_file = Path(outputs["outputFile"])
    artifacts, parameters = _own(name, inputs.get("artifacts", {})), _own(name, inputs.get("parameterValues", {}))
    for key, (other, output) in handed["artifacts"].items():
        artifacts[key] = ended[other].output["artifacts"][output]
    for key, (other, output) in handed["parameters"].items():
        parameters[key] = ended[other].output["parameterValues"][output]
    own: dict[str, Any] = {
        "inputs": {"artifacts": artifacts, "parameterValues": parameters},
        "outputs": {
            "artifacts": _own(name, outputs.get("artifacts", {})),
            "parameters": _own(name, outputs.get("parameters", {})),
            "outputFile": str(output_file.parent / name / output_file.name),
        },
    }
    copied: dict[str, Any] = json.loads(json.dumps(own))  # a step changes what it is given
    return copied


def _own(name: str, values: dict[str, Any]) -> dict[str, Any]:
    prefix = f"{name}_"
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


if __name__ == "__main__":
    run_and_exit(main)
