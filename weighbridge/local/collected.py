"""What the steps of a run left: gates in their order, folders for the report, digests, and each step's fingerprint."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.runs import fingerprint
from weighbridge.runs.record import ArtifactReference, Run
from weighbridge.verdict import Gate, Verdict, passed_if, read_gates
from weighbridge.verdict.verdict import GATES_FILE, VERDICT_FILE

if TYPE_CHECKING:
    from weighbridge.local.steps import NodeResult

_READS_DATA = {"input", "span", "window", "input_digest"}


class Collected:
    """Takes in the outputs of step after step.

    Attributes:
        folders: artifact folders by output key, for the report.
        declared: what the run is made of, see `fingerprint.declared`.
        inputs: what its ExampleGens read.
        input_digests: digest of each of these.
    """

    def __init__(self) -> None:
        self.gates: list[Gate] = []
        self.folders: dict[str, Path] = {}
        self.subject: dict[str, str] = {}
        self.declared: dict[str, Any] = {}
        self.inputs: list[dict[str, Any]] = []
        self.input_digests: list[str] = []

    def verdict(self, pipeline: str, run_id: str) -> Verdict:
        """The verdict of the gates taken in; it refuses where none weighed anything."""
        return Verdict.of_run(self.gates, pipeline=pipeline, run_id=run_id, subject=self.subject)

    def take(self, run: Run, result: "NodeResult") -> list[Gate]:
        """Take in what a step left, and refer to it in the run's record.

        Returns:
            The gates it left.
        """
        gates: list[Gate] = []
        if set(result.exec_properties) >= _READS_DATA:
            self.inputs.append({key: result.exec_properties[key] for key in ("input", "span", "window")})
            self.input_digests.append(result.exec_properties["input_digest"])
        for key, artifacts in result.outputs.items():
            for artifact in artifacts:
                gates += self._add(key, artifact)
                run.record.artifacts.append(
                    ArtifactReference(
                        step=result.name,
                        key=key,
                        type=artifact.type_name,
                        uri=artifact.uri,
                        digest=digest_of(artifact),
                    )
                )
        return gates

    def _add(self, key: str, artifact: Any) -> list[Gate]:
        folder = Path(artifact.uri)
        if not artifact.has_custom_property("exists"):  # else it is production's, not this run's
            self.folders[key] = folder
        if artifact.type_name == "Examples" and (digest := artifact.get_string_custom_property("content_digest")):
            self.subject.setdefault("data", digest)
        if (folder / VERDICT_FILE).exists():
            self.subject.update(Verdict.read(folder / VERDICT_FILE).subject)
        gates = gates_of(artifact)
        self.gates.extend(gates)
        return gates


def gates_of(artifact: Any) -> list[Gate]:
    """The gates that lie in an output artifact; for one of a stock Pusher, whether it pushed."""
    folder = Path(artifact.uri)
    if (folder / GATES_FILE).exists():
        return read_gates(folder)
    return [_stock_push(artifact)] if artifact.type_name == "PushedModel" else []


def _stock_push(artifact: Any) -> Gate:
    pushed = bool(artifact.get_int_custom_property("pushed"))
    message = "The model was pushed." if pushed else "The model was not pushed: it was not blessed."
    return Gate(name="push.model.pushed", status=passed_if(pushed), observed=pushed, threshold=True, message=message)


def digest_of(artifact: Any) -> str:
    """Content digest of an artifact, as the launcher noted it; empty where there is none."""
    from weighbridge.local.launcher import CONTENT_DIGEST

    return artifact.get_string_custom_property(CONTENT_DIGEST) or ""


def step_facts(result: "NodeResult") -> dict[str, dict[str, Any]]:
    """What a step's outcome depended on."""
    inputs = {key: [digest_of(artifact) for artifact in artifacts] for key, artifacts in result.inputs.items()}
    return fingerprint.of_step(result.exec_properties, inputs)


def rows_note(result: "NodeResult") -> str:
    """`10,012 train + 4,990 eval rows` for a step that writes examples."""
    for artifacts in result.outputs.values():
        for artifact in artifacts:
            if artifact.type_name == "Examples":
                counts = {
                    name.removeprefix("rows_"): int(value.int_value)
                    for name, value in artifact.mlmd_artifact.custom_properties.items()
                    if name.startswith("rows_")
                }
                if counts:
                    parts = (f"{count:,} {split}" for split, count in sorted(counts.items(), key=lambda pair: -pair[1]))
                    return f"{' + '.join(parts)} rows"
    return ""
