"""Canonical columns as serialized tf.Examples and framed TFRecords, a column at a time. No tfx, no tensorflow.

tfx_bsl's encoder builds a protobuf message per row, which was two thirds of ExampleGen's time. A tf.Example is
plain enough to write down: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/example/feature.proto
in protobuf's wire format, https://protobuf.dev/programming-guides/encoding.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from weighbridge.components.example_gen.feature_types import BYTES, FLOAT, INT, feature_type_of
from weighbridge.components.example_gen.pieces import Piece, compose

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_FEATURE_FIELD = {BYTES: 1, FLOAT: 2, INT: 3}  # of message Feature
_DELIMITED = 2  # wire type: a length, then so many bytes
_VARINT_BYTES = 10  # of a 64-bit number at most
_FRAME_BEGIN, _FRAME_END = 12, 4  # bytes around a record
_CRC_MASK = 0xA282EAD8
_HEADER_BYTES = 16  # of a feature, besides its name
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

    return pa.chunked_array([_binary(*_examples(part)) for part in _parts(batch)], pa.binary())


def tfrecords(batch: "pa.RecordBatch") -> "Iterator[tuple[memoryview, np.ndarray[Any, Any]]]":
    """Rows as `encode` gives them, framed as a TFRecord file has them, in parts of bounded size.

    A frame is the length, its checksum, the bytes, their checksum; all little-endian:
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.h

    Args:
        batch: see `encode`.

    Yields:
        The bytes of some rows, and where in them each row's begin and the last one's end: shape [rows + 1].
    """
    import google_crc32c
    import numpy as np

    for part in _parts(batch):
        data, offsets = _examples(part, _FRAME_BEGIN, _FRAME_END)
        begins, ends = offsets[:-1], offsets[1:]
        lengths, places = np.unique(ends - begins - _FRAME_BEGIN - _FRAME_END, return_inverse=True)
        lengths = lengths.astype("<u8")
        length_sums = _masked([google_crc32c.value(length.tobytes()) for length in lengths])
        headers = np.concatenate([lengths.view(np.uint8).reshape(-1, 8), length_sums], axis=1)[places]
        sums = [
            google_crc32c.value(data[begin + _FRAME_BEGIN : end - _FRAME_END].tobytes())
            for begin, end in itertools.pairwise(offsets.tolist())
        ]
        Piece.of_rows(headers).write(data, begins)
        Piece.of_rows(_masked(sums)).write(data, ends - _FRAME_END)
        yield data.data, offsets


def _parts(batch: "pa.RecordBatch") -> "Iterator[pa.RecordBatch]":
    """The batch in parts whose examples take not much more than `_MOST_BYTES`."""
    headers = batch.num_rows * sum(len(name.encode()) + _HEADER_BYTES for name in batch.schema.names)
    step = max(1, batch.num_rows * _MOST_BYTES // max(batch.nbytes + headers, _MOST_BYTES))
    return (batch.slice(start, step) for start in range(0, batch.num_rows, step))


def _examples(
    batch: "pa.RecordBatch", before: int = 0, after: int = 0
) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """Message Example: the features of each row as one message in field 1.

    Args:
        batch: see `encode`.
        before: bytes that are left free before each message.
        after: and behind it.

    Returns:
        Bytes, and where each row's begin and the last one's end.
    """
    import numpy as np

    parts: list[Piece] = []
    total = np.zeros(batch.num_rows, np.int64)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name:
            parts += _feature(name.encode(), column)
    for part in parts:
        total += part.lengths
    header = Piece.by_length(total, functools.partial(_header, 1))
    return compose([Piece.free(before), header, *parts, Piece.free(after)], batch.num_rows)


def _binary(data: "np.ndarray[Any, Any]", offsets: "np.ndarray[Any, Any]") -> "pa.Array":
    import numpy as np
    import pyarrow as pa

    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def _feature(name: bytes, column: Any) -> list[Piece]:
    """A column's entry in the map of features; a row without a value has none."""
    import numpy as np
    import pyarrow as pa

    there = column.is_valid().to_numpy(zero_copy_only=False) if column.null_count else None
    header: Callable[[int], bytes] = functools.partial(_feature_header, name, feature_type_of(column.type))
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        counts = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        data, offsets = _values(column.flatten())
        payload = _slices(data, offsets[np.concatenate([[0], np.cumsum(counts)])])
    elif pa.types.is_integer(column.type):
        payload = _varints(_numbers(column, np.int64))
    elif pa.types.is_floating(column.type):
        payload = Piece.of_rows(_numbers(column, np.float32).view(np.uint8).reshape(-1, 4))
    else:
        payload, header = _slices(*_contents(column)), functools.partial(_text_header, name)
    if there is not None:
        payload = dataclasses.replace(payload, lengths=payload.lengths * there)
    return [Piece.by_length(payload.lengths, header, there), payload]


def _values(values: "pa.Array") -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """The bytes of all values, one after the other, and where each begins: shape [values + 1]."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_integer(values.type):
        return compose([_varints(_numbers(values, np.int64))], len(values))
    if pa.types.is_floating(values.type):
        return _numbers(values, np.float32).view(np.uint8), 4 * np.arange(len(values) + 1)
    # Message BytesList repeats field 1, so each value has a header of its own.
    texts = _slices(*_contents(values))
    return compose([Piece.by_length(texts.lengths, functools.partial(_header, 1)), texts], len(values))


def _numbers(column: "pa.Array", type_: Any) -> "np.ndarray[Any, Any]":
    """The values of a column of numbers as they lie in memory, shape [rows]; anything where one is missing."""
    import numpy as np

    buffer = column.buffers()[1]
    return np.frombuffer(buffer or b"", type_)[column.offset : column.offset + len(column)]


def _varints(numbers: "np.ndarray[Any, Any]") -> Piece:
    """Numbers in 7-bit groups, the lowest first; every byte but the last of a number has its highest bit set."""
    import numpy as np

    numbers = numbers.view(np.uint64)
    most = int(numbers.max(initial=0))
    lengths = np.ones(len(numbers), np.int64)
    groups: list[np.ndarray[Any, Any]] = [numbers.astype(np.uint8)]
    for place in range(1, _VARINT_BYTES):
        if most < 1 << (7 * place):
            break
        longer = numbers >= np.uint64(1 << (7 * place))
        lengths += longer
        groups[-1] = groups[-1] & 0x7F | longer.view(np.uint8) << 7
        groups.append((numbers >> np.uint64(7 * place)).astype(np.uint8))
    return Piece.of_rows(np.stack(groups, axis=1), lengths if len(groups) > 1 else None)


def _slices(data: "np.ndarray[Any, Any]", offsets: "np.ndarray[Any, Any]") -> Piece:
    """Bytes, and where each row's begin and the last one's end, as a piece."""
    import numpy as np

    return Piece(data, offsets[:-1], np.diff(offsets).astype(np.int64))


def _feature_header(name: bytes, kind: str, length: int) -> bytes:
    """All that stands before the values of a feature: the map's entry with its key, message Feature, its list."""
    # A list of numbers is packed into one field of its message; one of texts repeats the field.
    inner = b"" if kind == BYTES else _header(1, length)
    feature = _header(_FEATURE_FIELD[kind], len(inner) + length) + inner
    key = _header(1, len(name)) + name
    value = _header(2, len(feature) + length)
    return _header(1, len(key) + len(value) + len(feature) + length) + key + value + feature


def _text_header(name: bytes, length: int) -> bytes:
    """All that stands before a single text of a feature."""
    value = _header(1, length)
    return _feature_header(name, BYTES, len(value) + length) + value


def _header(field: int, length: int) -> bytes:
    """Tag and length of a delimited field."""
    return bytes([field << 3 | _DELIMITED]) + _varint(length)


def _varint(number: int) -> bytes:
    groups = []
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def _contents(array: "pa.Array") -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """The bytes of a binary array, and the places where each element begins and the last one ends."""
    import numpy as np

    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets or bytes(4), np.int32)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data or b"", np.uint8), bounds


def _masked(sums: list[int]) -> "np.ndarray[Any, Any]":
    """Checksums as they are stored, bytes of shape [sums, 4]."""
    import numpy as np

    crc = np.array(sums, np.uint32)
    masked = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(_CRC_MASK)
    return masked.astype("<u4").view(np.uint8).reshape(-1, 4)
