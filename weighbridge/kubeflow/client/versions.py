"""What the version of a pipeline that a run was made of holds: its pipeline's name, its steps, and what they run on.

A run's own description is short (255 bytes in Kubeflow's database), and a scheduled run has none at all. The package
that was uploaded as the version has the rest, and does not change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from weighbridge.common.digests import bytes_digest
from weighbridge.common.errors import UsageError
from weighbridge.kubeflow.client.api import Api, NotThereError

# Of a package's parameters: thresholds and data that it was compiled with, and DataValidator's schema.
_GATES, _DATA, _SCHEMA = "gates_digest", "data_digest", "schema_text"


@dataclass(frozen=True)
class Version:
    """What is known of a version; nothing of one that was deleted, or of a run without one.

    Attributes:
        pipeline: the pipeline's name.
        steps: display names of the steps.
        subject: digests that a verdict is bound to by the package alone: of the image (its whole name), the reviewed
            schema, and the parameters `gates_digest` and `data_digest`.
    """

    pipeline: str = ""
    steps: tuple[str, ...] = ()
    subject: Mapping[str, str] = field(default_factory=dict)


def version_of(api: Api, run: Any) -> Version:
    """The version that a run was made of; asked for once per server and version.

    Args:
        api: the server.
        run: the server's message about a run or a recurring run.

    Raises:
        InfrastructureError: the server does not answer.
    """
    reference = run.pipeline_version_reference
    if reference is None or not reference.pipeline_id or not reference.pipeline_version_id:
        return Version()
    key = (str(reference.pipeline_id), str(reference.pipeline_version_id))
    if key not in api.versions:
        method = api.client.pipelines.pipeline_service_get_pipeline_version
        try:
            api.versions[key] = read_version(api.call("the version of the pipeline", method, *key).pipeline_spec)
        except NotThereError:
            api.versions[key] = Version()
        except UsageError:  # not for this user to see, or asked with a token that is being renewed
            return Version()
    found: Version = api.versions[key]
    return found


def read_version(document: Any) -> Version:
    """A package as the server hands it out: its first document, or both documents under a key each."""
    spec = document.get("pipeline_spec", document) if isinstance(document, dict) else {}
    tasks = spec.get("root", {}).get("dag", {}).get("tasks", {})
    names = tuple(str(task.get("taskInfo", {}).get("name", "") or name) for name, task in tasks.items())
    return Version(str(spec.get("pipelineInfo", {}).get("name", "")), names, dict(_subject(spec)))


def subject_of(version: Version, run: Any) -> dict[str, str]:
    """What a run of this version is bound to, with the values that it was given instead of defaults."""
    given = (run.runtime_config.parameters if run.runtime_config else None) or {}
    changed = {name: str(value) for name, value in given.items() if _is_digest(name)}
    return {name: digest for name, digest in {**version.subject, **changed}.items() if digest}


def _subject(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    images = {str(executor.get("container", {}).get("image", "")) for executor in executors.values()} - {""}
    if len(images) == 1 and "@sha256:" in (image := images.pop()):  # what a tag names may change
        yield "image", image
    for task in spec.get("root", {}).get("dag", {}).get("tasks", {}).values():
        for name, given in task.get("inputs", {}).get("parameters", {}).items():
            text = given.get("runtimeValue", {}).get("constant")
            if name.endswith(_SCHEMA) and isinstance(text, str) and text:  # where steps share a pod, behind a name
                yield "schema", bytes_digest(text.encode())  # which DataValidator leaves as a file, as it is
    for name, parameter in spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {}).items():
        if _is_digest(name):
            yield name, str(parameter.get("defaultValue") or "")


def _is_digest(parameter: str) -> bool:
    return parameter == _GATES or parameter.startswith(_DATA)
