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
        return cls.of_hashes(*both_hashes(batch))

    @classmethod
    def of_hashes(cls, first: "np.ndarray[Any, Any]", second: "np.ndarray[Any, Any]") -> "RowsDigest":
        """Digest of the rows that have these hashes, as `both_hashes` gives them."""
        return cls(len(first), (int(first.sum(dtype="uint64")), int(second.sum(dtype="uint64"))))

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
    return _row_hashes(batch, columns, (key,))[0]


def both_hashes(batch: "pa.RecordBatch") -> "list[np.ndarray[Any, Any]]":
    """Both hashes of all columns per row, made in one go: each a uint64 array of shape [rows]."""
    return _row_hashes(batch, (), (0, 1))


def _row_hashes(batch: "pa.RecordBatch", columns: Sequence[str], keys: tuple[int, ...]) -> "list[np.ndarray[Any, Any]]":
    import numpy as np

    names = {name: index for index, name in enumerate(batch.schema.names) if name}
    totals = [np.zeros(batch.num_rows, np.uint64) for _ in keys]
    for name in columns or names:
        if name in names:
            for total, hashes in zip(totals, _column_hashes(name, batch.column(names[name]), keys), strict=True):
                total += hashes
    return [_mix(total) for total in totals]


def _salt(name: str, key: int) -> Any:
    import numpy as np

    return np.uint64(int.from_bytes(hashlib.blake2b(f"{_KEYS[key]}/{name}".encode(), digest_size=8).digest()))


def _column_hashes(name: str, column: Any, keys: tuple[int, ...]) -> "list[np.ndarray[Any, Any]]":
    """Hashes of a column's values by key; 0 where there is none."""
    import numpy as np
    import pyarrow as pa

    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        missing = ~column.is_valid().to_numpy(zero_copy_only=False) if column.null_count else None
        found = []
        for key, values in zip(keys, _value_hashes(column, keys), strict=True):
            hashes = _mix(values ^ _salt(name, key))
            if missing is not None:
                hashes[missing] = 0
            found.append(hashes)
        return found
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.repeat(np.arange(len(column)), lengths)
    positions = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    # The first value of a list counts as a plain value does.
    steps = positions.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    found = []
    for key, values in zip(keys, _value_hashes(column.flatten(), keys), strict=True):
        total = np.zeros(len(column), np.uint64)
        np.add.at(total, rows, _mix((values ^ _salt(name, key)) + steps))
        found.append(total)
    return found


def _value_hashes(values: Any, keys: tuple[int, ...]) -> "list[np.ndarray[Any, Any]]":
    """Hashes of values by key; numbers are told apart by their column's salt alone."""
    import numpy as np
    import pyarrow as pa

    if values.null_count and not _is_text(values.type):
        values = values.fill_null(0)
    if pa.types.is_integer(values.type):
        return [values.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)] * len(keys)
    if pa.types.is_floating(values.type):
        floats = values.to_numpy(zero_copy_only=False).astype(np.float64)
        # One NaN; and a whole number is the same row whether its column is of integers or of floats.
        bits = np.where(np.isnan(floats), np.nan, floats).view(np.uint64)
        with np.errstate(invalid="ignore"):
            whole = (np.floor(floats) == floats) & (np.abs(floats) < 2.0**63)
            return [np.where(whole, floats.astype(np.int64).view(np.uint64), bits)] * len(keys)
    from pandas.util import hash_array

    encoded = values.dictionary_encode()
    texts = np.array(encoded.dictionary.to_pylist() or [b""], dtype=object)
    places = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    hashes = (hash_array(texts, hash_key=_KEYS[key][:16], categorize=False) for key in keys)
    return [found.astype(np.uint64)[places] for found in hashes]


def _is_text(type_: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_))


def _mix(values: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """SplitMix64's finaliser."""
    import numpy as np

    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
