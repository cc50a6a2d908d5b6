"""The step Verdict: `python -m weighbridge.kubeflow.step.verdict …` weighs nothing, and fails a run that was refused.

It comes after all steps that weigh and before whatever pushes. It loads no TFX, so it ends within a second.
"""

import argparse
import json
from typing import Any

from weighbridge.common import files
from weighbridge.common.errors import ExitCode
from weighbridge.kubeflow.step import normalize, ui_artifacts
from weighbridge.kubeflow.step.process import read_json, run_and_exit, run_main, write_last_lines
from weighbridge.kubeflow.step.step_verdict import not_run_gate, read_all
from weighbridge.kubeflow.step.termination_message import of_refusal
from weighbridge.runs.content import CONTENT_DIGEST
from weighbridge.runs.gate_collector import GATES_PROPERTY, NO_FILE
from weighbridge.verdict import Verdict

OUTPUT = "weighbridge_verdict"


def main(argv: list[str]) -> ExitCode:
    """Come to the verdict of the run; the sentences of the gates that refuse are the last lines of the log."""
    parser = argparse.ArgumentParser(prog="weighbridge-verdict", allow_abbrev=False)
    parser.add_argument("--json_serialized_invocation_args", required=True, help="ExecutorInput as JSON")
    parser.add_argument("--pipeline_name", default="", help="of the pipeline")
    parser.add_argument("--after", action="append", default=[], help="a step whose gates count, in the steps' order")
    arguments = parser.parse_args(argv)
    return run_main(lambda: _main(arguments))


def _main(arguments: argparse.Namespace) -> ExitCode:
    executor_input = read_json(arguments.json_serialized_invocation_args, "--json_serialized_invocation_args")
    run = normalize.place_of(executor_input).run
    weighed = read_all(normalize.take_step_verdicts(executor_input), arguments.after)
    subject: dict[str, str] = {}
    for each in weighed.values():
        subject |= each.subject
    gates = [gate for each in weighed.values() for gate in each.gates]
    if not any(gate.refuses for gate in gates):
        gates += [
            not_run_gate(step, ", ".join(each.refused_before)) for step, each in weighed.items() if each.refused_before
        ]
    verdict = Verdict.of(gates, pipeline=arguments.pipeline_name, run_id=run, subject=subject)
    requested = normalize.take_ui_artifacts(executor_input)
    artifacts = ui_artifacts.write(requested, {}, verdict) | _file(requested, verdict)
    output: dict[str, Any] = normalize.normalize_outputs({"artifacts": artifacts})
    files.write_text(normalize.to_path(executor_input["outputs"]["outputFile"]), json.dumps(output))
    if verdict.refusals:
        ui_artifacts.upload_report(requested)
        write_last_lines(of_refusal(verdict.gates))
        return ExitCode.REFUSED
    # Where nothing weighed anything, what pushes may still: stock Pusher asks stock Evaluator. Whether the run as a
    # whole weighed something is known at its end, to whoever reads it.
    return ExitCode.PASSED


def _file(requested: dict[str, dict[str, Any]], verdict: Verdict) -> dict[str, Any]:
    """`verdict.json` of the run, with its digest."""
    if OUTPUT not in requested:
        return {}
    verdict.write(normalize.to_path(requested[OUTPUT]["uri"]))
    metadata = {GATES_PROPERTY: NO_FILE, CONTENT_DIGEST: verdict.digest}
    return {OUTPUT: {"artifacts": [requested[OUTPUT] | {"metadata": metadata}]}}


if __name__ == "__main__":
    run_and_exit(main)
