"""Real rows of the data that a model was weighed on, where they are here: what a server is warmed up with."""

import base64
from pathlib import Path
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.runs.workspace import Workspace

_EVAL = "eval"


def sample_rows(workspace: Workspace, record: ProductionRecord, most: int = 32) -> list[dict[str, Any]]:
    """Rows as a client would send them: a value, a list of values, or nothing where one is missing.

    Args:
        workspace: of the pipeline.
        record: of the model.
        most: rows of each Examples artifact of its run.

    Returns:
        Empty where no rows of its run are here.
    """
    from weighbridge.components.artifacts.examples import read_batches, split_names

    found: list[dict[str, Any]] = []
    for folder in _examples(workspace, record):
        names = split_names(str(folder))
        if not names:
            continue
        split = _EVAL if _EVAL in names else names[-1]
        try:
            batch = next((each for each in read_batches(str(folder), split, batch_rows=most) if each.num_rows), None)
        except UsageError:
            continue
        if batch is not None:
            found += [_sent(row) for row in batch.slice(0, most).to_pylist()]
    return found


def label_of(workspace: Workspace, record: ProductionRecord) -> str:
    """The label's column, as the model's run has it; empty where its run is not here, or it has none."""
    from weighbridge.runs.run_evidence import evidence_of

    run = next((each for each in workspace.runs() if each.record.run_id == record.run_id), None)
    metrics = evidence_of(run).metrics if run is not None and not run.brought else None
    return metrics.label if metrics else ""


def _examples(workspace: Workspace, record: ProductionRecord) -> list[Path]:
    for run in workspace.runs():
        if run.record.run_id == record.run_id and not run.brought:
            folders = [Path(each.uri) for each in run.record.artifacts if each.type == "Examples"]
            return [folder for folder in folders if folder.is_dir()]
    return []


def _sent(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _plain(values[0]) if len(values) == 1 else [_plain(value) for value in values]
        for name, values in row.items()
        if values
    }


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    return round(value, 6) if isinstance(value, float) else value
