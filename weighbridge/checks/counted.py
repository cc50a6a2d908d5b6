"""The data at hand counted: the rows of each split as ExampleGen would make them, of data that are read in a moment.

What no run has measured yet shows here: how many rows of each class a slice has, and which values a feature.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from weighbridge.checks.subject import Node
from weighbridge.common.errors import WeighbridgeError
from weighbridge.storage.schemes import is_address

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_BYTES = 32_000_000
_MOST_ROWS = 500_000

Column = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Counted:
    """The rows of all splits.

    Attributes:
        rows: by split.
        columns: values by split and column, shape [rows]; None where a row has none, or several.
    """

    rows: dict[str, int]
    columns: dict[str, dict[str, Column]]

    def column(self, split: str, name: str) -> Column | None:
        """The values of a column in a split; None where there is no such column."""
        return self.columns.get(split, {}).get(name)


def count(node: Node, names: Collection[str]) -> Counted | None:
    """Count the rows of an ExampleGen's input.

    Args:
        node: the ExampleGen.
        names: of the columns that are needed.

    Returns:
        None for data that are elsewhere, large, split by the newest row's time, or cannot be read as they are, which
        other checks tell.
    """
    from weighbridge.checks.data import request_of
    from weighbridge.components.example_gen import formats
    from weighbridge.components.example_gen.feature_types import TypeChanged
    from weighbridge.components.example_gen.process import Processor
    from weighbridge.components.example_gen.resolve import resolve

    try:
        request = request_of(node)
        if is_address(request.input) or request.splits.need_newest:
            return None
        resolved = resolve(request.input, request.span, request.window)
        if sum(map(os.path.getsize, resolved.files)) > _MOST_BYTES:
            return None
        kinds = request.feature_types()
        kinds.inferring = True
        process = Processor(request, kinds, check=formats.formats()[resolved.format].all_columns)
        rows, parts = 0, dict[str, list[dict[str, Column]]]()
        for path in resolved.files:
            for batch in formats.read(path, resolved.format, kinds, _ignore, columns=request.columns):
                rows += batch.num_rows
                if rows > _MOST_ROWS:
                    return None
                for part in process(batch, path).parts:
                    parts.setdefault(part.split, []).append(_columns(part.rows, names))
    except (WeighbridgeError, TypeChanged, OSError):
        return None
    columns = {
        split: {name: np.concatenate([each[name] for each in found]) for name in names}
        for split, found in parts.items()
    }
    sizes = {split: sum(len(each[""]) for each in found) for split, found in parts.items()}
    return Counted(sizes, columns)


def _columns(batch: "pa.RecordBatch", names: Collection[str]) -> dict[str, Column]:
    """The columns that are needed, those that a batch lacks without values; and one without a name, for its rows."""
    found = {name: np.full(batch.num_rows, None, object) for name in (*names, "")}
    for name in names:
        index = batch.schema.get_field_index(name)
        if index >= 0:
            found[name][:] = [_plain(value) for value in batch.column(index).to_pylist()]
    return found


def _plain(value: Any) -> Any:
    """A value as slices are named by it."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _ignore(_row: int, _reason: str, _line: str) -> None:
    pass
