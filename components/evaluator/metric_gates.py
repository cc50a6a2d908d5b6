"""Thresholds on metrics: on all rows and on slices, absolute, against production and against the anchor."""

from typing import Annotated

from pydantic import (
    ConfigDict,
    Field,
    FiniteFloat,
    PositiveFloat,
    PositiveInt,
    StrictFloat,
    StrictInt,
    model_validator,
)

from weighbridge.verdict import Bounds, Section, Severity, told
from weighbridge.verdict.bounds import RELATIVE_RULES, RULES_UNIT

_ANCHORED = told(unit=RULES_UNIT, against="minus the anchor's")
_ANCHORED_RATIO = told(unit="x", against="divided by the anchor's")


class AnchorBounds(Section):
    """The rules for one metric against the anchor instead of production; at least one must be given."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [rule]} for rule in RELATIVE_RULES]})

    min_change: FiniteFloat | None = Field(
        default=None,
        description="Least that candidate minus anchor may be; -0.02 allows 0.02 to be lost since the anchor.",
        json_schema_extra=_ANCHORED,
    )
    max_change: FiniteFloat | None = Field(
        default=None, description="Most that candidate minus anchor may be.", json_schema_extra=_ANCHORED
    )
    min_ratio: PositiveFloat | None = Field(
        default=None, description="Least that candidate divided by anchor may be.", json_schema_extra=_ANCHORED_RATIO
    )
    max_ratio: PositiveFloat | None = Field(
        default=None, description="Most that candidate divided by anchor may be.", json_schema_extra=_ANCHORED_RATIO
    )
    severity: Severity = Field(
        default="blocking", description="Whether a value on the wrong side refuses the model, or is only shown."
    )

    @model_validator(mode="after")
    def _some_rule(self) -> "AnchorBounds":
        if not self.rules():
            raise ValueError(f"a threshold against the anchor needs at least one of {', '.join(RELATIVE_RULES)}")
        return self

    def rules(self) -> dict[str, float]:
        """The rules that are given, by name."""
        return {rule: value for rule in RELATIVE_RULES if (value := getattr(self, rule)) is not None}


class MetricBounds(Bounds):
    """The rules for one metric; at least one must be given."""

    anchor: AnchorBounds | None = Field(
        default=None,
        description="Rules against an earlier version, see `quality.anchor`: each promotion may lose a little, and all "
        "since then together no more than this.",
        json_schema_extra=told(
            missing="nothing in production yet: not compared; an anchor that is gone, or cannot be called, refuses",
            against="the anchor's metric on the same rows",
        ),
    )

    retraining_sd: PositiveFloat | None = Field(
        default=None,
        description="Standard deviation of the metric's change between two equally good trainings, which no rows make "
        "smaller; `weighbridge gates PIPELINE --simulate N` measures it. It decides nothing, but counts in how often "
        "such a model is said to be refused, and in the margin that this takes.",
        json_schema_extra=told(unit=RULES_UNIT),
    )


Metrics = Annotated[dict[str, MetricBounds], Field(min_length=1)]
Features = Annotated[tuple[str, ...], Field(min_length=1)]
SliceValue = str | StrictInt | StrictFloat  # a true would become 1
NO_ROW = "a slice that no row belongs to refuses"


class SliceGates(Section):
    """Thresholds on slices of the rows."""

    slice: Features | Annotated[dict[str, SliceValue], Field(min_length=1)] = Field(
        description="Features whose every value (or combination of values) is weighed, `[region]`; or one slice by its "
        "values, `{region: north}`, which must then be there.",
        json_schema_extra=told(missing=NO_ROW),
    )
    metrics: Metrics = Field(
        description="Thresholds by name of the metric.",
        json_schema_extra=told(
            unit="of the metric",
            missing="a metric that is not measured, or is NaN, refuses",
            against="the slice's metric",
            each="metric",
        ),
    )
    min_rows: PositiveInt | None = Field(
        default=None,
        description="Fewest rows that a slice is judged on; by default the section's `min_slice_rows`.",
        json_schema_extra=told(
            unit="rows",
            against="the slice's rows",
            missing="a smaller slice is not judged: it warns or refuses, see `small`",
        ),
    )
    small: Severity = Field(
        default="warning",
        description="What a slice with fewer rows does: warn or refuse. It is reported in either case.",
    )

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that cut the rows into slices."""
        return tuple(self.slice)

    @property
    def wanted(self) -> str | None:
        """The one slice that is named by its values, as `feature=value`; None where all values are weighed."""
        if not isinstance(self.slice, dict):
            return None
        return ",".join(f"{feature}={value}" for feature, value in self.slice.items())
