"""How MLflow loads a model that a run left: `mlflow.pyfunc.load_model` calls `_load_pyfunc` here.

The model is called as the Evaluator weighed it, through the same signature. Its files lie beside MLflow's description
of it, or stay where they were pushed to; whichever, they are loaded only if their digest is that which was weighed.
"""

import tempfile
from pathlib import Path
from typing import Any

from weighbridge.common.digests import folder_digest
from weighbridge.common.errors import UsageError
from weighbridge.tracking.entry import ModelReference

REFERENCE_FILE = "weighbridge.json"
COPY_FOLDER = "data"

_ARROW_KINDS = {"i": "int64", "u": "int64", "b": "int64", "f": "float32"}


class WeighedModel:
    """A model whose files are those that were weighed.

    Attributes:
        reference: what it is.
    """

    def __init__(self, reference: ModelReference, folder: Path) -> None:
        from weighbridge.components.evaluator.flavours import find_model

        self.reference = reference
        self._model = find_model(folder, reference.signature, reference.inputs).load()

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """The model's outputs.

        Args:
            data: a data frame or what makes one: raw columns; a cell is a value, a list of them, or missing.
            params: without effect.

        Returns:
            A data frame with a column per output.
        """
        import numpy as np
        import pandas as pd

        outputs = self._model.call(self._model.request(_as_batch(pd.DataFrame(data))))
        columns = {name: np.asarray(values) for name, values in outputs.items()}
        return pd.DataFrame(
            {name: list(values) if values.ndim > 1 else np.atleast_1d(values) for name, values in columns.items()}
        )


def _load_pyfunc(path: str) -> WeighedModel:
    """What MLflow calls with the folder that its description of the model is in.

    Raises:
        UsageError: the model's files are not to be had any more, or are not those that were weighed.
    """
    folder = Path(path)
    reference = ModelReference.model_validate_json((folder / REFERENCE_FILE).read_bytes())
    if reference.copied:  # else what lies there may be of an upload that was broken off
        return WeighedModel(reference, verified(reference, folder / COPY_FOLDER))
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as scratch:
        return WeighedModel(reference, verified(reference, fetched(reference, Path(scratch))))


def fetched(reference: ModelReference, scratch: Path) -> Path:
    """A folder with the files of a model that stayed where they were; those of a bucket are copied to `scratch`.

    Raises:
        UsageError: they are not there.
    """
    from weighbridge.storage.destination import open_destination

    if reference.in_folder:
        folder = Path(reference.address)
    else:
        destination, _, version = reference.address.rpartition("/")
        folder = scratch / version
        open_destination(destination).copy(version, folder)
    if not folder.is_dir():
        raise UsageError(
            f"The model {reference.digest} is not at {reference.address}",
            "MLflow has a reference to it, not its files: mount or copy them there, or load another version.",
        )
    return folder


def verified(reference: ModelReference, folder: Path) -> Path:
    """The folder, if its files are those that were weighed.

    Raises:
        UsageError: they are not.
    """
    found = folder_digest(folder)
    if found != reference.digest:
        raise UsageError(
            f"The model at {folder} is not the one that was weighed: its digest is {found or 'that of nothing'}, "
            f"not {reference.digest}",
            "Do not use it; find out who changed it.",
        )
    return folder


def _as_batch(frame: Any) -> Any:
    """A data frame in TFX's Arrow form: every column is a list."""
    import pyarrow as pa

    arrays = [pa.array([_cell(value) for value in frame[name]], _arrow_type(frame[name])) for name in frame.columns]
    return pa.RecordBatch.from_arrays(arrays, [str(name) for name in frame.columns])


def _arrow_type(column: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    values = [value for cell in column for value in (_cell(cell) or ())]
    kind = np.asarray(values).dtype.kind if values else ""
    if kind in _ARROW_KINDS:
        return pa.list_(pa.type_for_alias(_ARROW_KINDS[kind]))
    return pa.list_(pa.binary()) if values else pa.null()


def _cell(value: Any) -> list[Any] | None:
    if isinstance(value, list | tuple) or getattr(value, "ndim", None):
        return [_plain(each) for each in value]
    missing = value is None or value != value  # NaN
    return None if missing else [_plain(value)]


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    return value.item() if hasattr(value, "item") else value
