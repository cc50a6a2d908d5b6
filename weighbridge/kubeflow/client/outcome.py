"""How a run on Kubeflow ended: the verdict its steps left, or what is known where nobody can read it.

The gates lie in the artifacts of the steps that succeeded. A step that refuses fails, and of a failed step Kubeflow
keeps no artifacts and its API tells no reason: there the step's log speaks, in the lines that our entry point writes.
"""

from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from weighbridge.common.errors import ExitCode, InfrastructureError, WeighbridgeError
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.client.artifacts import read_file, read_log
from weighbridge.kubeflow.client.metadata import Execution, executions
from weighbridge.kubeflow.client.runs import KubeflowRun, Task
from weighbridge.kubeflow.client.waiting import waiting
from weighbridge.kubeflow.step.termination_message import exit_code_in, gates_in
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import GATES_FILE, VERDICT_FILE, GateList

_LAST_LINES = 5
# Outputs in which our components leave gates. Others, such as the model now in production, may lie where the proxy
# cannot read.
_GATED = frozenset({"examples", "anomalies", "model_run", "evaluation", "pushed_model"})

Model = TypeVar("Model", GateList, Verdict)


@dataclass(frozen=True)
class KubeflowOutcome:
    """How a run ended.

    Attributes:
        run: the run.
        verdict: its verdict; None where it came to none, or none can be read.
        exit_code: what a command ends in.
        message: one sentence for people; empty where the verdict says it all.
        hint: what to do next.
    """

    run: KubeflowRun
    verdict: Verdict | None
    exit_code: ExitCode
    message: str = ""
    hint: str = ""


def outcome(api: Api, run: KubeflowRun) -> KubeflowOutcome:
    """Find out how a run ended; reads artifacts and logs, and raises nothing that only concerns these."""
    if run.state == "SUCCEEDED":
        return _succeeded(api, run)
    if run.state == "FAILED":
        return _failed(api, run)
    if run.state == "CANCELED":
        return KubeflowOutcome(run, None, ExitCode.INFRASTRUCTURE, "The run was cancelled.", "Submit it again.")
    waits = waiting(api, run.run_id)
    why = "".join(f" {each.step} waits: {each.reason}." for each in waits)
    hint = next((each.mend for each in waits if each.mend), f"Wait: weighbridge status {run.run_id} --wait")
    return KubeflowOutcome(
        run, None, ExitCode.INFRASTRUCTURE, f"The run has not ended: {run.state or 'just made'}.{why}", hint
    )


def _succeeded(api: Api, run: KubeflowRun) -> KubeflowOutcome:
    try:
        gates, subject = _left(api, run, executions(api, run.run_id))
    except WeighbridgeError as error:
        # A verdict that nobody can read is not a pass, even where every step succeeded.
        why = f"Every step succeeded, but the verdict cannot be read: {error.message}."
        return KubeflowOutcome(run, None, ExitCode.INFRASTRUCTURE, why, error.hint)
    verdict = _verdict(run, gates, subject)
    return KubeflowOutcome(run, verdict, verdict.exit_code)


def _failed(api: Api, run: KubeflowRun) -> KubeflowOutcome:
    try:
        steps, unread = executions(api, run.run_id), ""
    except WeighbridgeError as error:
        steps, unread = [], error.message
    said = [(task.name, task.error) for task in run.tasks if task.error] + [("the run", run.error)]
    missing: InfrastructureError | None = None
    for task, execution in _failed_tasks(run, steps):
        try:
            said.append((task.name, read_log(api, run, task, execution)))
        except InfrastructureError as error:
            missing = missing or error
    refusing = [gate for _, text in said for gate in gates_in(text)]
    if any(gate.refuses for gate in refusing):
        try:
            gates, subject = _left(api, run, steps)
        except WeighbridgeError as error:
            gates, subject, unread = [], {}, error.message
        verdict = _verdict(run, [*gates, *_without_repeats(refusing)], subject)
        note = f"Gates of the other steps cannot be read: {unread}." if unread else ""
        return KubeflowOutcome(run, verdict, verdict.exit_code, note)
    names = ", ".join(task.name for task in run.tasks if task.state == "FAILED") or "A step"
    tail = [" | ".join(text.strip().splitlines()[-_LAST_LINES:]) for _, text in said if text.strip()]
    stuck = [each for each in waiting(api, run.run_id) if each.mend]
    if stuck:
        why = f"{stuck[0].step} failed, and not by a gate: {stuck[0].reason}"
        return KubeflowOutcome(run, None, ExitCode.INFRASTRUCTURE, why, f"{stuck[0].mend} Then submit again.")
    if missing is not None:
        why = f"{names} failed; whether by a gate cannot be told: {missing.message}"
        return KubeflowOutcome(run, None, ExitCode.INFRASTRUCTURE, " | ".join([why, *tail[-1:]]), missing.hint)
    told = f": {tail[-1]}" if tail else "; its log is empty"
    return KubeflowOutcome(
        run,
        None,
        exit_code_in("\n".join(text for _, text in said)),
        f"{names} failed, and not by a gate{told}",
        f"Read on: weighbridge logs {run.run_id}",
    )


def _failed_tasks(run: KubeflowRun, steps: list[Execution]) -> list[tuple[Task, Execution | None]]:
    by_name = {execution.name: execution for execution in steps}
    failed = [task for task in run.tasks if task.state == "FAILED"]
    names = {task.name for task in failed}
    # What the run API does not list, the metadata store may.
    failed += [Task(step.name, "FAILED") for step in steps if step.state == "FAILED" and step.name not in names]
    return [(task, by_name.get(task.name)) for task in failed]


def _left(api: Api, run: KubeflowRun, steps: list[Execution]) -> tuple[list[Gate], dict[str, str]]:
    """The gates and the subject in the artifacts of all steps, as the local runner collects them.

    Raises:
        InfrastructureError: an artifact that holds gates cannot be read: a gate that cannot be read does not pass.
    """
    gates: list[Gate] = []
    subject: dict[str, str] = {}
    for step in steps:
        namespace = step.namespace or api.endpoint.namespace
        for artifact in step.outputs:
            try:
                data = read_file(api, artifact, GATES_FILE, namespace)
            except InfrastructureError:
                if artifact.key in _GATED:
                    raise
                continue
            if data:
                gates += _parsed(GateList, data, f"{artifact.uri}/{GATES_FILE}").gates
            if artifact.key == "evaluation" and (data := read_file(api, artifact, VERDICT_FILE, namespace)):
                subject.update(_parsed(Verdict, data, f"{artifact.uri}/{VERDICT_FILE}").subject)
    return gates, subject


def _parsed(model: type[Model], data: bytes, where: str) -> Model:
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise InfrastructureError(f"{where} is not what it should be: {error.errors()[0]['msg']}") from error


def _without_repeats(gates: list[Gate]) -> list[Gate]:
    return list({gate.name: gate for gate in gates}.values())


def _verdict(run: KubeflowRun, gates: list[Gate], subject: dict[str, str]) -> Verdict:
    bound = subject | ({"package": run.marks["package"]} if run.marks.get("package") else {})
    return Verdict.of_run(gates, pipeline=run.pipeline, run_id=run.run_id, subject=bound)
