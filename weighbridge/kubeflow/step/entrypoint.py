"""What runs in a step's container: `python -m weighbridge.kubeflow.step.entrypoint …`, one executor, one exit code.

A gate that refuses fails the step, and the gate's sentence is the last line of its log. Exit codes are those of
every command: 0 passed, 1 refused, 2 usage or configuration error, 3 infrastructure failure.
"""

import argparse
import json
import logging
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from weighbridge.common import files
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError, WeighbridgeError
from weighbridge.common.memory import gc_paused
from weighbridge.components.traits import ComponentTraits
from weighbridge.kubeflow.step import lean, normalize, termination_message, ui_artifacts
from weighbridge.runs import gate_collector
from weighbridge.verdict import Gate, Verdict

_log = logging.getLogger("weighbridge")


def main(argv: list[str]) -> ExitCode:
    """Run one step; how it ended is the last thing on stderr, and the exit code."""
    arguments, beam = _parser().parse_known_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("apache_beam").setLevel(logging.WARNING)  # writes hundreds of lines while it loads
    try:
        gates = _run(arguments, beam)
    except WeighbridgeError as error:
        _write_last_lines(termination_message.of_error(error))
        return error.exit_code
    except Exception as error:
        traceback.print_exc()
        passing = isinstance(error, OSError | MemoryError)
        known = (InfrastructureError if passing else UsageError)(f"{type(error).__name__}: {error}")
        _write_last_lines(termination_message.of_error(known))
        return known.exit_code
    if not any(gate.refuses for gate in gates):
        return ExitCode.PASSED
    _write_last_lines(termination_message.of_refusal(gates))
    return ExitCode.REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="weighbridge-step", allow_abbrev=False)
    parser.add_argument("--executor_class_path", required=True, help="the executor, package.module.Class")
    parser.add_argument("--json_serialized_invocation_args", required=True, help="ExecutorInput as JSON")
    parser.add_argument("--json_serialized_inputs_spec_args", default="{}", help="inputDefinitions as JSON")
    parser.add_argument("--artifact_types", default="{}", help="TFX's types of inputs and outputs by name, as JSON")
    parser.add_argument("--pipeline_name", default="", help="of the pipeline")
    parser.add_argument("--traits", default="{}", help="what the component declares of its outputs, as JSON")
    parser.add_argument("--runtime_value", action="append", default=[], help="[property, path, input] as JSON")
    parser.add_argument("--fixed_value", action="append", default=[], help="[input, value] as JSON")
    parser.add_argument("--file_based_driver", action="store_true", help="resolve spans as stock ExampleGen's driver")
    parser.add_argument("--retries", type=int, default=0, help="after failures of the infrastructure")
    parser.add_argument("--backoff_s", type=float, default=30.0, help="seconds before the first retry; then doubled")
    return parser


def _run(arguments: argparse.Namespace, beam: list[str]) -> list[Gate]:
    """Run the step; returns the gates that it left."""
    executor_input = _json(arguments.json_serialized_invocation_args, "--json_serialized_invocation_args")
    inputs_spec = _json(arguments.json_serialized_inputs_spec_args, "--json_serialized_inputs_spec_args")
    traits = ComponentTraits.from_json(_json(arguments.traits, "--traits"))
    run, name = normalize.run_and_step(executor_input)
    normalize.set_types(executor_input, _json(arguments.artifact_types, "--artifact_types"))
    requested = normalize.take_ui_artifacts(executor_input)
    normalize.normalize_inputs(executor_input, inputs_spec)
    with gc_paused():
        lean.load_tfx()
        from weighbridge.kubeflow.step import executor

        step = executor.StepExecution(executor_input, inputs_spec, arguments.pipeline_name, run, beam)
    _check_fixed(step.properties, arguments.fixed_value)
    _put_in(step.properties, arguments.runtime_value)
    if arguments.file_based_driver:
        step.resolve_spans()
    _retrying(lambda: step.run(arguments.executor_class_path), arguments.retries, arguments.backoff_s)
    folders, output = step.folders(), step.output()
    collector = _collect(name, folders, output, traits)
    verdict = _step_verdict(collector, arguments.pipeline_name, run)
    output["artifacts"] |= ui_artifacts.write(requested, folders, verdict, metrics=traits.metrics)
    path = normalize.to_path(executor_input["outputs"]["outputFile"])
    files.write_text(path, json.dumps(normalize.normalize_outputs(output)))
    if any(gate.refuses for gate in collector.gates):
        ui_artifacts.upload_report(requested)
    return collector.gates


def _collect(
    step: str, folders: dict[str, Path], output: dict[str, Any], traits: ComponentTraits
) -> gate_collector.GateCollector:
    """Collect the gates that a step left, and note in the artifacts of `ExecutorOutput` what lies in them."""
    collector = gate_collector.GateCollector()
    for key, folder in folders.items():
        [artifact] = output["artifacts"][key]["artifacts"]
        properties = artifact.setdefault("metadata", {})
        found = gate_collector.StepOutput(
            step=step,
            key=key,
            uri=str(folder),
            read=gate_collector.folder_reader(folder),
            contents=gate_collector.Contents.declared(traits, key, properties),
            properties=dict(properties),
        )
        collector.take(found)
        properties |= gate_collector.noted_properties(found)
    return collector


def _step_verdict(collector: gate_collector.GateCollector, pipeline: str, run: str) -> Verdict:
    """The verdict that the step came to, where it covers all gates of the step; else that of these gates alone."""
    weighed = collector.weighed
    if weighed is not None and {gate.name for gate in collector.gates} <= {gate.name for gate in weighed.gates}:
        return weighed
    return Verdict.of(collector.gates, pipeline=f"{pipeline}, this step alone", run_id=run, subject={})


def _json(text: str, argument: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise UsageError(f"{argument} is not a JSON object: {error}", "Compile the pipeline again.") from error


def _check_fixed(properties: dict[str, Any], fixed: list[str]) -> None:
    for name, value in map(json.loads, fixed):
        given = properties.pop(name, value)
        if given != value:
            raise UsageError(
                f"{name}={given!r}, but this package was compiled with {value!r}",
                "Compile and submit the pipeline again with the files that are meant.",
            )


def _put_in(properties: dict[str, Any], runtime_values: list[str]) -> None:
    """Put runtime values where they belong inside properties that are JSON texts."""
    for name, path, key in map(json.loads, runtime_values):
        text = json.loads(properties[name])
        place = text
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = properties[key]
        properties[name] = json.dumps(text)
    for key in {json.loads(value)[2] for value in runtime_values}:
        del properties[key]


def _retrying(run: Any, retries: int, backoff_s: float) -> None:
    """Try again after a failure of the infrastructure, and only then: Kubeflow's own retries know no difference."""
    for attempt in range(retries + 1):
        try:
            run()
            return
        except InfrastructureError as error:
            if attempt == retries:
                raise
            wait_s = backoff_s * 2**attempt
            _log.warning("%s. Trying again in %.0f s (%d of %d).", error.message, wait_s, attempt + 1, retries)
            time.sleep(wait_s)


def _write_last_lines(lines: list[str]) -> None:
    """Plain lines, last in the log; and in the pod's termination message, where there is one."""
    print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201, the end of the log is read
    message = Path("/dev/termination-log")
    if message.exists():
        with message.open("w") as file:
            file.write("\n".join(line for line in lines if not line.startswith(termination_message.GATES_LINE))[:4000])


if __name__ == "__main__":
    from weighbridge.common.fast_exit import fast_exit

    fast_exit(int(main(sys.argv[1:])))
