"""The columns of the taxi trips: which the model reads, how, and how the label comes about."""

from typing import TYPE_CHECKING

from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

LABEL = "big_tipper"
FARE = "fare"
TIPS = "tips"
BIG_TIP = 0.2  # of the fare

# What the model reads. Never `tips`, which is known only after the ride and would tell the label.
NUMERIC = ("fare", "trip_miles", "trip_seconds")
"""Numbers, normalised; missing is NaN, or -1 in the whole-number columns."""

BUCKETISED = (*NUMERIC, "pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude")
"""Numbers, each also as one of about `BUCKETS` equally filled buckets."""

CATEGORIES = (
    "trip_start_hour",
    "trip_start_day",
    "trip_start_month",
    "pickup_community_area",
    "dropoff_community_area",
)
"""Whole numbers that name something; missing is -1."""

TEXTS = ("payment_type", "company")
"""Text that names something; missing is empty."""

WHOLE_NUMBERS = frozenset({"trip_seconds", *CATEGORIES})
"""Columns of int64; all other numbers are float32."""

BUCKETS = 10


def prepare(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    """Add the label to a batch of raw trips: 1 where the tip is more than a fifth of the fare, else 0.

    Args:
        batch: raw columns, among them the numbers `tips` and `fare` in dollars. All of them are kept.

    Returns:
        The batch with an int64 column `big_tipper` at its end; the label is missing where tip or fare is. A batch
        that has that column already is returned as it is.

    Raises:
        UsageError: a column is missing or holds no numbers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if LABEL in batch.schema.names:
        return batch
    label = pc.greater(_number(batch, TIPS), pc.multiply(_number(batch, FARE), pa.scalar(BIG_TIP)))
    columns = [*batch.columns, label.cast(pa.int64())]
    return pa.RecordBatch.from_arrays(columns, names=[*batch.schema.names, LABEL])


def _number(batch: "pa.RecordBatch", name: str) -> "pa.Array":
    """A column as float64, with null for NaN, which would compare as false."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if name not in batch.schema.names:
        raise UsageError(
            f"The taxi trips have no column {name!r}, so the label {LABEL!r} cannot be told",
            f"Columns there: {', '.join(batch.schema.names)}.",
        )
    try:
        column = batch.column(batch.schema.get_field_index(name)).cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(f"Column {name!r} of the taxi trips holds something else than numbers: {error}") from error
    return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
