"""Results of reproducible steps in the store that builds share: a fresh machine takes the model, and trains none."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from tfx.orchestration.portable import outputs_utils
from tfx.types import artifact_utils

from weighbridge.common.environment import IMAGE_VARIABLE
from weighbridge.components.traits import ComponentTraits
from weighbridge.runs.content import CONTENT_DIGEST, SEAL, content_digest
from weighbridge.runs.kept import Entry, KeptResults, key_of
from weighbridge.storage.place import Place

Artifacts = Mapping[str, list[Any]]


@dataclass(frozen=True)
class KeptSteps:
    """Where steps find what was made before from the same content, on this machine or another.

    Attributes:
        place: where the results are.
        writes: whether they may be kept there.
    """

    place: Place
    writes: bool

    def of(self, name: str, executor: str, traits: ComponentTraits, code: str) -> "KeptStep | None":
        """The results of one step; None for a step whose outcome does not follow from what a key is made of.

        Args:
            name: of the step.
            executor: path of its executor.
            traits: what its component declares.
            code: digest of its code where no parameter is.
        """
        if not traits.reproducible or not (traits.code_digest or code):
            return None
        return KeptStep(KeptResults(self.place, name, self.writes), f"{executor} {code}".strip(), traits.places)


@dataclass(frozen=True)
class KeptStep:
    """The results of one step.

    Attributes:
        results: where they are.
        executor: path of the executor, and the digest of its code where no parameter is.
        places: names of parameters that say where something is on this machine, which changes no outcome.
    """

    results: KeptResults
    executor: str
    places: tuple[str, ...] = ()

    def restore(self, properties: Mapping[str, Any], inputs: Artifacts, outputs: dict[str, list[Any]]) -> bool:
        """Put an earlier result into the outputs of an execution; False where there is none.

        Args:
            properties: execution properties, with what the driver resolved.
            inputs: input artifacts.
            outputs: output artifacts, whose folders are there; they get the result's properties.
        """
        key = self._key(properties, inputs)
        folders = _folders(outputs)
        kept = self.results.restore(key, folders) if key and folders else None
        if kept is None:
            return False
        _take(outputs, kept)
        return True

    def foresee(self, properties: Mapping[str, Any], inputs: Artifacts, outputs: dict[str, list[Any]]) -> bool:
        """Give outputs the properties that `restore` would give them, without any file; False where it would not."""
        entry = self._entry(properties, inputs)
        if entry is None or entry.artifacts.keys() != outputs.keys():
            return False
        _take(outputs, entry.artifacts, with_digest=True)
        return True

    def keep(self, properties: Mapping[str, Any], inputs: Artifacts, outputs: Artifacts) -> None:
        """Keep what an execution made, if it is not there yet."""
        key = self._key(properties, inputs)
        folders = _folders(outputs)
        if key and folders:
            self.results.keep(key, folders, {output: _described(artifact) for output, [artifact] in outputs.items()})

    def _entry(self, properties: Mapping[str, Any], inputs: Artifacts) -> Entry | None:
        key = self._key(properties, inputs)
        return self.results.lookup(key) if key else None

    def _key(self, properties: Mapping[str, Any], inputs: Artifacts) -> str:
        """See `key_of`; empty where what an input holds is not known."""
        digests = {
            name: [each.get_string_custom_property(CONTENT_DIGEST) or content_digest(each) for each in artifacts]
            for name, artifacts in inputs.items()
        }
        if not all(digest for listed in digests.values() for digest in listed):
            return ""
        kept = {name: value for name, value in properties.items() if name not in self.places}
        return key_of(self.executor, os.environ.get(IMAGE_VARIABLE, ""), kept, digests, "")


def _folders(outputs: Artifacts) -> dict[str, Path]:
    """The folder of each output; empty where one has not just one artifact."""
    if any(len(artifacts) != 1 for artifacts in outputs.values()):
        return {}
    return {output: Path(artifact.uri) for output, [artifact] in outputs.items()}


def _described(artifact: Any) -> dict[str, Any]:
    """An artifact's properties, as JSON of ML Metadata's message."""
    told = json_format.MessageToDict(artifact.mlmd_artifact)
    return {name: told.get(name, {}) for name in ("properties", "customProperties")}


def _take(outputs: dict[str, list[Any]], kept: Mapping[str, Any], with_digest: bool = False) -> None:
    """Give outputs the properties of a kept result, but for those that are their own, such as their name."""
    for output, [artifact] in outputs.items():
        message = type(artifact.mlmd_artifact)()
        message.CopyFrom(artifact.mlmd_artifact)
        earlier = json_format.ParseDict(kept[output], type(message)())
        for name, value in earlier.properties.items():
            message.properties[name].CopyFrom(value)
        for name, value in earlier.custom_properties.items():
            if name not in message.custom_properties and name != SEAL and (with_digest or name != CONTENT_DIGEST):
                message.custom_properties[name].CopyFrom(value)
        outputs[output] = [artifact_utils.deserialize_artifact(artifact.artifact_type, message)]
    outputs_utils.tag_output_artifacts_with_version(outputs)
