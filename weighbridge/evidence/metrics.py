"""`metrics.json`: the quality that the Evaluator measured, slice by slice."""

from typing import Any, ClassVar

from weighbridge.evidence.base import EvidenceFile, Interval, Number

METRICS_FILE = "metrics.json"


class Metric(Interval):
    """One metric of the candidate on one slice.

    Attributes:
        name: of the metric.
        slice: `feature=value`, several joined by commas; empty for all rows.
        rows: how many the slice has.
        production: the same of the model in production on the same rows; None where nothing could be compared.
        change: candidate minus production, measured in pairs.
    """

    name: str
    slice: str
    rows: int
    production: Interval | None = None
    change: Interval | None = None


class Metrics(EvidenceFile):
    """The file.

    Attributes:
        split: of the examples that was weighed on.
        rows: that it has, or that the metrics provider judged.
        confidence: of the intervals, between 0 and 1.
        label: name of the label's column; empty where there is none.
        unit: column whose rows with the same value belong together; None where each row is independent.
        metrics: one per metric and slice.
        plots: of the metrics provider, by name: whatever it left, see `weighbridge.evidence.plots`.
    """

    FILE: ClassVar[str] = METRICS_FILE

    split: str
    rows: int
    confidence: Number
    label: str
    unit: str | None = None
    metrics: list[Metric]
    plots: Any

    def overall(self) -> list[Metric]:
        """The metrics on all rows."""
        return [metric for metric in self.metrics if not metric.slice]
