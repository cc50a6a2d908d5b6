"""Work in blocks of users, so that memory does not grow with their number."""

from collections.abc import Iterator

_CELLS = 1 << 19  # a few MiB of float64: what a core's cache can about hold


def blocks(rows: int, width: int) -> Iterator[slice]:
    """Slices that cover `rows` rows of `width` cells, each with about the same number of cells."""
    step = max(1, _CELLS // max(width, 1))
    for begin in range(0, rows, step):
        yield slice(begin, min(begin + step, rows))
