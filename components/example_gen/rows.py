"""Hashes of rows: equal rows have equal hashes, whatever the file, its format, or the order of rows and columns.

Values are mixed as in SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014), text
with pandas' SipHash under a fixed key; a missing value counts as an absent column. No tfx.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.common.digests import value_digest

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_KEYS = ("weighbridge-row-0", "weighbridge-row-1")
_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class RowsDigest:
    """Order-independent digest of a set of rows: their number, and two sums of their hashes modulo 2^64."""

    rows: int = 0
    sums: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, batch: "pa.RecordBatch") -> "RowsDigest":
        """Digest of a canonical batch."""
        sums = [int(row_hashes(batch, key=number).sum(dtype="uint64")) for number in range(2)]
        return cls(batch.num_rows, (sums[0], sums[1]))

    def __add__(self, other: "RowsDigest") -> "RowsDigest":
        first, second = ((mine + yours) & _MASK for mine, yours in zip(self.sums, other.sums, strict=True))
        return RowsDigest(self.rows + other.rows, (first, second))

    @property
    def digest(self) -> str:
        """The digest as it is written."""
        return value_digest([self.rows, *self.sums])


def row_hashes(batch: "pa.RecordBatch", columns: Sequence[str] = (), key: int = 0) -> "np.ndarray[Any, Any]":
    """One hash per row.

    Args:
        batch: canonical columns (int64, float32, binary, or lists of these).
        columns: those that count, all if none are named; one that the batch lacks has no values in it.
        key: 0 or 1, for two independent hashes.

    Returns:
        uint64 array of shape [rows].
    """
    import numpy as np

    names = [name for name in batch.schema.names if name]
    total = np.zeros(batch.num_rows, np.uint64)
    for name in names if not columns else [name for name in columns if name in names]:
        salt = np.uint64(int.from_bytes(hashlib.blake2b(f"{_KEYS[key]}/{name}".encode(), digest_size=8).digest()))
        total += _column_hashes(batch.column(batch.schema.get_field_index(name)), salt, key)
    return _mix(total)


def _column_hashes(column: Any, salt: Any, key: int) -> "np.ndarray[Any, Any]":
    """Hashes of a column's values; 0 where there is none."""
    import numpy as np
    import pyarrow as pa

    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        hashes = _mix(_value_hashes(column, key) ^ salt)
        if column.null_count:
            hashes[~column.is_valid().to_numpy(zero_copy_only=False)] = 0
        return hashes
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.repeat(np.arange(len(column)), lengths)
    positions = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    # The first value of a list counts as a plain value does.
    values = _mix(
        (_value_hashes(column.flatten(), key) ^ salt) + positions.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    )
    total = np.zeros(len(column), np.uint64)
    np.add.at(total, rows, values)
    return total


def _value_hashes(values: Any, key: int) -> "np.ndarray[Any, Any]":
    import numpy as np
    import pyarrow as pa

    if pa.types.is_integer(values.type):
        return values.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    if pa.types.is_floating(values.type):
        floats = values.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
        # One NaN; and a whole number is the same row whether its column is of integers or of floats.
        bits = np.where(np.isnan(floats), np.nan, floats).view(np.uint64)
        with np.errstate(invalid="ignore"):
            whole = (np.floor(floats) == floats) & (np.abs(floats) < 2.0**63)
            return np.where(whole, floats.astype(np.int64).view(np.uint64), bits)
    from pandas.util import hash_array

    encoded = values.dictionary_encode()
    texts = np.array(encoded.dictionary.to_pylist() or [b""], dtype=object)
    hashes = hash_array(texts, hash_key=_KEYS[key][:16], categorize=False).astype(np.uint64)
    return hashes[encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)]


def _mix(values: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """SplitMix64's finaliser."""
    import numpy as np

    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
