"""The `data` section of a thresholds file: what the data must be before a model is trained on it."""

from pydantic import Field, model_validator

from weighbridge.verdict import Bounds, Section, Severity


class LabelGates(Section):
    """What the label must be in every split.

    Attributes:
        feature: the label's name in the data.
        min_distinct: distinct values that the label must have at least.
        max_missing_fraction: share of rows, 0 to 1, that may lack the label.
        severity: of both gates.
    """

    feature: str = Field(min_length=1)
    min_distinct: int = Field(default=2, ge=1)
    max_missing_fraction: float = Field(default=0.0, ge=0.0, lt=1.0)
    severity: Severity = "blocking"


class Distances(Section):
    """How far apart one feature's distributions may be; both distances lie between 0 and 1.

    Attributes:
        linf: L-infinity: the largest difference of a value's share of the rows; categorical features only.
        jensen_shannon: Jensen-Shannon divergence, base 2; categorical and numeric features.
    """

    linf: Bounds | None = None
    jensen_shannon: Bounds | None = None

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
    """How far the training data may have moved, per feature.

    Attributes:
        production: from the data that the model in production was trained on.
        previous_span: from the newest earlier span of the data.
    """

    production: dict[str, Distances] = Field(default_factory=dict)
    previous_span: dict[str, Distances] = Field(default_factory=dict)


class DataGates(Section):
    """Thresholds for the data.

    Attributes:
        rows: per split, how many rows it must have; relative rules compare with the production model's data.
            A split without thresholds must have at least one row. Of a sample its share is asked.
        label: what the label must be; None where there is no label.
        anomalies: severity of departures from the schema.
        skew: per feature, how far the eval split may be from the train split.
        drift: how far the train split may have moved.
    """

    rows: dict[str, Bounds] = Field(default_factory=dict)
    label: LabelGates | None = None
    anomalies: Severity = "blocking"
    skew: dict[str, Distances] = Field(default_factory=dict)
    drift: Drift = Field(default_factory=Drift)
