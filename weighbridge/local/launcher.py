"""TFX's launcher with one thing added: an output whose content has not changed is the artifact it was before.

TFX keys its cache by the ids of input artifacts, so a step that runs again makes everything after it run
again, even if it wrote the same bytes. Here a published output with the content of an earlier one is replaced
by that one (build systems call it early cutoff): changed thresholds validate again but do not train again.
"""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attr
from ml_metadata.proto import metadata_store_pb2
from tfx import types
from tfx.orchestration import data_types_utils
from tfx.orchestration.portable import execution_publish_utils, launcher, merge_utils, outputs_utils
from tfx.orchestration.portable.mlmd import common_utils
from tfx.proto.orchestration import execution_result_pb2
from tfx.types import artifact_utils

from weighbridge.common import secrets
from weighbridge.local.intact import is_intact, looks, seal, verified_cache
from weighbridge.local.kept_steps import KeptStep
from weighbridge.runs.content import CONTENT_DIGEST, content_of

_LIVE = metadata_store_pb2.Artifact.LIVE  # type: ignore[attr-defined]
_log = logging.getLogger(__name__)


class CutoffLauncher(launcher.Launcher):
    """Launches one node; reuses earlier artifacts of the same content.

    Args:
        kept: results of this node that were made elsewhere; None for a node that keeps none.
        thorough: read the bytes of what is used again, and not only names, sizes and times of the files.
        options: of TFX's launcher.

    Attributes:
        restored: the last launch took a kept result, and executed nothing.
    """

    def __init__(self, kept: KeptStep | None = None, thorough: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._kept = kept
        self._thorough = thorough
        self.restored = False

    def _prepare_execution(self) -> Any:
        with verified_cache(self._thorough):
            return super()._prepare_execution()

    def _run_executor(self, execution_info: Any) -> Any:
        if self._kept is None:
            return self._execute(execution_info)
        outputs_utils.make_output_dirs(execution_info.output_dict)
        given = execution_info.exec_properties, execution_info.input_dict
        self.restored = self._kept.restore(*given, execution_info.output_dict)
        if self.restored:
            return execution_result_pb2.ExecutorOutput()  # type: ignore[attr-defined]
        return self._execute(execution_info)

    def _execute(self, execution_info: Any) -> Any:
        """Call the executor with the secrets that its parameters refer to: it alone gets them, and no metadata."""
        declared = execution_info.exec_properties
        given = secrets.resolved(declared)
        output = super()._run_executor(attr.evolve(execution_info, exec_properties=given))
        for name, value in output.execution_properties.items():  # what it was called with, which is kept then
            if value.WhichOneof("value") == "string_value":
                same = value.string_value == given.get(name)
                value.string_value = declared[name] if same else secrets.concealed(value.string_value)
        return output

    def _publish_successful_execution(
        self, execution_id: int, contexts: Sequence[Any], output_dict: Any, executor_output: Any
    ) -> None:
        updates = executor_output.output_artifacts if executor_output is not None else {}
        merged = merge_utils.merge_updated_output_artifacts(
            output_dict, data_types_utils.unpack_executor_output_artifacts(updates)
        )
        if executor_output is not None:
            executor_output.ClearField("output_artifacts")
        with self._mlmd_connection as metadata:
            reused = {
                key: [self._earlier_or_same(metadata, key, artifact) for artifact in artifacts]
                for key, artifacts in merged.items()
            }
            reused = in_order_of_ids(metadata, reused)
            execution_publish_utils.publish_succeeded_execution(
                metadata_handle=metadata,
                execution_id=execution_id,
                contexts=contexts,
                output_artifacts=reused,
                executor_output=executor_output,
            )

    def _earlier_or_same(self, metadata: Any, key: str, artifact: types.Artifact) -> types.Artifact:
        files = looks(Path(artifact.uri))
        content = content_of(artifact)
        if not content.digest:
            return artifact
        artifact.set_string_custom_property(CONTENT_DIGEST, content.digest)
        earlier = self._earlier(metadata, key, artifact.type_name, content.digest)
        if earlier is None:
            seal(artifact, files, content.bytes_digest)
            return artifact
        _log.info("%s is the same as before; using %s", key, earlier.uri)
        shutil.rmtree(artifact.uri, ignore_errors=True)
        return earlier

    def _earlier(self, metadata: Any, key: str, type_name: str, digest: str) -> types.Artifact | None:
        """This node's newest earlier output of that content that still is there; None if there is none."""
        for earlier in self._published(metadata, key, type_name):
            if earlier.get_string_custom_property(CONTENT_DIGEST) != digest or not Path(earlier.uri).exists():
                continue
            if is_intact(earlier, self._thorough):
                return earlier
        return None

    def _published(self, metadata: Any, key: str, type_name: str) -> list[types.Artifact]:
        """This node's earlier outputs under `key`, newest first. Their folder is `<root>/<node>/<key>/<id>`."""
        node = self._pipeline_node.node_info.id
        found = [
            artifact
            for artifact in metadata.store.get_artifacts_by_type(type_name)
            if artifact.state == _LIVE and Path(artifact.uri).parts[-3:-1] == (node, key)
        ]
        if not found:
            return []
        [artifact_type] = metadata.store.get_artifact_types_by_id([found[0].type_id])
        found.sort(key=lambda artifact: artifact.id, reverse=True)
        return [artifact_utils.deserialize_artifact(artifact_type, artifact) for artifact in found]


def in_order_of_ids(metadata: Any, outputs: dict[str, list[types.Artifact]]) -> dict[str, list[types.Artifact]]:
    """The outputs, all with ids, in ascending order.

    TFX's cache pairs an execution's events with its artifacts as if both came in one order, but ML Metadata gives
    artifacts by id: a new artifact before a reused one would come back from the cache under the other's key.
    """
    for artifacts in outputs.values():
        for artifact in artifacts:
            if not artifact.mlmd_artifact.HasField("id"):
                artifact.set_mlmd_artifact_type(
                    common_utils.register_type_if_not_exist(metadata, artifact.artifact_type)
                )
                [artifact.id] = metadata.store.put_artifacts([artifact.mlmd_artifact])
    return dict(sorted(outputs.items(), key=lambda item: min((artifact.id for artifact in item[1]), default=0)))
