"""The table of `weighbridge runs`: which run, on what, how it ended and why, in the width that there is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from weighbridge.runs.brief import data_name, weighed
from weighbridge.runs.record import Run

# Where no window limits it, a run is one line of at most this many characters.
PIPED_WIDTH = 120

# Of a column that may be cut, in a table that has room for all.
_ENOUGH = 24


@dataclass(frozen=True)
class _Column:
    """A column, and the width below which it says nothing; None for one that is never cut."""

    head: str
    least: int | None = None


_RUN = _Column("run")
_PIPELINE = _Column("pipeline", 12)
_KIND = _Column("kind", 9)
_KIND_IN_A_LINE = _Column("kind", 23)
_STATE = _Column("state")
_STARTED = _Column("started (UTC)")
_STARTED_SHORT = _Column("started")
_SECONDS = _Column("seconds")
_DATA = _Column("data", 8)
_METRIC = _Column("metric", 10)
_WHY = _Column("why", 14)
_METRIC_AND_WHY = _Column("metric, why", 16)

_ALL = (_RUN, _PIPELINE, _KIND, _STATE, _STARTED, _SECONDS, _DATA, _METRIC, _WHY)
_LINE = (_RUN, _PIPELINE, _KIND_IN_A_LINE, _STATE, _STARTED, _DATA, _METRIC, _WHY)
_NARROW = (_RUN, _PIPELINE, _KIND, _STATE, _STARTED_SHORT, _DATA, _METRIC_AND_WHY)
# An id begins with the time.
_NARROWER = (_RUN, _PIPELINE, _KIND, _STATE, _DATA, _METRIC_AND_WHY)
_NARROWEST = (_RUN, _STATE, _METRIC_AND_WHY)
_IDS = (_RUN, _STATE)


def runs_table(runs: Sequence[Run], width: int, *, one_line: bool) -> Table:
    """A table of runs that is at most `width` wide; an id is whole in any.

    Args:
        runs: those to show, whose verdicts are read.
        width: in characters.
        one_line: cut what does not fit with an ellipsis, instead of going on in the next line.
    """
    rows = [_cells(run) for run in runs]
    choices = (_ALL, _LINE) if one_line else (_ALL, _NARROW, _NARROWER, _NARROWEST, _IDS)
    for columns in choices:
        natural = {column: max(len(column.head), *(_longest(row[column]) for row in rows)) for column in columns}
        room = width - (len(columns) - 1)
        if sum(_least(natural, _ENOUGH if columns is _ALL else 0).values()) <= room:
            break
    widths = _shrunk(natural, room)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns:
        whole = one_line or column is _DATA
        table.add_column(
            column.head,
            width=widths[column],
            no_wrap=whole,
            overflow="ellipsis" if whole else "fold",
            justify="right" if column is _SECONDS else "left",
        )
    for row in rows:
        table.add_row(*(Text(row[column]) for column in columns))
    return table


def _longest(text: str) -> int:
    return max(map(len, text.split("\n")))


def _least(natural: Mapping[_Column, int], enough: int = 0) -> dict[_Column, int]:
    """What each column needs, and what is enough for those that may be cut."""
    return {
        column: wide if column.least is None else min(wide, max(column.least, enough))
        for column, wide in natural.items()
    }


def _shrunk(natural: Mapping[_Column, int], room: int) -> dict[_Column, int]:
    """Widths that fit: the column that has most of what it needs gives way first."""
    widths, least = dict(natural), _least(natural)
    while sum(widths.values()) > room:
        column = max(widths, key=lambda each: widths[each] / least[each])
        if widths[column] <= least[column]:
            break
        widths[column] -= 1
    return widths


def _cells(run: Run) -> dict[_Column, str]:
    record = run.record
    metric, why = weighed(run)
    return {
        _RUN: record.run_id,
        _PIPELINE: record.pipeline,
        _KIND: record.display_kind,
        _KIND_IN_A_LINE: record.display_kind,
        _STATE: record.display_state,
        _STARTED: f"{record.started:%Y-%m-%d %H:%M}",
        _STARTED_SHORT: f"{record.started:%m-%d %H:%M}",
        _SECONDS: f"{record.seconds:.1f}",
        _DATA: data_name(run),
        _METRIC: metric,
        _WHY: why,
        _METRIC_AND_WHY: "\n".join(filter(None, (metric, why))),
    }
