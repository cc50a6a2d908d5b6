"""A digest of order lines' content: the same for the same lines, in whatever format and batches they are kept."""

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weighbridge.common.digests import value_digest


class ContentDigest:
    """Takes the digest of columns, batch by batch; how the rows are cut into batches does not count."""

    def __init__(self) -> None:
        self._hashes: dict[str, tuple[Any, Any]] = {}

    def update(self, batch: pa.RecordBatch) -> None:
        """Add rows of text, numbers or times."""
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            shape, content = self._hashes.setdefault(name, (hashlib.sha256(), hashlib.sha256()))
            if pa.types.is_string(column.type):
                shape.update(_little(pc.fill_null(pc.binary_length(column), -1), "<i4"))
                content.update(_joined(pc.fill_null(column, "")))
            else:
                content.update(_little(column, "<f8" if pa.types.is_floating(column.type) else "<i8"))

    def value(self) -> str:
        """The digest, `sha256:<64 hex digits>`, of the columns' names, and of the lengths and values in them."""
        return value_digest({name: [each.hexdigest() for each in both] for name, both in self._hashes.items()})


def _joined(texts: pa.Array) -> pa.Buffer:
    return pc.binary_join(pa.ListArray.from_arrays([0, len(texts)], texts), "")[0].as_buffer()


def _little(column: pa.Array, kind: str) -> bytes:
    """A column without nulls as little-endian numbers; times as microseconds."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    return np.ascontiguousarray(column.to_numpy(zero_copy_only=False), kind).tobytes()
