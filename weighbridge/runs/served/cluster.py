"""What a cluster says that it serves: its InferenceServices of KServe, Deployments, and Rollouts of Argo, as JSON.

They are told by annotations that Weighbridge's manifests give them: `weighbridge.io/pipeline`, `/version`, `/digest`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from weighbridge.runs.served.compared import Serving

_PREFIX = "weighbridge.io/"
_KINDS = ("Deployment", "InferenceService", "Rollout")
_OWNED = ("Revision",)  # Knative keeps the Deployments of earlier ones


def workloads(document: Any, pipeline: str) -> list[Serving]:
    """What the workloads of a pipeline serve.

    Args:
        document: what `kubectl get … -o json` prints: a List, or a single object.
        pipeline: name of the pipeline.

    Returns:
        A value for each workload with its annotations, in the order of the document.
    """
    items = document.get("items", [document]) if isinstance(document, dict) else []
    return [
        _serving(item, told)
        for item in items
        if isinstance(item, dict)
        and item.get("kind") in _KINDS
        and not _is_owned(item)
        and (told := _told(item)).get("pipeline") == pipeline
    ]


def _serving(item: Mapping[str, Any], told: Mapping[str, str]) -> Serving:
    kind, name = item["kind"], _at(item, "metadata", "name") or "?"
    version = told.get("version", "")
    since, note = {"InferenceService": _inference_service}.get(kind, _replicas)(item)
    return Serving(
        source=f"{kind} {name}",
        version=int(version) if version.isascii() and version.isdecimal() and len(version) <= 19 else 0,
        digest=told.get("digest", ""),
        ready=not note,
        since=since,
        note=note,
    )


def _told(item: Mapping[str, Any]) -> dict[str, str]:
    """The annotations on the pods that it asks for, else its own."""
    places = (
        ("spec", "predictor", "annotations"),
        ("spec", "template", "metadata", "annotations"),
        ("metadata", "annotations"),
    )
    for place in places:
        found = _at(item, *place)
        if isinstance(found, dict):
            told = {
                key.removeprefix(_PREFIX): str(value) for key, value in found.items() if str(key).startswith(_PREFIX)
            }
            if "version" in told:
                return told
    return {}


def _is_owned(item: Mapping[str, Any]) -> bool:
    owners = _at(item, "metadata", "ownerReferences")
    return any(isinstance(each, dict) and each.get("kind") in _OWNED for each in owners or ())


def _replicas(item: Mapping[str, Any]) -> tuple[datetime | None, str]:
    """Since when a Deployment or Rollout is not what it is to be, and why; no reason where it is.

    As `kubectl rollout status` decides: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
    """
    wanted = _count(_at(item, "spec", "replicas"), 1)
    status: Mapping[str, Any] = _at(item, "status") or {}
    total, updated, available = (
        _count(status.get(name), 0) for name in ("replicas", "updatedReplicas", "availableReplicas")
    )
    progressing = _condition(status, "Progressing")
    since = _time(progressing.get("lastUpdateTime") or progressing.get("lastTransitionTime"))
    if _older(status.get("observedGeneration"), _at(item, "metadata", "generation")):
        return since, "its controller has not seen the change yet"
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return since, f"it came no further: {progressing.get('message') or 'its deadline is over'}"
    if updated < wanted:
        return since, f"{updated} of {wanted} pods are of this version"
    if total > updated:
        return since, f"{total - updated} pods of the version before are still there"
    if available < wanted:
        return since, f"{available} of {wanted} pods are available"
    return None, ""


def _inference_service(item: Mapping[str, Any]) -> tuple[datetime | None, str]:
    """Since when an InferenceService is not ready, and why; no reason where it is.

    As KServe's InferenceServiceStatus says: conditions, `modelStatus.transitionStatus`, and `observedGeneration`.
    """
    status: Mapping[str, Any] = _at(item, "status") or {}
    ready = _condition(status, "Ready")
    since = _time(ready.get("lastTransitionTime"))
    if _older(status.get("observedGeneration"), _at(item, "metadata", "generation")):
        return since, "its controller has not seen the change yet"
    transition = _at(status, "modelStatus", "transitionStatus")
    if transition in ("BlockedByFailedLoad", "InvalidSpec"):
        failure = _at(status, "modelStatus", "lastFailureInfo") or {}
        return since, f"{transition}: {failure.get('message') or failure.get('reason') or 'no reason is given'}"
    # `InProgress` alone says nothing: it may stay so while all is ready, https://github.com/kserve/kserve/issues/3686
    if ready.get("status") != "True":
        waiting = next(_false(status), {})
        reason = ready.get("message") or ready.get("reason") or waiting.get("message") or waiting.get("reason")
        return since, f"it is not ready{f': {reason}' if reason else ''}"
    created, latest = (
        _at(status, "components", "predictor", name) for name in ("latestCreatedRevision", "latestReadyRevision")
    )
    if created and latest and created != latest:
        return since, f"revision {created} is not ready, {latest} still serves"
    return None, ""


def _false(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (each for each in _conditions(status) if each.get("status") == "False")


def _conditions(status: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    found = status.get("conditions")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((each for each in _conditions(status) if each.get("type") == kind), {})


def _older(observed: Any, generation: Any) -> bool:
    """Whether a status is of an earlier state of the object; a Rollout's generation is a text."""
    try:
        return int(observed) < int(generation)
    except (TypeError, ValueError):
        return False


def _count(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None


def _at(item: Any, *names: str) -> Any:
    for name in names:
        item = item.get(name) if isinstance(item, dict) else None
    return item
