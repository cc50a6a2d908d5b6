"""Thresholds on a metric against the anchor, as they stand in `gates.yaml`."""

from pydantic import ConfigDict, Field, FiniteFloat, PositiveFloat, model_validator

from weighbridge.verdict import Section, Severity, told
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
