"""What the version of a pipeline that a run was made of holds: its pipeline's name and its steps.

A run's own description is short (255 bytes in Kubeflow's database), and a scheduled run has none at all. The package
that was uploaded as the version has the rest, and does not change.
"""

from dataclasses import dataclass
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.kubeflow.client.api import Api, NotThereError


@dataclass(frozen=True)
class Version:
    """What is known of a version; nothing of one that was deleted, or of a run without one.

    Attributes:
        pipeline: the pipeline's name.
        steps: display names of the steps.
    """

    pipeline: str = ""
    steps: tuple[str, ...] = ()


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
            api.versions[key] = _read(api.call("the version of the pipeline", method, *key).pipeline_spec)
        except NotThereError:
            api.versions[key] = Version()
        except UsageError:  # not for this user to see, or asked with a token that is being renewed
            return Version()
    found: Version = api.versions[key]
    return found


def _read(document: Any) -> Version:
    """A package as the server hands it out: its first document, or both documents under a key each."""
    spec = document.get("pipeline_spec", document) if isinstance(document, dict) else {}
    tasks = spec.get("root", {}).get("dag", {}).get("tasks", {})
    names = tuple(str(task.get("taskInfo", {}).get("name", "") or name) for name, task in tasks.items())
    return Version(str(spec.get("pipelineInfo", {}).get("name", "")), names)
