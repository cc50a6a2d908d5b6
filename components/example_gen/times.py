"""Times as people write them, and as data hold them: microseconds since 1970 in UTC. No tfx."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from weighbridge.common.errors import UsageError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DAY = timedelta(days=1) // _MICROSECOND
_BEFORE_END = re.compile(r"-([1-9]\d{0,5})([hdw])")
_ZONED = r"[T ].*(Z|[+-]\d{2}(:?\d{2})?)$"


def is_relative(start: object) -> bool:
    """Whether a start is written as so long before the end, e.g. `-28d`; no ISO time begins with a minus."""
    return isinstance(start, str) and start.startswith("-")


def before_end(start: str) -> int:
    """How long before the end a start like `-12h`, `-28d` or `-4w` is, in microseconds.

    Raises:
        UsageError: it is written in another way.
    """
    match = _BEFORE_END.fullmatch(start)
    if match is None:
        hint = "Write hours, days or weeks before the end as -12h, -28d or -4w."
        raise UsageError(f"time_splits: {start!r} is not a time before the end", hint)
    return int(match[1]) * _UNITS[match[2]] // _MICROSECOND


def microseconds(text: str) -> int:
    """An ISO time as microseconds since 1970; one without a zone is in UTC.

    Raises:
        UsageError: it is not an ISO time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "Write it as 2010-06-01 or 2010-06-01T12:00; a start also as -28d."
        raise UsageError(f"time_splits: {text!r} is not a time", hint) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def iso(time: int) -> str:
    """Microseconds since 1970 as an ISO time in UTC.

    Raises:
        UsageError: the calendar does not reach so far.
    """
    try:
        return (_EPOCH + time * _MICROSECOND).isoformat()
    except OverflowError as error:
        raise UsageError(f"time_splits: {time:,} microseconds since 1970 are in no year from 1 to 9999") from error


def midnight_after(time: int) -> int:
    """The first midnight in UTC that is later than `time`; both in microseconds since 1970."""
    return (time // _DAY + 1) * _DAY


def column_microseconds(column: Any, name: str) -> Any:
    """Binary ISO texts, or int64 microseconds as they are, as an int64 array; null stays null.

    Text is not compared as text, since other ways to write a time would go to wrong splits; one without a zone is in
    UTC.

    Raises:
        UsageError: the column `name` holds something else, or a text that is not an ISO time.
    """
    import pyarrow as pa

    if pa.types.is_integer(column.type):
        return column
    if not pa.types.is_binary(column.type):
        raise UsageError(f"time_column={name!r} holds {column.type}, but time_splits and time_end are times")
    text = column.cast(pa.string())
    for read in (_plain, _zoned, _mixed):
        try:
            return read(text).cast(pa.int64())
        except pa.ArrowInvalid as error:
            problem = error
    raise UsageError(
        f"time_column={name!r} holds text that is not an ISO time: {problem}", "Let the pipeline's prepare_fn parse it."
    )


def _plain(text: Any) -> Any:
    import pyarrow as pa

    return text.cast(pa.timestamp("us"))


def _zoned(text: Any) -> Any:
    import pyarrow as pa

    return text.cast(pa.timestamp("us", "UTC"))


def _mixed(text: Any) -> Any:
    """Some with a zone, some without: Arrow reads either, but not both at once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    zoned = pc.match_substring_regex(text, _ZONED)
    missing = pa.scalar(None, pa.string())
    naive = _plain(pc.if_else(zoned, missing, text)).cast(pa.timestamp("us", "UTC"))
    return pc.coalesce(naive, _zoned(pc.if_else(zoned, text, missing)))
