"""TFDV's histograms of numbers, bit by bit the same, without a call of Python for each of their buckets.

TFDV makes them from quantiles in loops over buckets, which is most of what statistics of thousands of columns cost.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from tensorflow_metadata.proto.v0 import statistics_pb2


@contextmanager
def fast_histograms() -> Iterator[None]:
    """TFDV makes its histograms by the functions below, inside the block."""
    from tensorflow_data_validation.utils import quantiles_util

    with ExitStack() as stack:
        for made in (generate_quantiles_histogram, generate_equi_width_histogram):
            known = getattr(quantiles_util, made.__name__)
            stack.enter_context(replaced(quantiles_util, made.__name__, _or(made, known)))
        yield


@contextmanager
def replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    """What a module has under a name is something else inside the block."""
    known = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, known)


def _or(made: Callable[..., Any], known: Callable[..., Any]) -> Callable[..., Any]:
    """The first, or where it has no answer TFDV's own."""

    def either(*arguments: Any, **named: Any) -> Any:
        found = made(*arguments, **named)
        return known(*arguments, **named) if found is None else found

    return either


def generate_quantiles_histogram(
    quantiles: "np.ndarray[Any, Any]", cumulative_counts: "np.ndarray[Any, Any]"
) -> "statistics_pb2.Histogram | None":
    """A bucket between each two quantiles.

    Args:
        quantiles: ascending, shape [buckets + 1].
        cumulative_counts: rows of at most each of them, same shape.

    Returns:
        The histogram; None where counts are no whole numbers, whose sums depend on their order.
    """
    from tensorflow_metadata.proto.v0 import statistics_pb2

    counts = _counts(quantiles, cumulative_counts)
    if counts is None:
        return None
    return _histogram(statistics_pb2.Histogram.QUANTILES, quantiles[:-1], quantiles[1:], counts)


def generate_equi_width_histogram(
    quantiles: "np.ndarray[Any, Any]",
    cumulative_counts: "np.ndarray[Any, Any]",
    finite_min: float,
    finite_max: float,
    num_buckets: int,
    num_pos_inf: float,
) -> "statistics_pb2.Histogram | None":
    """Buckets of equal widths; rows are spread evenly between quantiles.

    Args:
        quantiles: ascending, shape [n].
        cumulative_counts: rows of at most each of them, same shape.
        finite_min: the least finite value.
        finite_max: the largest finite value.
        num_buckets: how many there are.
        num_pos_inf: rows that are positive infinity.

    Returns:
        The histogram; None where a value is infinite, or counts are no whole numbers.
    """
    import numpy as np
    from tensorflow_metadata.proto.v0 import statistics_pb2

    if num_pos_inf or not len(quantiles) or not np.isfinite(quantiles[[0, -1]]).all():
        return None
    if finite_min == finite_max:
        edges = np.array([finite_min, finite_max])
    else:
        edges = np.linspace(finite_min, finite_max, num_buckets + 1)
    counts = _counts(quantiles, cumulative_counts)
    if counts is None or not np.isfinite(edges).all():
        return None
    lows, highs = quantiles[:-1], quantiles[1:]
    # Every pair of a bucket and a width that may share values, bucket by bucket within a width.
    firsts = np.searchsorted(highs, edges[:-1], side="left")
    lasts = np.searchsorted(lows, edges[1:], side="right")
    pairs = np.maximum(lasts - firsts, 0)
    width = np.repeat(np.arange(len(pairs)), pairs)
    bucket = np.arange(len(width)) - np.repeat(np.cumsum(pairs) - pairs - firsts, pairs)
    low, high, left, right = lows[bucket], highs[bucket], edges[width], edges[width + 1]
    with np.errstate(all="ignore"):
        shares = (np.minimum(right, high) - np.maximum(left, low)) / (high - low)
    shares[(left <= low) & (right >= high)] = 1.0
    # A single value at an edge counts once, to the left of it; the first width has none to its left.
    shares[(low == high) & (low == left)] = 0.0
    shares[(low == high) & (low == left) & (width == 0)] = 1.0
    totals = np.bincount(width, shares * counts[bucket], len(pairs))  # added up in the order of the buckets
    return _histogram(statistics_pb2.Histogram.STANDARD, edges[:-1], edges[1:], totals)


def _counts(
    quantiles: "np.ndarray[Any, Any]", cumulative_counts: "np.ndarray[Any, Any]"
) -> "np.ndarray[Any, Any] | None":
    """Rows of each bucket; those of buckets with the same end are shared out evenly."""
    import numpy as np

    cumulative = cumulative_counts.astype(np.float64)
    if len(cumulative) < 2 or not (cumulative == np.floor(cumulative)).all():
        return None
    lows, highs, counts = quantiles[:-1], quantiles[1:], np.diff(cumulative)
    begins = np.flatnonzero(np.concatenate([[True], highs[1:] != highs[:-1]]))
    sizes = np.diff(np.append(begins, len(highs)))
    counts = np.repeat(np.add.reduceat(counts, begins) / sizes, sizes)
    alike = (lows == lows[0]) & (highs == highs[0])
    first = len(alike) if alike.all() else int(np.argmin(alike))
    if first:  # none where they are NaN
        counts[:first] += cumulative[0] / first
    return counts


def _histogram(
    kind: int, lows: "np.ndarray[Any, Any]", highs: "np.ndarray[Any, Any]", counts: "np.ndarray[Any, Any]"
) -> "statistics_pb2.Histogram":
    """The message, by way of its wire format: https://protobuf.dev/programming-guides/encoding."""
    import numpy as np
    from tensorflow_metadata.proto.v0 import statistics_pb2

    fields = statistics_pb2.Histogram.Bucket.DESCRIPTOR.fields_by_name
    names = ("low_value", "high_value", "sample_count")
    layout = [
        ("head", "V2"),
        *((part, type_) for name in names for part, type_ in ((f"tag {name}", "u1"), (name, "<f8"))),
    ]
    buckets = np.empty(len(lows), np.dtype(layout))
    number = statistics_pb2.Histogram.DESCRIPTOR.fields_by_name["buckets"].number
    buckets["head"] = np.void(bytes([number << 3 | 2, buckets.itemsize - 2]))
    for name, values in zip(names, (lows, highs, counts), strict=True):
        buckets[f"tag {name}"] = fields[name].number << 3 | 1
        buckets[name] = values
    result = statistics_pb2.Histogram.FromString(buckets.tobytes())
    result.type = kind
    return result
