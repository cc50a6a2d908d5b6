"""The plots of a `metrics.json` as the report can draw them.

One that is not as it should be becomes a value that says why it cannot be drawn: the rest of the report stands.
"""

import re
from typing import Any

from pydantic import ValidationError

from weighbridge.evidence.plots import Bars, Calibration, Lines, Plotted, Roc, Table
from weighbridge.report.text import cut

# What a page can show and a person can read.
MOST_PLOTS = 20
MOST_ROWS = 50
MOST_TEXTS = 50
MOST_LETTERS = 200


class Undrawable(Plotted):
    """A plot that cannot be drawn, and why."""

    why: str


Plot = Roc | Calibration | Lines | Bars | Table | Undrawable

_MEANINGS: dict[str, type[Roc] | type[Calibration]] = {"roc": Roc, "calibration": Calibration}
_KINDS: dict[str, type[Lines] | type[Bars] | type[Table]] = {"lines": Lines, "bars": Bars, "table": Table}
# Which of several types a value was read as: a step in pydantic's path that is none in the plot.
_TYPE = re.compile(r"[\[(]|^(bool|int|float|str|nullable)$")


def read_plots(found: Any) -> dict[str, Plot]:
    """Each plot of a `metrics.json` by its name; never fails."""
    if not isinstance(found, dict):
        return {"plots": Undrawable(why="they are not a name and a plot each")}
    return {str(name): _read(str(name), plot, place) for place, (name, plot) in enumerate(found.items())}


def _read(name: str, plot: Any, place: int) -> Plot:
    if place >= MOST_PLOTS:
        return Undrawable(why=f"a report shows {MOST_PLOTS} plots at most")
    kind = plot.get("kind") if isinstance(plot, dict) else None
    model = _MEANINGS.get(name) or _KINDS.get(str(kind))
    if model is None:
        return Undrawable(why=f"its kind is {cut(repr(kind), 40)}; known are {', '.join(_KINDS)}")
    try:
        return model.model_validate(plot)
    except ValidationError as error:
        return Undrawable(why=_problem(error))


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"] if not _TYPE.search(str(step)))
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
