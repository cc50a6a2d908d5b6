"""The metrics of a run, named as its gates are: `quality.auc` with `.low` and `.high`, `latency.batch_1.p99_ms`."""

import math
import re
from collections.abc import Iterator, Mapping

from weighbridge.evidence.base import Interval
from weighbridge.evidence.history import TrainingHistory
from weighbridge.evidence.latency import LatencyReport
from weighbridge.evidence.metrics import Metrics
from weighbridge.report.evidence import Evidence
from weighbridge.tracking.entry import Point
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.bounds import RULES

MOST = 1000
"""Metrics of a run: of a model with thousands of slices the report has the rest."""

_FIRST = ("quality", "latency", "training", "data", "push")
_MOST_STEPS = 1000
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_./ -]|\.(?=\.)|(?<=/)[./]")
_KEY = 250 - len(".production.high")


def points(evidence: Evidence, ended_ms: int, seconds: Mapping[str, float]) -> list[Point]:
    """All values of a run.

    Args:
        evidence: its verdict, and what its steps measured.
        ended_ms: when it ended.
        seconds: wall time of each step, by name.

    Returns:
        One of each metric in the order in which MLflow's page lists them, then training's values of each epoch.
    """
    found = dict[str, float]()
    # What the gates saw; what the steps measured comes after it and is more exact.
    for pairs in (
        _of_gates(evidence.verdict),
        _of_quality(evidence.metrics),
        _of_latency(evidence.latency),
        _named("seconds", seconds),
    ):
        for name, value in pairs:
            if value is not None and math.isfinite(value):
                found[metric_name(name)] = float(value)
    listed = [Point(key=key, value=value, time_ms=ended_ms) for key, value in sorted(found.items(), key=_rank)]
    return [*listed[:MOST], *_of_training(evidence.history, ended_ms)]


def metric_name(name: str) -> str:
    """A name that MLflow takes, also before version 3: `quality.card=Cash.auc` is `quality.card/Cash.auc` there.

    Its pages show what stands before the slash as a group.
    """
    return _FORBIDDEN.sub("_", name.replace("=", "/"))[:_KEY].strip("./ ") or "_"


def _rank(named: tuple[str, float]) -> tuple[int, bool, str]:
    """Quality first, then latency; of each what is of all rows before what is of slices."""
    group = named[0].partition(".")[0]
    return (_FIRST.index(group) if group in _FIRST else len(_FIRST)), "/" in named[0], named[0]


def _of_gates(verdict: Verdict) -> Iterator[tuple[str, float | None]]:
    for gate in verdict.gates:
        quantity, rule = _quantity(gate)
        if isinstance(gate.observed, bool) or not isinstance(gate.observed, int | float):
            continue
        yield quantity, gate.observed
        if gate.interval is not None:
            yield f"{quantity}.low", gate.interval[0]
            yield f"{quantity}.high", gate.interval[1]
        if rule in ("min", "max") and isinstance(gate.baseline, int | float):
            yield f"{quantity}.production", gate.baseline


def _quantity(gate: Gate) -> tuple[str, str]:
    """What a gate judged, and its rule: `quality.auc.change` of `quality.auc.min_change`."""
    subject, _, rule = gate.name.rpartition(".")
    if rule not in RULES:
        return gate.name, ""
    kind = rule.partition("_")[2]
    return (f"{subject}.{kind}" if kind else subject), rule


def _of_quality(metrics: Metrics | None) -> Iterator[tuple[str, float | None]]:
    for metric in metrics.overall() if metrics else ():
        name = f"quality.{metric.name}"
        yield from _ends(name, metric)
        if metric.production is not None:
            yield f"{name}.production", metric.production.value
        if metric.change is not None:
            yield from _ends(f"{name}.change", metric.change)


def _of_latency(latency: LatencyReport | None) -> Iterator[tuple[str, float | None]]:
    if latency is None:
        return
    yield "latency.model_bytes", float(latency.model_bytes.candidate)
    yield from _ends("latency.load_ms", latency.load_ms.candidate)
    yield from _ends("latency.peak_memory_bytes", latency.peak_memory_bytes.candidate)
    for batch in latency.batches:
        for quantity in ("p50_ms", "p95_ms", "p99_ms", "p999_ms", "throughput_rows_s"):
            name = f"latency.batch_{batch.batch_size}.{quantity}"
            for calls, suffix in ((batch.candidate, ""), (batch.ratio, ".ratio")):
                value: Interval | None = getattr(calls, quantity, None)
                if value is not None:
                    yield from _ends(f"{name}{suffix}", value)
            production: Interval | None = getattr(batch.production, quantity, None)
            if production is not None:
                yield f"{name}.production", production.value


def _ends(name: str, interval: Interval) -> Iterator[tuple[str, float | None]]:
    yield name, interval.value
    if None not in (interval.low, interval.high) and interval.low != interval.high:
        yield f"{name}.low", interval.low
        yield f"{name}.high", interval.high


def _named(group: str, values: Mapping[str, float]) -> Iterator[tuple[str, float | None]]:
    for name, value in values.items():
        yield f"{group}.{name}" if name else group, value


def _of_training(history: TrainingHistory | None, ended_ms: int) -> list[Point]:
    """Epoch by epoch; the steps are the epochs, counted from one."""
    if history is None:
        return []
    left = [sum(history.seconds[epoch:]) for epoch in range(1, len(history.seconds) + 1)]
    return [
        Point(
            key=metric_name(f"training.{name}"),
            value=value,
            step=epoch,
            time_ms=ended_ms - round(1000 * (left[epoch - 1] if epoch <= len(left) else 0.0)),
        )
        for name, values in sorted(history.metrics.items())
        for epoch, value in enumerate(values[-_MOST_STEPS:], start=1 + max(0, len(values) - _MOST_STEPS))
        if value is not None and math.isfinite(value)
    ]
