"""Rows of examples as requests of a server hold them."""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from weighbridge.components.evaluator.flavours import LoadedModel
from weighbridge.components.evaluator.signature import Signature
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

_SAMPLES = 64


def rows_of(batch: pa.RecordBatch, label: str, count: int = 2048) -> list[dict[str, Any]]:
    """Some rows of the split, from all over it, in random order that is the same at every call.

    Args:
        batch: in TFX's Arrow form, a list of values in each cell.
        label: column that is not sent; empty for none.
        count: of rows, at most.

    Returns:
        Value by feature of each row: a list where a row of the column has several; a missing one is left out.

    Raises:
        Unmeasurable: a column holds what JSON has no form for.
    """
    index = np.random.default_rng(0).permutation(batch.num_rows)[:count]
    names = [name for name in batch.schema.names if name != label]
    columns = {
        name: batch.column(batch.schema.get_field_index(name)).take(pa.array(index)).to_pylist() for name in names
    }
    columns = {
        name: [[each for each in cell or () if not _is_nan(each)] for cell in cells] for name, cells in columns.items()
    }
    several = {name for name, cells in columns.items() if any(len(cell) > 1 for cell in cells)}
    return [
        {name: _cell(name, values[row], name in several) for name, values in columns.items() if values[row]}
        for row in range(len(index))
    ]


def taken_by(model: LoadedModel, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with what the model takes alone: a server refuses a feature that its model does not have."""
    names = sorted({name for row in rows for name in row})
    if not isinstance(model, Signature) or model.takes_examples(names):
        return [dict(row) for row in rows]
    return [{name: value for name, value in row.items() if name in model.columns} for row in rows]


def samples_of(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that a server is warmed up with."""
    return list(rows[:_SAMPLES])


def _cell(name: str, values: list[Any], several: bool) -> Any:
    plain = [_plain(name, value) for value in values]
    return plain if several else plain[0]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)  # JSON has no form for it: it is as if missing


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, bool | int | float | str):
        return value
    message = f"Column {name!r} holds {type(value).__name__}, which no request in JSON has a form for."
    raise Unmeasurable("served", "askable", message)
