"""Executions as ML Metadata knows them, the store of servers up to 2.17.

The run API of these servers leaves a task's outputs, pod name and error empty. Their own pages ask ML Metadata instead,
by gRPC-Web through the same address; so does this.
"""

import struct
from collections.abc import Iterator
from typing import Any

from weighbridge.common.errors import InfrastructureError
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.client.execution import Artifact, Execution

_SERVICE = "ml_metadata.MetadataStoreService"
_RUN_CONTEXT = "system.PipelineRun"
_CONTENT_TYPE = "application/grpc-web+proto"
_PAGE = 100


def executions(api: Api, run_id: str) -> list[Execution]:
    """The executions of a run, in the order they began.

    Raises:
        InfrastructureError: no metadata store answers below the endpoint, or it does not know the run.
    """
    return _Store(api).executions(run_id)


class _Store:
    """The metadata store behind the UI."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._base = ""

    def executions(self, run_id: str) -> list[Execution]:
        context = self._ask("GetContextByTypeAndName", type_name=_RUN_CONTEXT, context_name=run_id).context
        if not context.id:
            raise InfrastructureError(f"Kubeflow's metadata store knows nothing of run {run_id}")
        found = {item.id: item for item in self._pages("GetExecutionsByContext", "executions", context.id)}
        steps = {
            number: Execution(
                name=_text(item, "display_name") or _text(item, "task_name"),
                state=_state(item),
                pod=_text(item, "pod_name"),
                namespace=_text(item, "namespace"),
            )
            for number, item in sorted(found.items())
            if item.type in ("system.ContainerExecution", "")
        }
        events = self._ask("GetEventsByExecutionIDs", execution_ids=list(steps)).events if steps else []
        written = [event for event in events if event.type in (event.OUTPUT, event.DECLARED_OUTPUT)]
        # By id and not by the run: what was taken from the cache belongs to an earlier run.
        numbers = sorted({event.artifact_id for event in written})
        listed = self._ask("GetArtifactsByID", artifact_ids=numbers).artifacts if numbers else []
        artifacts = {item.id: item for item in listed}
        for event in written:
            artifact = artifacts.get(event.artifact_id)
            if artifact is not None:
                key = next((step.key for step in event.path.steps if step.key), "")
                store = _text(artifact, "store_session_info") or _text(context, "store_session_info")
                steps[event.execution_id].outputs.append(Artifact(key, artifact.uri, store, _properties(artifact)))
        return list(steps.values())

    def _pages(self, method: str, items: str, context_id: int) -> Iterator[Any]:
        token = ""
        while True:
            options = {"max_result_size": _PAGE, **({"next_page_token": token} if token else {})}
            answer = self._ask(method, context_id=context_id, options=options)
            yield from getattr(answer, items)
            token = answer.next_page_token
            if not token:
                return

    def _ask(self, method: str, **request: Any) -> Any:
        """One unary call of gRPC-Web: a message in a frame with its length, and frames back."""
        from ml_metadata.proto import metadata_store_service_pb2 as messages

        message = getattr(messages, f"{method}Request")(**request).SerializeToString()
        body = struct.pack(">BI", 0, len(message)) + message
        # Istio routes the service at the root of the host, the UI's own server below its own path too.
        bases = [self._base] if self._base else ["", "//"]
        reasons = []
        for base in bases:
            answer = self._api.fetch(f"{base}{_SERVICE}/{method}", body=body, content_type=_CONTENT_TYPE)
            if answer.status == 200 and not answer.is_page and "grpc" in answer.content_type:
                self._base = base
                return getattr(messages, f"{method}Response").FromString(_payload(answer.data, method))
            reasons.append(f"status {answer.status}" + (" with a web page" if answer.is_page else ""))
        raise InfrastructureError(
            f"No metadata store answers below {self._api.endpoint.url} ({', '.join(reasons)})",
            "The endpoint must be the address of Kubeflow's UI (ml-pipeline-ui), not of the API server alone.",
        )


def _payload(data: bytes, method: str) -> bytes:
    """The message in gRPC-Web's frames; the last frame holds the call's status as text."""
    payload, at = b"", 0
    while at + 5 <= len(data):
        kind, length = struct.unpack_from(">BI", data, at)
        frame = data[at + 5 : at + 5 + length]
        if len(frame) < length:
            raise InfrastructureError(f"Kubeflow's metadata store broke off its answer to {method}")
        if not kind & 0x80:
            payload += frame
        elif b"grpc-status:" in frame.replace(b" ", b"") and b"grpc-status:0" not in frame.replace(b" ", b""):
            text = " ".join(frame.decode(errors="replace").split())
            raise InfrastructureError(f"Kubeflow's metadata store failed at {method}: {text}")
        at += 5 + length
    return payload


def _text(item: Any, name: str) -> str:
    return item.custom_properties[name].string_value if name in item.custom_properties else ""


def _properties(item: Any) -> dict[str, Any]:
    kinds = {name: value.WhichOneof("value") for name, value in item.custom_properties.items()}
    plain = ("int_value", "double_value", "string_value", "bool_value")
    return {name: getattr(item.custom_properties[name], kind) for name, kind in kinds.items() if kind in plain}


def _state(item: Any) -> str:
    if _text(item, "cached_execution_id"):
        return "CACHED"
    return str(item.State.Name(item.last_known_state)) if item.last_known_state else ""
