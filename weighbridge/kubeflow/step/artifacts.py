"""Artifacts between Kubeflow's JSON and TFX's objects.

TFX has this too (`kubeflow_v2_entrypoint_utils`), in a module that loads all of TFX, Beam and kfp before a step begins.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import yaml
from ml_metadata.proto import metadata_store_pb2
from tfx.types import artifact as artifact_types
from tfx.types import standard_artifacts, value_artifact
from tfx.types.experimental import simple_artifacts
from tfx.utils import import_utils

Artifacts = dict[str, list[Any]]

_TFX = "tfx."
_CUSTOM = artifact_types.CUSTOM_PROPERTIES_PREFIX
_IDS = 1 << 63
_INTEGER, _BOOLEAN = (metadata_store_pb2.PropertyType.Value(name) for name in ("INT", "BOOLEAN"))  # type: ignore[attr-defined]


class ArtifactTranslator:
    """Translates the artifacts of one step; knows the names behind ids, which are numbers to TFX."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def parse(self, artifacts: Mapping[str, Any]) -> Artifacts:
        """TFX's artifacts by key, of `ExecutorInput`'s entries as JSON."""
        return {key: [self._parse(each) for each in entry.get("artifacts", [])] for key, entry in artifacts.items()}

    def to_json(self, artifacts: Artifacts) -> dict[str, Any]:
        """`ExecutorOutput`'s entries as JSON; a property that custom ones share their name with comes first."""
        return {key: {"artifacts": [self._entry(each) for each in listed]} for key, listed in artifacts.items()}

    def _parse(self, entry: Mapping[str, Any]) -> Any:
        artifact = _type(entry.get("type", {}))()
        artifact.uri = entry.get("uri", "")
        if name := entry.get("name", ""):
            number = int(hashlib.sha256(name.encode()).hexdigest(), 16) % _IDS
            self._names[number] = name
            artifact.id = number
        for key, value in (entry.get("metadata") or {}).items():
            if not _set_property(artifact, key, value):
                plain = key.removeprefix(_CUSTOM)
                name = plain if plain in artifact.artifact_type.properties else key
                artifact.set_json_value_custom_property(name, float(value) if _is_number(value) else value)
        _ = artifact.mlmd_artifact  # only now do getters see what was set as JSON
        return artifact

    def _entry(self, artifact: Any) -> dict[str, Any]:
        message = artifact.mlmd_artifact
        metadata = {name: _value(value) for name, value in message.properties.items()}
        for name, value in message.custom_properties.items():
            key = f"{_CUSTOM}{name}" if name in artifact.artifact_type.properties else name
            json_value = value.WhichOneof("value") == "struct_value"
            metadata[key] = artifact.get_json_value_custom_property(name) if json_value else _value(value)
        entry = {"uri": artifact.uri, "metadata": metadata}
        return entry | ({"name": self._names[message.id]} if message.id in self._names else {})


def is_value(artifact: Any) -> bool:
    """Whether an artifact is a file with one value, and not a folder."""
    return isinstance(artifact, value_artifact.ValueArtifact)


def _type(schema: Mapping[str, Any]) -> Any:
    """The class of an artifact, by the title of its type: TFX's own, or a path to import."""
    title = schema.get("schemaTitle", "")
    if not title:
        title = (yaml.safe_load(schema.get("instanceSchema", "")) or {}).get("title", "tfx.Artifact")
    if title.startswith(_TFX) and title.count(".") == 1:
        name = title.removeprefix(_TFX)
        for module in (simple_artifacts, standard_artifacts, artifact_types):  # both have a Dataset; TFX means this one
            if hasattr(module, name):
                return getattr(module, name)
    return import_utils.import_class_by_path(title)


def _set_property(artifact: Any, key: str, value: Any) -> bool:
    """Set a property of the artifact's type; False where it has none of that name, or of another kind."""
    kind = artifact.artifact_type.properties.get(key)
    if kind is None or (isinstance(value, bool) and kind != _BOOLEAN):
        return False
    if _is_number(value):  # whole numbers come as floats
        value = int(value) if kind == _INTEGER else float(value)
    try:
        setattr(artifact, key, value)
    except ValueError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _value(value: Any) -> Any:
    """A value of ML Metadata as JSON: numbers are floats, as they are in protobuf's."""
    kind = value.WhichOneof("value")
    found: Any = getattr(value, kind) if kind else None
    return float(found) if kind in ("int_value", "double_value") else found
