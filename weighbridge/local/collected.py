"""What the steps of a run left: gates in their order, folders for the report, digests, and each step's fingerprint."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.evidence.delivered import Delivered
from weighbridge.runs import fingerprint
from weighbridge.runs.content import CONTENT_DIGEST
from weighbridge.runs.gate_collector import Contents, GateCollector, StepOutput, folder_reader
from weighbridge.runs.record import ArtifactReference, Run
from weighbridge.thresholds.delivery import PRODUCTION
from weighbridge.verdict import Gate, Verdict

if TYPE_CHECKING:
    from weighbridge.local.steps import NodeResult


class Collected:
    """Takes in the outputs of step after step.

    Attributes:
        folders: artifact folders by output key, for the report.
        declared: what the run is made of, see `fingerprint.declared`.
        inputs: what the steps read that read files: arguments of `input_digest` each.
        input_digests: digest of each of these.
    """

    def __init__(self) -> None:
        self._collector = GateCollector()
        self.folders: dict[str, Path] = {}
        self.declared: dict[str, Any] = {}
        self.inputs: list[dict[str, Any]] = []
        self.input_digests: list[str] = []

    def verdict(self, pipeline: str, run_id: str) -> Verdict:
        """The verdict of the gates taken in; it refuses where none weighed anything."""
        return self._collector.verdict(pipeline, run_id)

    def take(self, run: Run, result: "NodeResult") -> list[Gate]:
        """Take in what a step left, and refer to it in the run's record; it also keeps where a model was pushed to.

        Returns:
            The gates it left.
        """
        reads = result.traits.reads
        if reads and reads.digest in result.exec_properties:  # absent where a condition skipped the step
            self.inputs.append(reads.values(result.exec_properties))
            self.input_digests.append(result.exec_properties[reads.digest])
        stage = run.record.delivered_to or PRODUCTION
        run.record.delivered = delivered_by(result, stage) or run.record.delivered
        for key, artifacts in result.outputs.items():
            for artifact in artifacts:
                if key not in result.traits.looked_up:
                    self.folders[key] = Path(artifact.uri)
                run.record.artifacts.append(
                    ArtifactReference(
                        step=result.name,
                        key=key,
                        type=artifact.type_name,
                        uri=artifact.uri,
                        digest=digest_of(artifact),
                    )
                )
        return [gate for output in _outputs(result) for gate in self._collector.take(output)]


def delivered_by(result: "NodeResult", stage: str) -> Delivered | None:
    """Where a step pushed a model to, as it tells by the properties of stock Pusher; None where it pushed none.

    A push that stands for an earlier one, by the cache, found the model there.
    """
    for artifact in result.outputs.get(result.traits.pushes, []):
        told = _custom_properties(artifact)
        path, version = (str(told.get(name) or "") for name in ("pushed_destination", "pushed_version"))
        proposed = str(told.get("proposed") or "")
        if (told.get("pushed") or proposed) and path:
            already = not proposed and (result.cached or bool(told.get("already_in_production")))
            return Delivered.at(path, version, stage, already=already, proposed=proposed)
    return None


def gates_of(result: "NodeResult") -> list[Gate]:
    """The gates that a step left."""
    collector = GateCollector()
    return [gate for output in _outputs(result) for gate in collector.take(output)]


def _outputs(result: "NodeResult") -> list[StepOutput]:
    found = []
    for key, artifacts in result.outputs.items():
        for artifact in artifacts:
            properties = _custom_properties(artifact)
            contents = Contents.declared(result.traits, key, properties)
            found.append(StepOutput(result.name, key, artifact.uri, folder_reader(artifact.uri), contents, properties))
    return found


def _custom_properties(artifact: Any) -> dict[str, Any]:
    """Custom properties that are numbers or texts."""
    values = artifact.mlmd_artifact.custom_properties
    return {name: getattr(value, kind) for name, value in values.items() if (kind := value.WhichOneof("value"))}


def digest_of(artifact: Any) -> str:
    """Content digest of an artifact, as the launcher noted it; empty where there is none."""
    return artifact.get_string_custom_property(CONTENT_DIGEST) or ""


def step_fingerprint(result: "NodeResult") -> dict[str, dict[str, Any]]:
    """What a step's outcome depended on."""
    inputs = {key: [digest_of(artifact) for artifact in artifacts] for key, artifacts in result.inputs.items()}
    return fingerprint.of_step(result.exec_properties, inputs)


def rows_note(result: "NodeResult") -> str:
    """`10,012 train + 4,990 eval rows` for a step that makes examples."""
    for artifact in result.outputs.get(result.traits.examples, []):
        counts = {
            name.removeprefix("rows_"): int(value)
            for name, value in _custom_properties(artifact).items()
            if name.startswith("rows_")
        }
        if counts:
            parts = (f"{count:,} {split}" for split, count in sorted(counts.items(), key=lambda pair: -pair[1]))
            return f"{' + '.join(parts)} rows"
    return ""
