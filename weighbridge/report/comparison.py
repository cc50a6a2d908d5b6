"""Two runs side by side, as people and machines see them: what they were made of, what they measured, how they ended.

`weighbridge.runs.compare` makes it; the card, the page and JSON are rendered from it and compute nothing of their own.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, computed_field

from weighbridge.evidence.base import Interval, Number
from weighbridge.verdict import Severity
from weighbridge.verdict.gate import Status, Value


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Side(_Frozen):
    """One of the two runs.

    Attributes:
        kind: as people see it, e.g. `run` or `partial run to DataValidator`.
        state: passed, refused, failed, running or killed.
        commit: of the pipeline's code; empty for none.
        refused_by: names of the gates that refused it.
        error: its first line, for a run that failed.
        folder: of the run.
    """

    run_id: str
    pipeline: str
    kind: str
    state: str
    started: datetime
    seconds: float
    commit: str = ""
    refused_by: tuple[str, ...] = ()
    error: str = ""
    folder: Path


class Fact(_Frozen):
    """Something that both runs were made of, or one of them.

    Attributes:
        name: what it is: a parameter, a step whose code it is, a library.
        before: of the first run; None where it has none.
        after: of the second run.
        note: one line more.
    """

    name: str
    before: Any = None
    after: Any = None
    note: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def changed(self) -> bool:
        """Whether the two are not the same."""
        return bool(self.before != self.after)


class FeatureDistance(_Frozen):
    """How far the distributions of one feature in the two train splits are apart.

    Attributes:
        feature: its name.
        value: Jensen-Shannon divergence, 0 (the same) to 1; None where the two cannot be compared.
        note: what changed most, or why they cannot be compared.
    """

    feature: str
    value: Number
    note: str = ""


class GateChange(_Frozen):
    """A gate as both runs judged it; what a run did not come to is None.

    Attributes:
        name: of the gate.
        unit: of thresholds and observed values.
    """

    name: str
    unit: str = ""
    threshold_before: Value = None
    threshold_after: Value = None
    severity_before: Severity | None = None
    severity_after: Severity | None = None
    status_before: Status | None = None
    status_after: Status | None = None
    observed_before: Value = None
    observed_after: Value = None

    @property
    def in_both(self) -> bool:
        """Whether both runs came to it."""
        return self.status_before is not None and self.status_after is not None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def threshold_changed(self) -> bool:
        """Whether both runs judged by it, and by another threshold or with another severity."""
        before, after = (self.threshold_before, self.severity_before), (self.threshold_after, self.severity_after)
        return self.in_both and before != after and not self._is_digest

    @computed_field  # type: ignore[prop-decorator]
    @property
    def status_changed(self) -> bool:
        """Whether both runs came to it, and it ended otherwise."""
        return self.in_both and self.status_before != self.status_after

    @property
    def _is_digest(self) -> bool:
        """Whether what is allowed is one model or state, of which each run has its own."""
        return any(isinstance(value, str) for value in (self.threshold_before, self.threshold_after))


class Measure(_Frozen):
    """One quantity as both runs measured it, with confidence intervals.

    Attributes:
        name: `auc`, `batch_1.p99_ms`.
        slice: `feature=value`; empty for all rows.
        unit: `ms`, `rows/s`, `bytes`, or empty.
        before: of the first run; None where it was not measured.
        after: of the second run.
        rows_before: rows that it was measured on; None where that does not apply.
        rows_after: likewise.
        paired: after minus before (of latency: after divided by before), where one of the runs measured both models
            side by side because the other's was in production.
    """

    name: str
    slice: str = ""
    unit: str = ""
    before: Interval | None = None
    after: Interval | None = None
    rows_before: int | None = None
    rows_after: int | None = None
    paired: Interval | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def change(self) -> float | None:
        """After minus before; None where one was not measured."""
        values = [None if side is None else side.value for side in (self.before, self.after)]
        if values[0] is None or values[1] is None:
            return None
        return values[1] - values[0]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def apart(self) -> bool | None:
        """Whether the difference is more than chance: the interval in pairs leaves out none, or the two do not overlap.

        None where there are no intervals to tell by.
        """
        if self.paired is not None and self.paired.low is not None and self.paired.high is not None:
            none = 1.0 if self.unit else 0.0
            return not self.paired.low <= none <= self.paired.high
        before, after = _ends(self.before), _ends(self.after)
        if before is None or after is None:
            return None
        return before[1] < after[0] or after[1] < before[0]


def _ends(side: Interval | None) -> tuple[float, float] | None:
    if side is None or side.low is None or side.high is None:
        return None
    return side.low, side.high


class RunComparison(_Frozen):
    """Two runs side by side.

    Attributes:
        before: the first run.
        after: the second run.
        data: what they read: where, digests, span, rows.
        features: distances of the features, the farthest first; empty where statistics are not kept here.
        code: commit, and digests of the code behind each step, of the definition, schema, files, image and libraries.
        parameters: of the pipeline, but for the data.
        sections: digests of each section of the thresholds file.
        gates: as both judged.
        metrics: on all rows.
        slices: on slices.
        latency: of calls, loading, size and memory.
        notes: what could not be compared and why, and how the numbers are to be read.
    """

    before: Side
    after: Side
    data: tuple[Fact, ...] = ()
    features: tuple[FeatureDistance, ...] = ()
    code: tuple[Fact, ...] = ()
    parameters: tuple[Fact, ...] = ()
    sections: tuple[Fact, ...] = ()
    gates: tuple[GateChange, ...] = ()
    metrics: tuple[Measure, ...] = ()
    slices: tuple[Measure, ...] = ()
    latency: tuple[Measure, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changed_facts(self) -> tuple[Fact, ...]:
        """All of data, code, parameters and thresholds that is not the same."""
        return tuple(fact for fact in (*self.data, *self.code, *self.parameters, *self.sections) if fact.changed)

    def __repr__(self) -> str:
        from weighbridge.report.comparison_rows import comparison_text

        return comparison_text(self)

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        from weighbridge.report.notebook import comparison_html

        return comparison_html(self)
