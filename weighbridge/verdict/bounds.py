"""Thresholds as people write them in `gates.yaml`, and how they judge a measurement.

A threshold is absolute (`min`, `max`), relative to production (`min_change`, `max_change`: candidate minus
production; `min_ratio`, `max_ratio`: candidate divided by production), or several of these at once. Each rule
is a gate of its own, so that a report says which of them refused.
"""

import math
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationInfo, field_validator, model_validator

from weighbridge.verdict.gate import Gate, Severity, Status, format_value

# Of zero or less everything or nothing would pass.
Ratio = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def told(*, unit: str = "", missing: str = "", against: str = "", each: str = "") -> dict[str, Any]:
    """What the reference of `gates.yaml` says of a key besides its description, as `json_schema_extra` of its field.

    Args:
        unit: of the value; empty for a word, a name, or what has none.
        missing: what happens where the data do not have what the key is about.
        against: what the value is compared with.
        each: what the names below the key are, where any may stand there: `metric`, `split`.
    """
    given = {"unit": unit, "missing": missing, "against": against, "each": each}
    return {name: text for name, text in given.items() if text}


_UNMEASURED = "what could not be measured, or is NaN, refuses"
_NOT_COMPARED = (
    "nothing in production yet: not compared, lets the model through; production that cannot be read refuses"
)
_RULES_UNIT = "of the quantity"


class Section(BaseModel):
    """Base of all sections of a thresholds file: unknown keys are refused, so a typo cannot open a gate.

    Nor is `true` a number, which Python takes for 1, nor a text that looks like one, and no number is infinite.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: Any, info: ValidationInfo) -> Any:
        annotation = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and not _takes_bool(annotation):
            raise ValueError(f"{str(value).lower()} is no value that can stand here")
        # Pydantic would read a number out of it.
        if isinstance(value, str) and _takes_only_numbers(annotation):
            raise ValueError(f"{value!r} is text and no finite number: write a number, without quotes")
        return value


@dataclass(frozen=True)
class Estimate:
    """A measured value and, where it was estimated from a sample, its confidence interval."""

    value: float
    low: float | None = None
    high: float | None = None


RULES = ("min", "max", "min_change", "max_change", "min_ratio", "max_ratio")


class Bounds(Section):
    """The rules for one measured quantity; at least one must be given."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [rule]} for rule in RULES]})

    min: FiniteFloat | None = Field(
        default=None,
        description="Least that the value may be.",
        json_schema_extra=told(unit=_RULES_UNIT, missing=_UNMEASURED),
    )
    max: FiniteFloat | None = Field(
        default=None,
        description="Most that the value may be.",
        json_schema_extra=told(unit=_RULES_UNIT, missing=_UNMEASURED),
    )
    min_change: FiniteFloat | None = Field(
        default=None,
        description="Least that candidate minus production may be; -0.01 allows a loss of 0.01.",
        json_schema_extra=told(unit=_RULES_UNIT, missing=_NOT_COMPARED, against="minus production's"),
    )
    max_change: FiniteFloat | None = Field(
        default=None,
        description="Most that candidate minus production may be.",
        json_schema_extra=told(unit=_RULES_UNIT, missing=_NOT_COMPARED, against="minus production's"),
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
        return any(_kind(rule) != "value" for rule in self.rules())

    def judge(
        self,
        name: str,
        observed: Estimate | float | None,
        *,
        baseline: Estimate | float | None = None,
        change: Estimate | None = None,
        ratio: Estimate | None = None,
        unit: str = "",
        conclusive: bool = False,
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
                else it is the difference of the two values.
            ratio: candidate divided by production, likewise.
            unit: of `observed`, `baseline` and `change`, such as `ms`; ratios have the unit `x`.
            conclusive: whether the whole confidence interval must lie on the allowed side; a value whose interval
                leaves that open is `inconclusive`.
            advice: what to do where the gate does not let the model through; ends the message.

        Returns:
            One gate per rule, named `<name>.<rule>`.
        """
        quantities = _quantities(observed, baseline, change, ratio)
        production = None if baseline is None else _estimate(baseline).value
        gates = []
        for rule, threshold in self.rules().items():
            kind = _kind(rule)
            gate_unit = "x" if kind == "ratio" else unit
            quantity = quantities[kind]
            status, message = _outcome(name, rule, quantity, threshold, gate_unit, conclusive)
            gates.append(
                Gate(
                    name=f"{name}.{rule}",
                    status=status,
                    severity=self.severity,
                    observed=None if quantity is None else quantity.value,
                    threshold=threshold,
                    baseline=production,
                    unit=gate_unit,
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
            rule
            for rule, threshold in self.rules().items()
            if (quantity := quantities[_kind(rule)]) is not None and _straddles(rule, quantity, threshold)
        ]


def _takes_bool(annotation: Any) -> bool:
    """Whether a field's type allows true and false as they are."""
    return annotation in (bool, Any) or any(_takes_bool(part) for part in get_args(annotation))


def _takes_only_numbers(annotation: Any) -> bool:
    """Whether a field's type is a number, or a number or nothing."""
    if get_origin(annotation) is Annotated:
        return _takes_only_numbers(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return all(_takes_only_numbers(part) for part in get_args(annotation) if part is not NoneType)
    return annotation in (int, float)


def _kind(rule: str) -> str:
    return rule.partition("_")[2] or "value"


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
    production = _estimate(baseline).value
    divided = value.value / production if production else math.nan
    return {
        "value": value,
        "change": change or Estimate(value.value - production),
        "ratio": ratio or Estimate(divided),
    }


def _within(rule: str, value: float, threshold: float) -> bool:
    return value >= threshold if rule.startswith("min") else value <= threshold


def _straddles(rule: str, quantity: Estimate, threshold: float) -> bool:
    ends = [end for end in (quantity.low, quantity.high) if end is not None]
    return len({_within(rule, end, threshold) for end in (*ends, quantity.value)}) == 2


def _outcome(
    name: str, rule: str, quantity: Estimate | None, threshold: float, unit: str, conclusive: bool
) -> tuple[Status, str]:
    subject = name.partition(".")[2] or name
    if quantity is None:
        return "not_compared", f"{subject}: nothing is in production yet to compare with."
    if not math.isfinite(quantity.value):
        missing = "could not be compared with production" if _kind(rule) != "value" else "could not be measured"
        return "unmeasured", f"{subject} {missing}, so it cannot pass."
    value = format_value(quantity.value, unit)
    if _kind(rule) == "ratio":
        value = f"{value} production"
    elif _kind(rule) == "change":
        value = f"{'+' if quantity.value >= 0 else ''}{value} against production"
    limit = f"must be at {'least' if rule.startswith('min') else 'most'} {format_value(threshold, unit)}"
    within = _within(rule, quantity.value, threshold)
    if within and conclusive and _straddles(rule, quantity, threshold):
        interval = f"{_end(quantity.low)} to {_end(quantity.high, unit)}"
        return "inconclusive", f"{subject} is inconclusive: {value} ({interval}), but {limit}. Measure more."
    if within:
        return "passed", f"{subject} is {value} ({limit})."
    return "refused", f"{subject} is {value}, but {limit}."


def _end(end: float | None, unit: str = "") -> str:
    """An end of an interval; one that too few measurements leave open is unknown."""
    return format_value(end, unit) if end is not None and math.isfinite(end) else "unknown"
