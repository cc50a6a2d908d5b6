"""The plots in `metrics.json`: what a metrics provider may leave, and a report draws by its kind.

The file keeps whatever a provider left: a plot that is not one of these costs the report that plot, and nothing else.
"""

from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from weighbridge.evidence.base import Number, finite

Points = TypeVar("Points")

Rate = tuple[Number, Number]
Bin = tuple[Number, Number, Annotated[int | float | None, BeforeValidator(finite)]]
Cell = StrictBool | StrictInt | StrictFloat | StrictStr | list[StrictStr] | None


class Plotted(BaseModel):
    """Base of plots: members that no report draws do no harm, and names may be numbers."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class OfModels(Plotted, Generic[Points]):
    """The points of the candidate and of the model in production, where there are any."""

    candidate: Points | None = None
    production: Points | None = None


class Ends(Plotted):
    """A value with its interval, where it has one."""

    value: Number = None
    low: Number = None
    high: Number = None


def _estimated(value: Any) -> Any:
    return value if value is None or isinstance(value, dict) else {"value": value}


class Roc(OfModels[list[Rate]]):
    """(false positive rate, true positive rate) of each model."""


class Calibration(OfModels[list[Bin]]):
    """(mean prediction, mean label, rows) per bin, of each model."""


class Series(Plotted):
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


class Lines(Plotted):
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


class Bar(Ends):
    """A value, its interval, and production's value where there is one."""

    name: str
    production: Annotated[Ends, BeforeValidator(_estimated)] | None = None


class Bars(Plotted):
    """A bar per row, in the order given; of many a report shows the first ones."""

    kind: Literal["bars"]
    title: str
    unit: str = ""
    rows: list[Bar] = Field(min_length=1)


class Table(Plotted):
    """Rows of numbers, texts and lists of texts; of many a report shows the first ones."""

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
