"""The rows that a model was weighed on, from the store that builds share. Imports no tfx."""

from pathlib import Path

from weighbridge.common.errors import WeighbridgeError
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.runs.kept import KeptResults
from weighbridge.storage.place import Place


def kept_examples(kept: Place, record: ProductionRecord, folder: Path) -> Path | None:
    """Copy the examples whose digest is the record's from what steps kept.

    Args:
        kept: where results of steps are kept, a folder per step.
        record: of the model.
        folder: the copy goes below it.

    Returns:
        The folder of the examples; None where they are not kept any more, or cannot be had.
    """
    wanted = record.subject.get("data")
    if not wanted:
        return None
    try:
        for step in kept.folders():
            results = KeptResults(kept, step, writes=False)
            for name, entry in results.entries():
                for output, told in entry.artifacts.items():
                    target = folder / "examples" / step / name / output
                    if _rows(told) == wanted and results.copy_output(name, entry, output, target):
                        return target
    except WeighbridgeError:
        return None  # the gate that misses the rows says what to do
    return None


def _rows(told: object) -> str:
    """The digest of the rows in an output, as its custom property tells it; empty where it has none."""
    properties = told.get("customProperties", {}) if isinstance(told, dict) else {}
    found = properties.get("content_digest", {}) if isinstance(properties, dict) else {}
    return str(found.get("stringValue", "")) if isinstance(found, dict) else ""
