"""Plots that a metrics provider leaves in `metrics.json`, as values: drawn by their kind, whatever they mean.

One that is not as it should be becomes a value that says why it cannot be drawn: the rest of the report stands.
"""

import re
from typing import Any, Literal, Self

from pydantic import (
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from weighbridge.report.documents import Compared, Document, Number, Quantity
from weighbridge.report.text import cut

# What a page can show and a person can read.
MOST_PLOTS = 20
MOST_ROWS = 50
MOST_TEXTS = 50
MOST_LETTERS = 200

_Rate = tuple[Number, Number]
_Bin = tuple[Number, Number, Number]
Cell = StrictBool | StrictInt | StrictFloat | StrictStr | list[StrictStr] | None


class Roc(Compared[list[_Rate]]):
    """(false positive rate, true positive rate) of each model."""


class Calibration(Compared[list[_Bin]]):
    """(mean prediction, mean label, rows) per bin, of each model."""


class Series(Document):
    """One line: values over x, and the ends of their intervals where they are known. A null leaves its point out."""

    name: str
    x: list[StrictStr] | list[Number] = Field(max_length=1000)
    y: list[Number]
    low: list[Number] | None = None
    high: list[Number] | None = None

    @model_validator(mode="after")
    def _as_many_of_each(self) -> Self:
        for name in ("y", "low", "high"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.x):
                raise ValueError(f"{name} has {len(values)} values for {len(self.x)} of x")
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high belong together")
        return self


class Lines(Document):
    """Lines over numbers, or over names such as months. `candidate` and `production` have the colours of the models."""

    kind: Literal["lines"]
    title: str
    x_title: str = ""
    y_title: str = ""
    series: list[Series] = Field(min_length=1, max_length=6)

    @model_validator(mode="after")
    def _alike_but_for_their_names(self) -> Self:
        if len({series.name for series in self.series}) < len(self.series):
            raise ValueError("two series have one name")
        if len({type(value) is str for series in self.series for value in series.x if value is not None}) > 1:
            raise ValueError("x is text in one series and numbers in another")
        return self


class Bar(Document):
    """A value, its interval, and production's value where there is one."""

    name: str
    value: Number = None
    low: Number = None
    high: Number = None
    production: Quantity | None = None


class Bars(Document):
    """A bar per row, in the order given; of more than `MOST_ROWS` the first ones."""

    kind: Literal["bars"]
    title: str
    unit: str = ""
    rows: list[Bar] = Field(min_length=1)


class Table(Document):
    """Rows of numbers, texts and lists of texts; of more than `MOST_ROWS` the first ones."""

    kind: Literal["table"]
    title: str
    note: str = ""
    columns: list[str] = Field(min_length=1, max_length=12)
    rows: list[list[Cell]]

    @model_validator(mode="after")
    def _as_wide_as_its_head(self) -> Self:
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(self.columns):
                raise ValueError(f"row {number} has {len(row)} cells for {len(self.columns)} columns")
        return self


class Undrawable(Document):
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
