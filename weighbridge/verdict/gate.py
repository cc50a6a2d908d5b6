"""The one small value that every gate returns, whatever it weighs."""

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

from weighbridge.verdict.risk import Rates
from weighbridge.verdict.shown import Shown

Status = Literal["passed", "refused", "inconclusive", "unmeasured", "not_compared"]
Severity = Literal["blocking", "warning"]
Value = bool | int | float | str | None
Interval = tuple[float | None, float | None]

STATUSES: tuple[Status, ...] = ("passed", "refused", "inconclusive", "unmeasured", "not_compared")


class Gate(Shown, BaseModel):
    """What one gate found.

    The last part of a name is the rule, as in `latency.batch_1.p99_ms.max` (observed must be at most the
    threshold) or `quality.auc.min_change` (candidate minus production must be at least the threshold), so a
    name, an observed value and a threshold are enough to understand a gate.

    Attributes:
        name: dotted, stable between runs: group, subject, rule.
        status: `passed`; `refused`; `inconclusive`, where the interval of what was measured leaves it open;
            `unmeasured`, where something needed for it could not be measured or read; or `not_compared`, where there
            is nothing yet to compare with. Inconclusive and unmeasured gates refuse too. A gate that compared
            nothing lets the model through, but weighed nothing.
        severity: a `blocking` gate that does not let the model through refuses the run; a `warning` is only shown.
        observed: what was measured, in `unit`; None where nothing could be measured.
        threshold: what is allowed, in `unit`.
        baseline: the same quantity of the model or data now in production; None where there is none.
        unit: unit of observed and threshold: ms, rows, bytes, x (ratio), or empty.
        interval: lower and upper end of the confidence interval that decided, in `unit`; None where none did, and for
            an end that too few measurements leave unknown.
        rates: how often such a gate is wrong; None for what was counted, or cannot be told.
        message: one sentence that tells a person what was found and, when refused, what to do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    status: Status
    severity: Severity = "blocking"
    observed: Value = None
    threshold: Value = None
    baseline: Value = None
    unit: str = ""
    interval: Interval | None = None
    rates: Rates | None = None
    message: str

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, data: Any, info: ValidationInfo) -> Any:
        """Files of earlier versions, kept beside models in production, say `passed` where newer ones have a status."""
        if info.mode == "json" and isinstance(data, dict) and "status" not in data:
            data = dict(data)
            if isinstance(data.get("passed"), bool):
                data["status"] = passed_if(data.pop("passed"))
        return data

    @field_validator("observed", "threshold", "baseline", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        """JSON has no NaN: what is not a finite number is written as a word."""
        if hasattr(value, "item"):
            value = value.item()
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        return value

    @property
    def passed(self) -> bool:
        """Whether this gate lets the model through: it passed, or there is nothing yet to compare with."""
        return self.status in ("passed", "not_compared")

    @property
    def weighed(self) -> bool:
        """Whether something was measured and held against a threshold or a baseline."""
        return self.status in ("passed", "refused", "inconclusive")

    @property
    def refuses(self) -> bool:
        """Whether this gate alone refuses the run."""
        return not self.passed and self.severity == "blocking"

    @property
    def rule(self) -> str:
        """The last part of the name, e.g. `max`."""
        return self.name.rpartition(".")[2]

    @property
    def allowed(self) -> str:
        """The threshold as people write it, e.g. `≤ 20 ms`."""
        if self.threshold is None:
            return "–"
        sign = {"min": "≥ ", "max": "≤ "}.get(self.rule.partition("_")[0], "")
        return f"{sign}{format_value(self.threshold, self.unit)}"


def passed_if(holds: bool) -> Status:
    """The status of a gate that asks a question of yes or no."""
    return "passed" if holds else "refused"


def format_value(value: Value, unit: str = "") -> str:
    """A value as shown to people: four significant digits, thousands separated, unit behind; `–` for None."""
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        text = str(value)
    elif isinstance(value, int) or (value.is_integer() and abs(value) >= 1000):
        text = f"{int(value):,}"
    else:
        text = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return f"{text}{unit}" if unit in ("x", "%") else f"{text} {unit}".rstrip()
