"""What Kubeflow's launcher hands to a step and takes from it, brought to what TFX's components expect and back.

The launcher leaves artifacts under `/gcs`, `/s3` and `/minio` and keeps their addresses as they are; TFX opens
addresses. It forgets the types of inputs, adds outputs of its own, turns whole numbers into floats and refuses nulls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STEP_VERDICT_OF = "weighbridge_step_verdict_of_"
MOUNTS = {"gs://": "/gcs/", "s3://": "/s3/", "minio://": "/minio/"}

_CUSTOM = "custom:"  # before a custom property whose name a property of the type has too
_LAUNCHERS_OWN = ("display_name", "store_session_info")


def to_path(text: str) -> str:
    """Where the launcher mounts an address; other texts stay as they are."""
    for scheme, folder in MOUNTS.items():
        if text.startswith(scheme):
            return folder + text.removeprefix(scheme)
    return text


def to_address(text: str) -> str:
    """The address that the launcher mounts at a path; other texts stay as they are."""
    for scheme, folder in MOUNTS.items():
        if text.startswith(folder):
            return scheme + text.removeprefix(folder)
    return text


def normalize_inputs(executor_input: dict[str, Any], inputs_spec: Mapping[str, Any]) -> None:
    """Bring `ExecutorInput`, as JSON, to what TFX parses; in place.

    Args:
        executor_input: what the launcher puts in for `{{$}}`.
        inputs_spec: `inputDefinitions` of the component, which know the types of inputs.
    """
    declared = inputs_spec.get("artifacts", {})
    for name, artifacts in executor_input.get("inputs", {}).get("artifacts", {}).items():
        wanted = declared.get(name, {}).get("artifactType", {})
        for artifact in artifacts.get("artifacts", []):
            # Servers lose the type, or give one of their own; kfp's local engine calls it any artifact.
            if _title(artifact) in ("", "system.Artifact") or (wanted and not _is_kfps(wanted)):
                artifact["type"] = wanted
            _normalize_artifact(artifact)
    for artifacts in executor_input.get("outputs", {}).get("artifacts", {}).values():
        for artifact in artifacts.get("artifacts", []):
            _normalize_artifact(artifact)


def set_types(executor_input: dict[str, Any], types: Mapping[str, str]) -> None:
    """Give inputs and outputs the types that they have to TFX, by name; in place."""
    for side in ("inputs", "outputs"):
        for name, artifacts in executor_input.get(side, {}).get("artifacts", {}).items():
            if name in types:
                for artifact in artifacts.get("artifacts", []):
                    artifact["type"] = {"schemaTitle": types[name]}


def take_ui_artifacts(executor_input: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Take the outputs that Kubeflow itself understands out of `ExecutorInput`, by name: TFX knows no such types."""
    outputs = executor_input.get("outputs", {}).get("artifacts", {})
    found = {}
    for name in list(outputs):
        [artifact, *_] = outputs[name].get("artifacts", []) or [{}]
        if "system." in _title(artifact):
            found[name] = artifact
            del outputs[name]
    return found


def normalize_outputs(executor_output: dict[str, Any]) -> dict[str, Any]:
    """`ExecutorOutput`, as JSON, as the launcher takes it: addresses instead of paths, and no nulls."""
    for artifacts in executor_output.get("artifacts", {}).values():
        for artifact in artifacts.get("artifacts", []):
            artifact["uri"] = to_address(artifact.get("uri", ""))
            artifact["metadata"] = {
                key: to_address(value) if isinstance(value, str) else value
                for key, value in artifact.get("metadata", {}).items()
                if value is not None
            }
    return executor_output


def take_step_verdicts(executor_input: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Take the verdicts of earlier steps out of `ExecutorInput`, by the name of the input."""
    inputs = executor_input.get("inputs", {}).get("artifacts", {})
    names = [name for name in inputs if name.startswith(STEP_VERDICT_OF)]
    return {name: artifact for name in names for artifact in inputs.pop(name).get("artifacts", [])[:1]}


@dataclass(frozen=True)
class Place:
    """What the address of an output says; all is empty where artifacts do not lie as Kubeflow's launcher puts them.

    Attributes:
        pipeline: name of the pipeline.
        run: id of the run.
        step: name of the task.
    """

    pipeline: str = ""
    run: str = ""
    step: str = ""


def place_of(executor_input: Mapping[str, Any]) -> Place:
    """Pipeline, run and step: outputs lie at `<root>/<pipeline>/<run id>/<task>/<uuid>/<output>`."""
    for artifacts in executor_input.get("outputs", {}).get("artifacts", {}).values():
        for artifact in artifacts.get("artifacts", []):
            parts = artifact.get("uri", "").rstrip("/").split("/")
            if len(parts) > 5:
                return Place(*parts[-5:-2])
    return Place()


def _is_kfps(schema: Mapping[str, Any]) -> bool:
    return str(schema.get("schemaTitle", "")).startswith("system.")


def _title(artifact: Mapping[str, Any]) -> str:
    schema = artifact.get("type", {})
    return str(schema.get("schemaTitle", "") or schema.get("instanceSchema", ""))


def _normalize_artifact(artifact: dict[str, Any]) -> None:
    artifact["uri"] = to_path(artifact.get("uri", ""))
    metadata = artifact.get("metadata") or {}
    artifact["metadata"] = {
        key.removeprefix(_CUSTOM): to_path(value) if isinstance(value, str) else value
        for key, value in metadata.items()
        if value is not None and key not in _LAUNCHERS_OWN
    }
