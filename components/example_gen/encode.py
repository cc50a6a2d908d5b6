"""Canonical columns as serialized tf.Examples and framed TFRecords, a column at a time. No tfx, no tensorflow.

tfx_bsl's encoder builds a protobuf message per row, which was two thirds of ExampleGen's time. A tf.Example is
plain enough to write down: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/example/feature.proto
in protobuf's wire format, https://protobuf.dev/programming-guides/encoding.
"""

import functools
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from weighbridge.components.example_gen.feature_types import BYTES, FLOAT, INT, feature_type_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_FEATURE_FIELD = {BYTES: 1, FLOAT: 2, INT: 3}  # of message Feature
_DELIMITED = 2  # wire type: a length, then so many bytes
_VARINT_BYTES = 10  # of a 64-bit number at most
_CRC_MASK = 0xA282EAD8
# Arrow's binary arrays end at 2 GiB; rows differ in size, so stay well below.
_MOST_BYTES = 256 << 20


def encode(batch: "pa.RecordBatch") -> "pa.ChunkedArray":
    """Rows as serialized tf.Examples; a missing value is a feature that the example lacks.

    Args:
        batch: canonical columns (int64, float32, binary, or lists of these); one without a name is left out.

    Returns:
        Binary, one element per row; the features of a row are in the order of the columns.
    """
    import pyarrow as pa

    step = max(1, batch.num_rows * _MOST_BYTES // max(batch.nbytes, _MOST_BYTES))
    starts = range(0, batch.num_rows, step)
    return pa.chunked_array([_encode(batch.slice(start, step)) for start in starts], pa.binary())


def tfrecords(records: "pa.Array") -> "pa.Buffer":
    """Records framed as a TFRecord file has them: length, its checksum, bytes, their checksum; all little-endian.

    Source: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.h

    Args:
        records: a binary array.
    """
    import google_crc32c
    import numpy as np

    data, offsets = _contents(records)
    contents, ends = data.to_pybytes(), offsets.tolist()
    lengths, place = np.unique(np.diff(offsets).astype("<u8"), return_inverse=True)
    header_sums = _masked([google_crc32c.value(length.tobytes()) for length in lengths])
    headers = np.concatenate([lengths.view(np.uint8).reshape(-1, 8), header_sums], axis=1)[place]
    footers = _masked([google_crc32c.value(contents[start:end]) for start, end in itertools.pairwise(ends)])
    framed, bounds = _contents(_joined([_fixed(headers), records, _fixed(footers)]))
    return framed[int(bounds[0]) : int(bounds[-1])]


def _encode(batch: "pa.RecordBatch") -> "pa.Array":
    """Message Example: the features of each row as one message in field 1."""
    import numpy as np
    import pyarrow as pa

    parts: list[Any] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name:
            payload = _payload(column)
            headers = _headers(
                _lengths(payload), functools.partial(_feature_header, name.encode(), feature_type_of(column.type))
            )
            parts += [headers, payload]
    total = np.zeros(batch.num_rows, np.int32)
    for part in parts:
        total += _lengths(part).fill_null(0).to_numpy(zero_copy_only=False)
    return _joined([_headers(pa.array(total), functools.partial(_header, 1)), *parts])


def _payload(column: Any) -> "pa.Array":
    """The values of each row as the innermost list of message Feature holds them; null where the row has none."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        ends = np.concatenate([[0], np.cumsum(column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))])
        values = column.flatten()
    elif column.null_count:
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        ends, values = np.concatenate([[0], np.cumsum(valid)]), column.drop_null()
    else:
        ends, values = np.arange(len(column) + 1), column
    data, offsets = _values(values)
    missing = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
    return _binary(data, offsets[ends], missing)


def _values(values: "pa.Array") -> "tuple[pa.Buffer, np.ndarray[Any, Any]]":
    """The bytes of all values, one after the other, and where each begins: shape [values + 1]."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_integer(values.type):
        return _varints(values.to_numpy(zero_copy_only=False).view(np.uint64))
    if pa.types.is_floating(values.type):
        floats = np.ascontiguousarray(values.to_numpy(zero_copy_only=False), "<f4")
        return pa.py_buffer(floats), 4 * np.arange(len(values) + 1)
    # Message BytesList repeats field 1, so each value has a header of its own.
    return _contents(_joined([_headers(_lengths(values), functools.partial(_header, 1)), values]))


def _varints(numbers: "np.ndarray[Any, Any]") -> "tuple[pa.Buffer, np.ndarray[Any, Any]]":
    """Numbers in 7-bit groups, the lowest first; every byte but the last of a number has its highest bit set."""
    import numpy as np
    import pyarrow as pa

    lengths = np.ones(len(numbers), np.int64)
    for groups in range(1, _VARINT_BYTES):
        longer = numbers >= np.uint64(1 << (7 * groups))
        if not longer.any():
            break
        lengths += longer
    places = np.arange(lengths.max(initial=1))
    groups_of = (numbers[:, np.newaxis] >> (7 * places).astype(np.uint64)).astype(np.uint8) & 0x7F
    groups_of[places < lengths[:, np.newaxis] - 1] |= 0x80
    data = groups_of[places < lengths[:, np.newaxis]]
    return pa.py_buffer(data), np.concatenate([[0], np.cumsum(lengths)])


def _headers(lengths: "pa.Array", header: Callable[[int], bytes]) -> "pa.Array":
    """What stands before payloads of these lengths; it depends on the length alone, so it is made once for each."""
    import pyarrow as pa

    encoded = lengths.dictionary_encode()
    made = pa.array([header(length) for length in encoded.dictionary.to_pylist()], pa.binary())
    return made.take(encoded.indices)


def _feature_header(name: bytes, kind: str, length: int) -> bytes:
    """All that stands before the values of a feature: the map's entry with its key, message Feature, its list."""
    # A list of numbers is packed into one field of its message; one of texts repeats the field.
    inner = b"" if kind == BYTES else _header(1, length)
    feature = _header(_FEATURE_FIELD[kind], len(inner) + length) + inner
    key = _header(1, len(name)) + name
    value = _header(2, len(feature) + length)
    return _header(1, len(key) + len(value) + len(feature) + length) + key + value + feature


def _header(field: int, length: int) -> bytes:
    """Tag and length of a delimited field."""
    return bytes([field << 3 | _DELIMITED]) + _varint(length)


def _varint(number: int) -> bytes:
    groups = []
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def _joined(parts: list[Any]) -> "pa.Array":
    """Binary arrays joined row by row, nulls left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.binary()), null_handling="skip")


def _binary(data: "pa.Buffer", offsets: "np.ndarray[Any, Any]", missing: "np.ndarray[Any, Any] | None") -> "pa.Array":
    """A binary array from its bytes and the places where each element begins and the last one ends."""
    import numpy as np
    import pyarrow as pa

    validity = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    buffers = [validity, pa.py_buffer(offsets.astype(np.int32)), data]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def _fixed(rows: "np.ndarray[Any, Any]") -> "pa.Array":
    """A binary array from bytes of shape [rows, width]."""
    import numpy as np
    import pyarrow as pa

    return _binary(pa.py_buffer(np.ascontiguousarray(rows)), rows.shape[1] * np.arange(len(rows) + 1), None)


def _contents(array: "pa.Array") -> "tuple[pa.Buffer, np.ndarray[Any, Any]]":
    """The bytes of a binary array, and the places where each element begins and the last one ends."""
    import numpy as np
    import pyarrow as pa

    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    return data or pa.py_buffer(b""), bounds


def _lengths(array: "pa.Array") -> "pa.Array":
    import pyarrow.compute as pc

    return pc.binary_length(array)


def _masked(sums: list[int]) -> "np.ndarray[Any, Any]":
    """Checksums as they are stored, bytes of shape [sums, 4]."""
    import numpy as np

    crc = np.array(sums, np.uint32)
    masked = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(_CRC_MASK)
    return masked.astype("<u4").view(np.uint8).reshape(-1, 4)
