"""How a run on Kubeflow ended: the verdict its steps left, or what is known where it cannot be read.

The gates lie in the artifacts of the steps, which succeed where their gates refuse, too. Of a failed step (Verdict, a
Pusher, any step of a package without a Verdict) Kubeflow keeps no artifacts, and its API gives no reason: there the
lines that our entry point writes last in the log are read.
"""

from dataclasses import dataclass

from weighbridge.common.errors import ExitCode, InfrastructureError, WeighbridgeError
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.client.artifacts import read_file, read_log
from weighbridge.kubeflow.client.metadata import Artifact, Execution, executions
from weighbridge.kubeflow.client.runs import KubeflowRun
from weighbridge.kubeflow.client.tasks import Task
from weighbridge.kubeflow.client.waiting import waiting
from weighbridge.kubeflow.step.step_verdict import NOT_RUN_PROPERTY, not_run_gate
from weighbridge.kubeflow.step.termination_message import exit_code_in, gates_in
from weighbridge.runs.gate_collector import GATES_PROPERTY, Contents, GateCollector, StepOutput
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

_LAST_LINES = 5
# Where our components leave gates and the verdict, for steps of images that did not note it in their artifacts yet.
# Other outputs, such as the model now in production, may lie where the proxy cannot read.
_USUAL_GATES = frozenset({"examples", "anomalies", "model_run", "evaluation", "pushed_model"})
_USUAL_VERDICT = "evaluation"


@dataclass(frozen=True)
class KubeflowOutcome:
    """How a run ended.

    Attributes:
        run: the run.
        verdict: its verdict; None where it came to none, or none can be read.
        exit_code: what a command ends in.
        message: one sentence for people; empty where the verdict is enough.
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
    hint = next((each.remedy for each in waits if each.remedy), f"Wait: weighbridge status {run.run_id} --wait")
    return KubeflowOutcome(
        run, None, ExitCode.INFRASTRUCTURE, f"The run has not ended: {run.state or 'just made'}.{why}", hint
    )


def _succeeded(api: Api, run: KubeflowRun) -> KubeflowOutcome:
    try:
        collector = _collect(api, executions(api, run.run_id))
    except WeighbridgeError as error:
        # A verdict that cannot be read is not a pass, even where every step succeeded.
        why = f"Every step succeeded, but the verdict cannot be read: {error.message}."
        return KubeflowOutcome(run, None, ExitCode.INFRASTRUCTURE, why, error.hint)
    verdict = _verdict(run, collector)
    return KubeflowOutcome(run, verdict, verdict.exit_code)


def _failed(api: Api, run: KubeflowRun) -> KubeflowOutcome:
    steps: list[Execution] = []
    collector, unread = GateCollector(), ""
    try:
        steps = executions(api, run.run_id)
        collector = _collect(api, steps)
    except WeighbridgeError as error:
        unread = error.message
    texts = [task.error for task in run.tasks if task.error] + [run.error]
    missing: InfrastructureError | None = None
    for task, execution in _failed_tasks(run, steps):
        try:
            texts.append(read_log(api, run, task, execution))
        except InfrastructureError as error:
            missing = missing or error
    # The gates that Verdict says last are those of the artifacts; a step without artifacts says its own.
    collector.gates = _without_repeats([*collector.gates, *(gate for text in texts for gate in gates_in(text))])
    if any(gate.refuses for gate in collector.gates):
        verdict = _verdict(run, collector)
        note = f"Gates of the other steps cannot be read: {unread}." if unread else ""
        return KubeflowOutcome(run, verdict, verdict.exit_code, note)
    names = ", ".join(task.name for task in run.tasks if task.state == "FAILED") or "A step"
    tail = [" | ".join(text.strip().splitlines()[-_LAST_LINES:]) for text in texts if text.strip()]
    stuck = [each for each in waiting(api, run.run_id) if each.remedy]
    if stuck:
        why = f"{stuck[0].step} failed, and not by a gate: {stuck[0].reason}"
        return KubeflowOutcome(run, None, ExitCode.INFRASTRUCTURE, why, f"{stuck[0].remedy} Then submit again.")
    if missing is not None:
        why = f"{names} failed; whether by a gate cannot be told: {missing.message}"
        return KubeflowOutcome(run, None, ExitCode.INFRASTRUCTURE, " | ".join([why, *tail[-1:]]), missing.hint)
    reason = f": {tail[-1]}" if tail else "; its log is empty"
    return KubeflowOutcome(
        run,
        None,
        exit_code_in("\n".join(texts)),
        f"{names} failed, and not by a gate{reason}",
        f"Read on: weighbridge logs {run.run_id}",
    )


def _failed_tasks(run: KubeflowRun, steps: list[Execution]) -> list[tuple[Task, Execution | None]]:
    by_name = {execution.name: execution for execution in steps}
    failed = [task for task in run.tasks if task.state == "FAILED"]
    names = {task.name for task in failed}
    # What the run API does not list, the metadata store may.
    failed += [Task(step.name, "FAILED") for step in steps if step.state == "FAILED" and step.name not in names]
    return [(task, by_name.get(task.name)) for task in failed]


def _collect(api: Api, steps: list[Execution]) -> GateCollector:
    """The gates and the subject in the artifacts of all steps, as the local runner collects them.

    Raises:
        InfrastructureError: the server does not hand out an artifact that holds gates.
    """
    collector = GateCollector()
    not_run = {}
    for step in steps:
        for artifact in step.outputs:
            collector.take(_step_output(api, step, artifact))
            if refused := artifact.properties.get(NOT_RUN_PROPERTY):
                not_run[step.name] = str(refused)
    if not any(gate.refuses for gate in collector.gates):
        collector.gates += [not_run_gate(step, refused) for step, refused in not_run.items()]
    return collector


def _step_output(api: Api, step: Execution, artifact: Artifact) -> StepOutput:
    """An output with what its step noted of it; of a step that noted nothing the usual names are known."""
    noted = GATES_PROPERTY in artifact.properties
    namespace = step.namespace or api.endpoint.namespace

    def read(name: str) -> bytes | None:
        if not noted and name == VERDICT_FILE and artifact.key != _USUAL_VERDICT:
            return None
        try:
            return read_file(api, artifact, name, namespace)
        except InfrastructureError:
            if noted or artifact.key in _USUAL_GATES:
                raise
            return None

    contents = Contents.from_properties(artifact.properties) if noted else Contents()
    return StepOutput(step.name, artifact.key, artifact.uri, read, contents, artifact.properties)


def _verdict(run: KubeflowRun, collector: GateCollector) -> Verdict:
    """The verdict, bound to what the run was made of too; what a step measured itself goes first."""
    return collector.verdict(run.pipeline, run.run_id, {**run.subject, **collector.subject})


def _without_repeats(gates: list[Gate]) -> list[Gate]:
    """Gates by name: of two, the one that refuses, else the first."""
    found: dict[str, Gate] = {}
    for gate in gates:
        if gate.name not in found or (gate.refuses and not found[gate.name].refuses):
            found[gate.name] = gate
    return list(found.values())
