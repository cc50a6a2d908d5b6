"""What a run measured with an interval, by name of what was measured: how surely its gates judge."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.evidence.base import EvidenceFile, Interval
from weighbridge.evidence.latency import AtOnce, Batch, Calls, LatencyReport
from weighbridge.evidence.metrics import Metrics
from weighbridge.runs.record import Run
from weighbridge.verdict import Estimate, Gate, Risk, Sampled
from weighbridge.verdict.estimate import of_an_equal


@dataclass(frozen=True)
class Measured:
    """One quantity: of the candidate, or of it against production.

    Attributes:
        interval: as evidence has it.
        confidence: of the interval, all looks together.
        looks: that shared what it may miss.
        rows: rows or calls that it was measured on; 0 where that is not known.
        in_production: the same of production; None where there was none.
        call_s: seconds that a call of every model that was timed takes together; 0 for what is no call.
    """

    interval: Interval
    confidence: float
    looks: int = 1
    rows: int = 0
    in_production: Interval | None = None
    call_s: float = 0.0

    @property
    def estimate(self) -> Estimate:
        """The value with its interval, NaN where an end is not known."""
        return _estimate(self.interval)

    @property
    def production(self) -> float | None:
        """Production's value; None where there was none."""
        return self.in_production.value if self.in_production else None

    def of_an_equal(self, kind: str) -> Estimate:
        """As sure as it would be of a model as good as production; see `weighbridge.verdict.estimate.of_an_equal`.

        Args:
            kind: `value`, `change` or `ratio`.
        """
        theirs = _estimate(self.in_production) if self.in_production else None
        return of_an_equal(kind, self.estimate, theirs)

    @property
    def made(self) -> Sampled:
        """How the interval was made."""
        return Sampled(Risk(false_pass=max((1 - self.confidence) / 2, 1e-12)), looks=self.looks)


class Measurements:
    """All that a run's evaluation measured with an interval.

    Attributes:
        by_name: `quality.auc change`: the subject of the gates, and what of it was measured.
    """

    def __init__(self, run: Run) -> None:
        self.by_name: dict[str, Measured] = {}
        for artifact in run.record.artifacts:
            if artifact.key == "evaluation":
                metrics, latency = _read(Metrics, Path(artifact.uri)), _read(LatencyReport, Path(artifact.uri))
                self.by_name |= dict(_of_metrics(metrics)) if metrics else {}
                self.by_name |= dict(_of_latency(latency)) if latency else {}

    def of(self, subject: str, kind: str) -> Measured | None:
        """What was measured of a subject, such as `latency.batch_1.p99_ms`: its `value`, `change` or `ratio`."""
        return self.by_name.get(f"{subject} {kind}")

    def of_gate(self, gate: Gate, risk: Risk) -> Measured | None:
        """What a gate judged; where its evaluation is not kept any more, as the gate itself tells it.

        Args:
            gate: of the run.
            risk: that its interval was made for.
        """
        subject, _, rule = gate.name.rpartition(".")
        found = self.of(subject, rule.partition("_")[2] or "value")
        if found is not None or gate.interval is None or not isinstance(gate.observed, int | float):
            return found
        production = Interval(value=gate.baseline) if isinstance(gate.baseline, int | float) else None
        interval = Interval(value=gate.observed, low=gate.interval[0], high=gate.interval[1])
        value = self.of(subject, "value")
        if value is not None:  # judged by the same rows and the same way
            return replace(value, interval=interval, in_production=value.in_production or production)
        return Measured(interval, risk.confidence, in_production=production)

    def interval(self, gate: str) -> tuple[float, float] | None:
        """The interval of what a gate of this name observed."""
        subject, _, rule = gate.rpartition(".")
        found = self.of(subject, rule.partition("_")[2] or "value")
        if found is None or found.interval.low is None or found.interval.high is None:
            return None
        return (found.interval.low, found.interval.high)


def _estimate(interval: Interval) -> Estimate:
    value, low, high = (float("nan") if end is None else end for end in (interval.value, interval.low, interval.high))
    return Estimate(value, low, high)


def _read(model: type[EvidenceFile], folder: Path) -> Any:
    try:
        return model.read(folder)
    except UsageError:  # of an earlier version: no interval is better than none of the rest
        return None


def _of_metrics(metrics: Metrics) -> Iterator[tuple[str, Measured]]:
    confidence = metrics.confidence or 0.9
    for metric in metrics.metrics:
        subject = ".".join(filter(None, ("quality", metric.slice, metric.name)))
        theirs = metric.production
        yield f"{subject} value", Measured(metric, confidence, rows=metric.rows, in_production=theirs)
        if metric.change:
            yield f"{subject} change", Measured(metric.change, confidence, rows=metric.rows, in_production=theirs)


def _of_latency(latency: LatencyReport) -> Iterator[tuple[str, Measured]]:
    confidence = latency.confidence or 0.95
    for name in ("load_ms", "peak_memory_bytes"):
        both = getattr(latency, name)
        yield f"latency.{name} value", Measured(both.candidate, confidence, in_production=both.production)
    variants = [(f"latency.{variant.name}", variant.batches) for variant in latency.variants]
    for prefix, batches in [("latency", latency.batches), *variants]:
        for batch in batches:
            yield from _of_batch(f"{prefix}.batch_{batch.batch_size}", batch, confidence)


def _of_batch(prefix: str, batch: Batch, confidence: float) -> Iterator[tuple[str, Measured]]:
    yield from _of_calls(prefix, batch, batch.batch_size, confidence)
    for at_once in batch.at_once:
        yield from _of_calls(f"{prefix}.concurrency_{at_once.threads}", at_once, batch.batch_size, confidence)
    if (found := batch.at_rate) is not None:
        production = found.production.p99_ms if found.production else None
        call_s = _call_s(batch, batch.batch_size)
        for kind, interval in (("value", found.candidate.p99_ms), ("ratio", found.ratio)):
            if interval is not None:
                measured = Measured(interval, confidence, batch.looks, batch.calls, production, call_s)
                yield f"{prefix}.at_rate.p99_ms {kind}", measured


def _of_calls(prefix: str, found: Batch | AtOnce, rows: int, confidence: float) -> Iterator[tuple[str, Measured]]:
    for kind, calls in (("value", found.candidate), ("ratio", found.ratio)):
        for quantity in Calls.model_fields if calls is not None else ():
            interval, theirs = getattr(calls, quantity), getattr(found.production, quantity, None)
            if interval is not None:
                measured = Measured(interval, confidence, found.looks, found.calls, theirs, _call_s(found, rows))
                yield f"{prefix}.{quantity} {kind}", measured


def _call_s(found: Batch | AtOnce, rows: int) -> float:
    """Seconds that a call of each model takes, together: the mean, which is what a budget pays."""
    rates = [each.throughput_rows_s.value for each in (found.candidate, found.production) if each]
    return sum(rows / rate for rate in rates if rate)
