"""Thresholds as people write them in `gates.yaml`, and how they judge a measurement.

A threshold is absolute (`min`, `max`), relative to production (`min_change`, `max_change`: candidate minus
production; `min_ratio`, `max_ratio`: candidate divided by production), or several of these at once. Each rule
is a gate of its own, so that a report says which of them refused.
"""

import math
from typing import Annotated, Any

from pydantic import ConfigDict, Field, FiniteFloat, model_validator

from weighbridge.verdict.estimate import Estimate, change_of, of_an_equal, ratio_of
from weighbridge.verdict.gate import Gate, Severity
from weighbridge.verdict.outcome import Rule, interval_of, kind_of, outcome, rates
from weighbridge.verdict.risk import Sampled
from weighbridge.verdict.section import Section, told

# Of zero or less everything or nothing would pass.
Ratio = Annotated[float, Field(gt=0, allow_inf_nan=False)]


_UNMEASURED = "what could not be measured, or is NaN, refuses"
_NOT_COMPARED = (
    "nothing in production yet: not compared, lets the model through; production that cannot be read refuses"
)
RULES_UNIT = "of the quantity"


RELATIVE_RULES = ("min_change", "max_change", "min_ratio", "max_ratio")
RULES = ("min", "max", *RELATIVE_RULES)


class Bounds(Section):
    """The rules for one measured quantity; at least one must be given."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [rule]} for rule in RULES]})

    min: FiniteFloat | None = Field(
        default=None,
        description="Least that the value may be.",
        json_schema_extra=told(unit=RULES_UNIT, missing=_UNMEASURED),
    )
    max: FiniteFloat | None = Field(
        default=None,
        description="Most that the value may be.",
        json_schema_extra=told(unit=RULES_UNIT, missing=_UNMEASURED),
    )
    min_change: FiniteFloat | None = Field(
        default=None,
        description="Least that candidate minus production may be; -0.01 allows a loss of 0.01.",
        json_schema_extra=told(unit=RULES_UNIT, missing=_NOT_COMPARED, against="minus production's"),
    )
    max_change: FiniteFloat | None = Field(
        default=None,
        description="Most that candidate minus production may be.",
        json_schema_extra=told(unit=RULES_UNIT, missing=_NOT_COMPARED, against="minus production's"),
    )
    min_ratio: Ratio | None = Field(
        default=None,
        description="Least that candidate divided by production may be; more than 0.",
        json_schema_extra=told(unit="x", missing=_NOT_COMPARED, against="divided by production's"),
    )
    max_ratio: Ratio | None = Field(
        default=None,
        description="Most that candidate divided by production may be; more than 0.",
        json_schema_extra=told(unit="x", missing=_NOT_COMPARED, against="divided by production's"),
    )
    severity: Severity = Field(
        default="blocking", description="Whether a value on the wrong side refuses the model, or is only shown."
    )

    @model_validator(mode="after")
    def _some_rule(self) -> "Bounds":
        if not self.rules():
            raise ValueError(f"a threshold needs at least one of {', '.join(RULES)}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}: nothing could pass")
        return self

    def rules(self) -> dict[str, float]:
        """The rules that are given, by name."""
        return {rule: value for rule in RULES if (value := getattr(self, rule)) is not None}

    @property
    def compares(self) -> bool:
        """Whether a rule needs the model in production."""
        return any(kind_of(rule) != "value" for rule in self.rules())

    def judge(
        self,
        name: str,
        observed: Estimate | float | None,
        *,
        baseline: Estimate | float | None = None,
        change: Estimate | None = None,
        ratio: Estimate | None = None,
        unit: str = "",
        sampled: Sampled | None = None,
        advice: str = "",
    ) -> list[Gate]:
        """Judge one measured quantity by every rule given.

        What could not be measured is `unmeasured`: None or NaN as `observed`, NaN as `baseline`. Only a baseline of
        None (nothing in production yet) makes a relative rule `not_compared`, which lets the model through.

        Args:
            name: name of the gate without the rule.
            observed: the candidate's value, in `unit`.
            baseline: production's value, in `unit`; None where nothing is in production.
            change: candidate minus production with its interval, where it was measured in pairs;
                else it is the difference of the two values, as if they were independent.
            ratio: candidate divided by production, likewise.
            unit: of `observed`, `baseline` and `change`, such as `ms`; ratios have the unit `x`.
            sampled: how what was estimated from a sample is judged: the whole interval must lie on the allowed side to
                pass, and on the other to be refused; else it is `inconclusive`. Without it the value decides.
            advice: what to do where the gate does not let the model through; ends the message.

        Returns:
            One gate per rule, named `<name>.<rule>`.
        """
        quantities = _quantities(observed, baseline, change, ratio)
        in_production = None if baseline is None else _estimate(baseline)
        production = None if in_production is None else in_production.value
        subject = name.partition(".")[2] or name
        gates = []
        for rule in self._rules(unit):
            quantity = quantities[rule.kind]
            status, message = outcome(subject, rule, quantity, sampled)
            equal = None if quantity is None else of_an_equal(rule.kind, quantity, in_production)
            gates.append(
                Gate(
                    name=f"{name}.{rule.name}",
                    status=status,
                    severity="warning" if _only_shown(status, quantity, sampled) else self.severity,
                    observed=None if quantity is None else quantity.value,
                    threshold=rule.threshold,
                    baseline=production,
                    unit=rule.unit,
                    interval=interval_of(quantity, sampled),
                    rates=rates(rule, equal, production, sampled),
                    message=f"{message} {advice}" if advice and status not in ("passed", "not_compared") else message,
                )
            )
        return gates

    def undecided(
        self, observed: Estimate, *, change: Estimate | None = None, ratio: Estimate | None = None
    ) -> list[str]:
        """The rules whose threshold lies inside the confidence interval: more measuring may decide them."""
        quantities = {"value": observed, "change": change, "ratio": ratio}
        return [
            rule.name
            for rule in self._rules()
            if (quantity := quantities[rule.kind]) is not None and rule.leaves_open(quantity)
        ]

    def _rules(self, unit: str = "") -> list[Rule]:
        return [
            Rule(name, threshold, "x" if kind_of(name) == "ratio" else unit) for name, threshold in self.rules().items()
        ]


def _only_shown(status: str, quantity: Estimate | None, sampled: Sampled | None) -> bool:
    """Whether a gate that is left open does not block; one whose interval is not known does."""
    open_and_known = status == "inconclusive" and quantity is not None and quantity.known
    return open_and_known and sampled is not None and sampled.on_undecided == "warn"


def _estimate(value: Estimate | float | None) -> Estimate:
    if isinstance(value, Estimate):
        return value
    return Estimate(math.nan if value is None else float(value))


def _quantities(
    observed: Any, baseline: Any, change: Estimate | None, ratio: Estimate | None
) -> dict[str, Estimate | None]:
    value = _estimate(observed)
    if baseline is None:
        # What has no value would not have had one beside a model in production either.
        nothing = None if math.isfinite(value.value) else value
        return {"value": value, "change": nothing, "ratio": nothing}
    production = _estimate(baseline)
    return {
        "value": value,
        "change": change or change_of(value, production),
        "ratio": ratio or ratio_of(value, production),
    }
