"""The `data` section of a thresholds file: what the data must be before a model is trained on it."""

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from weighbridge.verdict import Bounds, Section, Severity, told

ChangedSpans = Literal["blocking", "warning", "ignore"]

_ABSENT = "a feature that one side lacks refuses"


# A distance has a largest value, and no other rule.
_DISTANCE = {
    "required": ["max"],
    "propertyNames": {"enum": ["max", "severity"]},
    "properties": {"max": {"minimum": 0, "maximum": 1}},
}


class LabelGates(Section):
    """What the label must be in every split."""

    feature: str = Field(
        min_length=1,
        description="The label's name in the data.",
        json_schema_extra=told(missing="a label that no row of a split has refuses, whatever is allowed to be missing"),
    )
    min_distinct: int = Field(
        default=2,
        ge=1,
        description="Distinct values that the label must have at least, in every split.",
        json_schema_extra=told(
            unit="values",
            missing="a split without the label has none, and refuses",
            against="the split that has the fewest",
        ),
    )
    max_missing_fraction: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Share of a split's rows, 0 or more and less than 1, that may lack the label.",
        json_schema_extra=told(
            unit="share of rows", missing="data without any split refuse", against="the split that lacks the most"
        ),
    )
    severity: Severity = Field(default="blocking", description="Whether a wrong label refuses, or is only shown.")


class Distances(Section):
    """How far apart one feature's distributions may be: `max` alone, between 0 and 1; at least one distance."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["linf"]}, {"required": ["jensen_shannon"]}]},
    )

    linf: Bounds | None = Field(
        default=None,
        description="L-infinity: the largest difference of a value's share of the rows; for categorical features.",
        json_schema_extra=told(unit="0 to 1", missing=_ABSENT, against="the largest difference of a share") | _DISTANCE,
    )
    jensen_shannon: Bounds | None = Field(
        default=None,
        description="Jensen-Shannon divergence, base 2; for categorical and numeric features.",
        json_schema_extra=told(unit="0 to 1", missing=_ABSENT, against="the divergence") | _DISTANCE,
    )

    @model_validator(mode="after")
    def _sound(self) -> "Distances":
        given = self.measures()
        if not given:
            raise ValueError("a distance needs linf, jensen_shannon or both")
        for measure, bounds in given.items():
            if bounds.compares or bounds.min is not None or bounds.max is None:
                raise ValueError(f"{measure} is a distance: give it max, and no other rule")
            if not 0 <= bounds.max <= 1:
                raise ValueError(f"{measure} lies between 0 and 1, max {bounds.max} does not")
        return self

    def measures(self) -> dict[str, Bounds]:
        """The distances that have a threshold, by name."""
        both = {"linf": self.linf, "jensen_shannon": self.jensen_shannon}
        return {name: bounds for name, bounds in both.items() if bounds is not None}


class Drift(Section):
    """How far the training data may have moved, by feature."""

    production: dict[str, Distances] = Field(
        default_factory=dict,
        description="From the data that the model in production was trained on.",
        json_schema_extra=told(
            each="feature",
            against="the data that production was trained on",
            missing="nothing in production yet: not compared, lets the model through; "
            "statistics that cannot be read refuse",
        ),
    )
    previous_span: dict[str, Distances] = Field(
        default_factory=dict,
        description="From the newest earlier span of the data.",
        json_schema_extra=told(
            each="feature",
            against="the newest earlier span",
            missing="no earlier span: not compared, lets the model through; statistics that cannot be read refuse",
        ),
    )


class DataGates(Section):
    """What the data must be before a model is trained on them."""

    rows: dict[str, Bounds] = Field(
        default_factory=dict,
        description="By split, how many rows it must have; relative rules compare with the production model's data. "
        "Of a sample its share is asked.",
        json_schema_extra=told(
            each="split",
            against="the split's rows",
            unit="rows",
            missing="a split that is named and not there refuses; one that is not named must have a row",
        ),
    )
    label: LabelGates | None = Field(
        default=None,
        description="What the label must be; leave it out where there is no label.",
        json_schema_extra=told(missing="without this section no label is asked for"),
    )
    anomalies: Severity = Field(
        default="blocking",
        description="Whether departures from the schema refuse, or are only shown.",
        json_schema_extra=told(
            against="the reviewed schema.pbtxt",
            missing="a feature that the schema requires and the data lack is a departure",
        ),
    )
    changed_spans: ChangedSpans = Field(
        default="warning",
        description="Whether a span that an earlier run used, and whose files hold other bytes now, refuses, is only "
        "shown, or is not looked at.",
        json_schema_extra=told(
            against="the files' digests as earlier runs used them",
            missing="a span that no earlier run used is not compared, and lets the model through; "
            "a record of it that cannot be read refuses",
        ),
    )
    skew: dict[str, Distances] = Field(
        default_factory=dict,
        description="By feature, how far the eval split may be from the train split.",
        json_schema_extra=told(
            each="feature",
            against="the train split",
            missing="a split or feature that is not there refuses",
        ),
    )
    drift: Drift = Field(default_factory=Drift, description="How far the train split may have moved.")
