"""What an artifact holds, as one digest: by it a step knows that what it is given is what it was given before."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighbridge.common.digests import bytes_digest, file_digest, tree_digest, value_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.runs.gate_collector import EXAMPLES_PROPERTY, GATES_PROPERTY, VERDICT_PROPERTY
from weighbridge.verdict.verdict import GATES_FILE

CONTENT_DIGEST = "weighbridge_digest"
SEAL = "weighbridge_seal"  # what its files were when its step ended, see `weighbridge.local.intact`

# Custom properties that name a run or a place.
_OF_A_RUN = (
    CONTENT_DIGEST,
    SEAL,
    "name",
    "tfx_version",
    "input_digest",
    "state",
    "pipeline_name",
    "producer_component",
    GATES_PROPERTY,
    VERDICT_PROPERTY,
    EXAMPLES_PROPERTY,
    LOOKED_UP_AT,
)


@dataclass(frozen=True)
class Content:
    """What an artifact holds.

    Attributes:
        digest: of content and properties; empty where it holds nothing or lies elsewhere.
        bytes_digest: of its files alone; empty where they need not be read for `digest`.
    """

    digest: str
    bytes_digest: str = ""


def content_of(artifact: Any) -> Content:
    """What an artifact holds, its files read once at most.

    A component that knows a cheaper or order-independent digest of its data gives it as the custom property
    `content_digest`; the gates beside the data still count.
    """
    folder = Path(artifact.uri)
    try:
        given = artifact.get_string_custom_property("content_digest")
        if not given:
            content = file_digest(folder) if folder.is_file() else tree_digest(folder)
            return Content(value_digest([content, _properties(artifact)]), content)
        gates = folder / GATES_FILE
        beside = bytes_digest(gates.read_bytes()) if gates.exists() else ""
        return Content(value_digest([given, beside, _properties(artifact)]))
    except (UsageError, OSError):
        return Content("")


def content_digest(artifact: Any) -> str:
    """Digest of what an artifact holds; see `Content`."""
    return content_of(artifact).digest


def _properties(artifact: Any) -> dict[str, Any]:
    """The artifact's properties that later steps may read, except those that name a run or a place.

    Numbers are floats, as whatever came through Kubeflow has them.
    """
    message = artifact.mlmd_artifact
    kept = {f"property:{name}": _plain(value, getattr(artifact, name)) for name, value in message.properties.items()}
    return kept | {
        name: _plain(value, artifact.get_json_value_custom_property(name))
        for name, value in message.custom_properties.items()
        if name not in _OF_A_RUN
    }


def _plain(value: Any, as_json: Any) -> Any:
    kind = value.WhichOneof("value")
    found = getattr(value, kind) if kind in ("int_value", "double_value", "string_value", "bool_value") else as_json
    number = isinstance(found, int | float) and not isinstance(found, bool)
    return float(found) if number else found
