"""The one small value that every gate returns, whatever it weighs."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

Severity = Literal["blocking", "warning"]
Value = bool | int | float | str | None


class Gate(BaseModel):
    """What one gate found.

    The last part of a name is the rule, as in `latency.batch_1.p99_ms.max` (observed must be at most the
    threshold) or `quality.auc.min_change` (candidate minus production must be at least the threshold), so a
    name, an observed value and a threshold are enough to understand a gate.

    Attributes:
        name: dotted, stable between runs: group, subject, rule.
        passed: whether the gate lets the model through.
        severity: a refused `blocking` gate refuses the run; a refused `warning` is only shown.
        observed: what was measured, in `unit`; None where nothing could be measured.
        threshold: what is allowed, in `unit`.
        baseline: the same quantity of the model or data now in production; None where there is none.
        unit: unit of observed and threshold: ms, rows, bytes, x (ratio), or empty.
        message: one sentence that tells a person what was found and, when refused, what to do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    passed: bool
    severity: Severity = "blocking"
    observed: Value = None
    threshold: Value = None
    baseline: Value = None
    unit: str = ""
    message: str

    @field_validator("observed", "threshold", "baseline", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        """JSON has no NaN: what is not a finite number is told in words."""
        if hasattr(value, "item"):
            value = value.item()
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        return value

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
