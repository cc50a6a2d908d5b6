"""What runs in a step's container: `python -m weighbridge.kubeflow.step.entrypoint …`, one executor, one exit code.

Where a step Verdict follows, a gate that refuses leaves the failing to it; else the step fails, and the gate's sentence
is the last line of its log. Exit codes are those of every command: 0 passed, 1 refused, 2 usage or configuration error,
3 infrastructure failure.
"""

import argparse
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common import files
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.common.memory import gc_paused
from weighbridge.components.traits import ComponentTraits
from weighbridge.kubeflow.step import lean, normalize, termination_message, ui_artifacts
from weighbridge.kubeflow.step.process import read_json, run_and_exit, run_main, write_last_lines
from weighbridge.kubeflow.step.step_verdict import NOT_RUN_PROPERTY, UNREADABLE, StepVerdict, read_all
from weighbridge.runs import gate_collector
from weighbridge.runs.kept import KeptResults
from weighbridge.storage.place import open_place
from weighbridge.verdict import Verdict

if TYPE_CHECKING:
    from weighbridge.kubeflow.step import executor

_log = logging.getLogger("weighbridge")

# Values of a step that was not run. A server refuses values of another type than a parameter's.
_NOTHING: dict[str | None, Any] = {
    "NUMBER_INTEGER": 0,
    "NUMBER_DOUBLE": 0.0,
    "BOOLEAN": False,
    "LIST": [],
    "STRUCT": {},
}


@dataclass(frozen=True)
class StepEnd:
    """How a step ended.

    Attributes:
        verdict: what it weighed.
        output: `ExecutorOutput` as JSON.
        requested: outputs that Kubeflow's pages show, as entries of `ExecutorInput`, by name.
    """

    verdict: StepVerdict
    output: dict[str, Any]
    requested: dict[str, dict[str, Any]]


def main(argv: list[str]) -> ExitCode:
    """Run one step; how it ended is the last thing on stderr, and the exit code."""
    arguments, beam = _parser().parse_known_args(argv)  # whose own exit, as of --help, is none of a step
    return run_main(lambda: _main(arguments, beam))


def _main(arguments: argparse.Namespace, beam: list[str]) -> ExitCode:
    executor_input = read_json(arguments.json_serialized_invocation_args, "--json_serialized_invocation_args")
    output_file = normalize.to_path(executor_input["outputs"]["outputFile"])
    ended = run_step(arguments, beam, executor_input)
    files.write_text(output_file, json.dumps(ended.output))
    refusing = [gate for gate in ended.verdict.gates if gate.refuses]
    if not refusing:
        return ExitCode.PASSED
    if arguments.verdict_follows:
        for line in termination_message.sentences(refusing):
            _log.error(line)
        return ExitCode.PASSED
    ui_artifacts.upload_report(ended.requested)
    write_last_lines(termination_message.of_refusal(ended.verdict.gates))
    return ExitCode.REFUSED


def parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """A step's arguments without its `ExecutorInput`, and those for Beam."""
    return _parser().parse_known_args([*argv, "--json_serialized_invocation_args", ""])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="weighbridge-step", allow_abbrev=False)
    parser.add_argument("--executor_class_path", required=True, help="the executor, package.module.Class")
    parser.add_argument("--json_serialized_invocation_args", required=True, help="ExecutorInput as JSON")
    parser.add_argument("--json_serialized_inputs_spec_args", default="{}", help="inputDefinitions as JSON")
    parser.add_argument("--artifact_types", default="{}", help="TFX's types of inputs and outputs by name, as JSON")
    parser.add_argument("--pipeline_name", default="", help="of the pipeline; else as its artifacts lie")
    parser.add_argument("--traits", default="{}", help="what the component declares of its outputs, as JSON")
    parser.add_argument("--runtime_value", action="append", default=[], help="[property, path, input] as JSON")
    parser.add_argument("--fixed_value", action="append", default=[], help="[input, value] as JSON")
    parser.add_argument("--file_based_driver", action="store_true", help="resolve spans as stock ExampleGen's driver")
    parser.add_argument("--after", action="append", default=[], help="a step before, whose refusal ends this one")
    parser.add_argument("--verdict_follows", action="store_true", help="a refusal is left to the step Verdict")
    parser.add_argument("--output_types", default="{}", help="KFP's types of output parameters, as JSON")
    parser.add_argument("--image", default="", help="that the step runs in, for the cache")
    parser.add_argument("--cache", default="", help="folder that keeps what steps made, by content")
    parser.add_argument("--driver_class_path", default="", help="driver that tells what lies outside, for the cache")
    parser.add_argument("--retries", type=int, default=0, help="after failures of the infrastructure")
    parser.add_argument("--backoff_s", type=float, default=30.0, help="seconds before the first retry; then doubled")
    return parser


def run_step(arguments: argparse.Namespace, beam: list[str], executor_input: dict[str, Any], name: str = "") -> StepEnd:
    """Run a step, or leave it where an earlier one was refused.

    Args:
        arguments: see `parse`.
        beam: pipeline arguments of executors that run on Beam.
        executor_input: what the launcher puts in for `{{$}}`; changed.
        name: of the step, where it is not the task's.
    """
    inputs_spec = read_json(arguments.json_serialized_inputs_spec_args, "--json_serialized_inputs_spec_args")
    traits = ComponentTraits.from_json(read_json(arguments.traits, "--traits"))
    place = normalize.place_of(executor_input)
    pipeline = arguments.pipeline_name or place.pipeline
    before = read_all(normalize.take_step_verdicts(executor_input), arguments.after)
    refused = list(dict.fromkeys(gate for each in before.values() for gate in each.refusing))
    if unreadable := [gate for each in before.values() for gate in each.gates if gate.name.endswith(UNREADABLE)]:
        raise InfrastructureError(unreadable[0].message)
    normalize.set_types(executor_input, read_json(arguments.artifact_types, "--artifact_types"))
    requested = normalize.take_ui_artifacts(executor_input)
    if refused:
        return _not_run(refused, executor_input, requested, arguments)
    normalize.normalize_inputs(executor_input, inputs_spec)
    with gc_paused():
        if not arguments.file_based_driver:  # which reads what only TensorFlow's file access knows
            lean.load_tfx(arguments.executor_class_path)
        from weighbridge.kubeflow.step import executor

        step = executor.StepExecution(executor_input, inputs_spec, pipeline, place.run, beam)
    _check_fixed(step.properties, arguments.fixed_value)
    _put_in(step.properties, arguments.runtime_value)
    if arguments.file_based_driver:
        step.resolve_spans()
    name = name or place.step
    _retrying(lambda: _run_or_restore(step, name, arguments), arguments.retries, arguments.backoff_s)
    folders, output = step.folders(), step.output()
    collector = _collect(name, folders, output, traits)
    verdict = _step_verdict(collector, pipeline, place.run)
    weighed = StepVerdict(gates=tuple(collector.gates), subject=collector.subject)
    output["artifacts"] |= ui_artifacts.write(requested, folders, verdict, metrics=traits.metrics)
    output["artifacts"] |= weighed.output(requested)
    return StepEnd(weighed, normalize.normalize_outputs(output), requested)


def _run_or_restore(step: "executor.StepExecution", name: str, arguments: argparse.Namespace) -> None:
    """Run the executor, or take what it made before from the same content, where a volume keeps that."""
    if not arguments.cache:
        step.run(arguments.executor_class_path)
        return
    cache = KeptResults(open_place(arguments.cache), name)
    key = step.content_key(arguments.executor_class_path, arguments.image, arguments.driver_class_path)
    kept = cache.restore(key, step.folders()) if key else None
    if kept is not None:
        _log.info("%s made this before from the same content; it is taken from %s", name, arguments.cache)
        step.take(kept)
        return
    step.run(arguments.executor_class_path)
    step.note_content()
    if key:
        cache.keep(key, step.folders(), step.output()["artifacts"])


def _not_run(
    refused: list[str],
    executor_input: dict[str, Any],
    requested: dict[str, dict[str, Any]],
    arguments: argparse.Namespace,
) -> StepEnd:
    """Outputs with nothing in them, by which the steps after this one know the same."""
    _log.warning("Not run, because %s refused before.", ", ".join(refused))
    weighed = StepVerdict(refused_before=tuple(refused))
    noted = {gate_collector.GATES_PROPERTY: gate_collector.NO_FILE, NOT_RUN_PROPERTY: ", ".join(refused)}
    outputs = executor_input["outputs"]
    empty = {
        key: {"artifacts": [{"uri": entry["artifacts"][0]["uri"], "metadata": noted}]}
        for key, entry in outputs.get("artifacts", {}).items()
    }
    nothing = Verdict.of([], pipeline=f"Not run, because {', '.join(refused)} refused before", run_id="", subject={})
    shown = ui_artifacts.write(requested, {}, nothing)
    output: dict[str, Any] = {"artifacts": empty | shown | weighed.output(requested)}
    if parameters := outputs.get("parameters"):
        types = read_json(arguments.output_types, "--output_types")
        output["parameterValues"] = {key: _NOTHING.get(types.get(key), "") for key in parameters}
    return StepEnd(weighed, output, requested)


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


if __name__ == "__main__":
    run_and_exit(main)
