"""What one step of a run on Kubeflow weighed, as later steps are told it.

A step whose gate refuses ends as succeeded, because Kubeflow keeps no artifacts of one that fails: its report can be
looked at. Every later step reads here that something was refused and does nothing; the last, Verdict, fails the run.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from weighbridge.common import files
from weighbridge.common.digests import bytes_digest
from weighbridge.kubeflow.step.normalize import STEP_VERDICT_OF, to_path
from weighbridge.runs.content import CONTENT_DIGEST
from weighbridge.runs.gate_collector import GATES_PROPERTY, NO_FILE
from weighbridge.verdict import Gate

STEP_VERDICT = "weighbridge_step_verdict"
REFUSED_PROPERTY = "weighbridge_refused"  # 1 or 0: what a condition of Kubeflow's can see
UNREADABLE = ".step_verdict_readable"  # end of the name of the gate that stands for gates that cannot be read
NOT_RUN_PROPERTY = "weighbridge_not_run"


class StepVerdict(BaseModel):
    """What a step weighed.

    Attributes:
        gates: its gates, in their order.
        subject: digests of what it weighed or made.
        refused_before: names of gates that refused in earlier steps, because of which this one did not run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gates: tuple[Gate, ...] = ()
    subject: dict[str, str] = {}
    refused_before: tuple[str, ...] = ()

    @property
    def refusing(self) -> list[str]:
        """Names of the gates because of which nothing after this step may run."""
        return [*self.refused_before, *(gate.name for gate in self.gates if gate.refuses)]

    def output(self, requested: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """Write it, where the package asks for it; returns the entry of `ExecutorOutput.artifacts`.

        Args:
            requested: entries of `ExecutorInput.outputs.artifacts`, by name.
        """
        if STEP_VERDICT not in requested:
            return {}
        artifact = requested[STEP_VERDICT]
        data = files.json_text(self.model_dump(mode="json")).encode()
        files.write_bytes(to_path(artifact["uri"]), data)
        metadata: dict[str, Any] = {
            GATES_PROPERTY: NO_FILE,  # clients find the gates in the step's other outputs
            CONTENT_DIGEST: bytes_digest(data),
            REFUSED_PROPERTY: float(bool(self.refusing)),
        }
        if self.refused_before:
            metadata[NOT_RUN_PROPERTY] = ", ".join(self.refused_before)
        return {STEP_VERDICT: {"artifacts": [artifact | {"metadata": metadata}]}}


def not_run_gate(step: str, refused: str) -> Gate:
    """A gate for a step that did nothing because of a refusal that is not among the gates: that is no pass.

    Args:
        step: its name.
        refused: names of the gates that it was told of.
    """
    message = f"{step} was not run, because {refused} refused; submit again with --force."
    return Gate(name=f"run.{step}.ran", status="unmeasured", message=message)


def read_all(artifacts: Mapping[str, Mapping[str, Any]], steps: Iterable[str]) -> dict[str, StepVerdict]:
    """Read what earlier steps weighed; one that cannot be read refuses.

    Args:
        artifacts: entries of `ExecutorInput`'s inputs, by name.
        steps: the steps, in their order.
    """
    return {step: _read(step, artifacts.get(f"{STEP_VERDICT_OF}{step}")) for step in steps}


def _read(step: str, artifact: Mapping[str, Any] | None) -> StepVerdict:
    path = to_path(str((artifact or {}).get("uri", "")))
    try:
        data = Path(path).read_bytes()
        if bytes_digest(data) != (artifact or {}).get("metadata", {}).get(CONTENT_DIGEST):
            raise ValueError("its digest is not the one that the step noted")
        return StepVerdict.model_validate_json(data)
    except (OSError, ValidationError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        message = (
            f"What {step} weighed cannot be read from {path or 'its artifact'}: {reason}. The run does not pass without"
            " it: submit it again with --force."
        )
        gate = Gate(name=f"run.{step}{UNREADABLE}", status="unmeasured", message=message)
        return StepVerdict(gates=(gate,))
