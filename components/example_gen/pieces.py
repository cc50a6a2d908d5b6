"""Byte strings of many rows, put together a column at a time: for each row, one piece after the other. No tfx.

What a row has at one place is short, and rows are many: numpy copies such pieces of all rows in one call, where any
library that joins them row by row spends its time on each piece.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_SHORT = 32  # bytes that may be written too many
_LONG = 2_048  # bytes from which on one row after the other is as fast
_TABLE = 1 << 20


@dataclass(frozen=True)
class Piece:
    """What each row has at one place.

    Attributes:
        data: bytes of any rows, shape [bytes].
        starts: where each row's begin in `data`: an integer array of shape [rows], or a slice that begins with the
            first row's and steps on to the next, or holds the one start that all rows share.
        lengths: how many they are: an integer array of shape [rows], or one number for all rows.
    """

    data: "np.ndarray[Any, Any]"
    starts: "np.ndarray[Any, Any] | slice"
    lengths: "np.ndarray[Any, Any] | int"

    @classmethod
    def of_rows(cls, rows: "np.ndarray[Any, Any]", lengths: "np.ndarray[Any, Any] | None" = None) -> "Piece":
        """Bytes of shape [rows, width], of which each row has the first, or all where no lengths are given."""
        width = rows.shape[1]
        return cls(rows.reshape(-1), slice(0, None, max(width, 1)), width if lengths is None else lengths)

    @classmethod
    def free(cls, width: int) -> "Piece":
        """So many bytes for each row that are written later."""
        import numpy as np

        return cls(np.zeros(width, np.uint8), slice(0, 1), width)

    @classmethod
    def by_length(
        cls,
        lengths: "np.ndarray[Any, Any] | int",
        make: Callable[[int], bytes],
        there: "np.ndarray[Any, Any] | None" = None,
    ) -> "Piece":
        """What depends on the length of something alone, made once for each length.

        Args:
            lengths: by row, or one for all.
            make: the bytes for a length.
            there: whether a row has it, bool of shape [rows]; all have it if None.
        """
        import numpy as np

        if isinstance(lengths, int) or not len(lengths):
            made = np.frombuffer(make(lengths) if isinstance(lengths, int) else b"", np.uint8)
            return cls(made, slice(0, 1), len(made) if there is None else there * len(made))
        known, places = _distinct(lengths if there is None else lengths[there])
        headers = [make(length) for length in known.tolist()]
        sizes = np.array([len(header) for header in headers])
        width = int(sizes.max(initial=0))
        data = np.frombuffer(b"".join(header.ljust(width, b"\0") for header in headers), np.uint8)
        if there is not None:
            places, of_there = np.zeros(len(lengths), np.int64), places
            places[there] = of_there
        if there is None and len(known) == 1:
            return cls(data, slice(0, 1), width)
        if there is not None:
            return cls(data, places * width, sizes[places] * there if len(known) else 0)
        return cls(data, places * width, width if sizes.min() == width else sizes[places])

    @cached_property
    def least(self) -> int:
        """Bytes that every row has at least."""
        return self.lengths if isinstance(self.lengths, int) else int(self.lengths.min(initial=self.most))

    @cached_property
    def most(self) -> int:
        """Bytes that a row has at most."""
        return self.lengths if isinstance(self.lengths, int) else int(self.lengths.max(initial=0))

    def _first(self, width: int) -> "np.ndarray[Any, Any]":
        """So many bytes from each row's start on: one element each, or one for all."""
        import numpy as np

        data = self.data
        if not isinstance(self.starts, slice) and int(self.starts.max(initial=0)) + width > len(data):
            data = np.concatenate([data, np.zeros(width, np.uint8)])
        return _windows(data, width)[self.starts]

    def write(self, out: "np.ndarray[Any, Any]", places: "np.ndarray[Any, Any]", spare: int = 0) -> None:
        """Write the bytes of all rows.

        Args:
            out: where to, shape [bytes].
            places: where each row's begin in it, shape [rows].
            spare: bytes behind each row's that may be overwritten, since they are written later.
        """
        import numpy as np

        least, most = self.least, self.most
        if not most:
            return
        if most < _LONG and (least == most or most - least <= min(spare, _SHORT)):
            _windows(out, most)[places] = self._first(most)
            return
        starts = self.starts
        if isinstance(starts, slice):
            starts = np.broadcast_to(np.arange(len(self.data))[starts], places.shape)
        lengths = np.broadcast_to(self.lengths, places.shape)
        width = 1
        while width <= min(most, _LONG - 1):
            rows = np.flatnonzero((lengths >= width) & (lengths < 2 * width))
            if len(rows):
                # As many bytes from the beginning, and as many up to the end: together these are all.
                rest = lengths[rows] - width
                source, target = _windows(self.data, width), _windows(out, width)
                first, to = starts[rows], places[rows]
                target[to] = source[first]
                target[to + rest] = source[first + rest]
            width *= 2
        for row in np.flatnonzero(lengths >= width).tolist():
            begin, place, length = int(starts[row]), int(places[row]), int(lengths[row])
            out[place : place + length] = self.data[begin : begin + length]


def compose(pieces: Iterable[Piece], rows: int) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """All pieces of each row, one after the other, and one row after the other.

    Returns:
        The bytes, shape [bytes], and where each row begins and the last one ends, int64 of shape [rows + 1].
    """
    import numpy as np

    pieces = list(_fused(pieces, rows))
    offsets = np.zeros(rows + 1, np.int64)
    for piece in pieces:
        offsets[1:] += piece.lengths
    np.cumsum(offsets, out=offsets)
    out = np.empty(int(offsets[-1]), np.uint8)
    places = offsets[:-1].copy()
    spare = sum(piece.least for piece in pieces)
    for piece in pieces:
        spare -= piece.least
        piece.write(out, places, spare)
        places += piece.lengths
    return out, offsets


def _fused(pieces: Iterable[Piece], rows: int) -> Iterator[Piece]:
    """Neighbours as one piece each where all but the last have as many bytes in each row."""
    run: list[Piece] = []
    for piece in pieces:
        fixed = isinstance(piece.lengths, int)
        if sum(other.most for other in run) + piece.most >= _LONG or not (fixed or piece.most <= _SHORT):
            yield from _one(run, rows)
            run = []
        run.append(piece)
        if not fixed:
            yield from _one(run, rows)
            run = []
    yield from _one(run, rows)


def _one(run: list[Piece], rows: int) -> Iterator[Piece]:
    import numpy as np

    if len(run) < 2:
        yield from run
        return
    width = sum(piece.most for piece in run)
    block = np.empty((rows, width), np.uint8)
    place = 0
    for piece in run:
        if piece.most:
            target: np.ndarray[Any, Any] = np.ndarray((rows,), f"V{piece.most}", block, place, (width,))
            target[:] = piece._first(piece.most)
        place += piece.most
    last = run[-1]
    if isinstance(last.lengths, int) or last.least == last.most:
        yield Piece.of_rows(block)
    else:
        yield Piece.of_rows(block, last.lengths + (width - last.most))


def _windows(data: "np.ndarray[Any, Any]", width: int) -> "np.ndarray[Any, Any]":
    """Every run of so many bytes, as one element each: shape [bytes - width + 1]."""
    import numpy as np

    if width == 1:
        return data
    return np.ndarray((max(len(data) - width + 1, 0),), f"V{width}", data, 0, (1,))


def _distinct(lengths: "np.ndarray[Any, Any]") -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """The distinct ones, ascending, and the place of each among them."""
    import numpy as np

    most = int(lengths.max(initial=0))
    if most > _TABLE:
        known, places = np.unique(lengths, return_inverse=True)
        return known, places
    table = np.zeros(most + 1, np.int64)
    table[lengths] = 1
    known = np.flatnonzero(table)
    table[known] = np.arange(len(known))
    return known, table[lengths]
