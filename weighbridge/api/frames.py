"""What a run measured as pandas frames: one row per measurement, numbers as numbers, ready to be plotted or joined."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weighbridge.evidence.base import Interval
from weighbridge.evidence.history import TrainingHistory
from weighbridge.evidence.latency import Batch, LatencyReport
from weighbridge.evidence.metrics import Metrics
from weighbridge.report.features import Feature, Numbers, Words
from weighbridge.report.gate_groups import group_of
from weighbridge.verdict import Gate

if TYPE_CHECKING:
    import pandas as pd

METRICS = ("metric", "slice", "rows", "value", "low", "high")
_PRODUCTION = ("production", "production_low", "production_high", "change", "change_low", "change_high")
_RATES = ("low", "high", "false_pass", "false_refusal")
_GATES = ("name", "group", "status", "severity", "observed", "threshold", "baseline", "unit", *_RATES, "message")
_QUANTITIES = ("p50_ms", "p95_ms", "p99_ms", "p999_ms", "throughput_rows_s")
_LATENCY = (
    "model",
    "batch_size",
    "calls",
    *(f"{name}{end}" for name in _QUANTITIES for end in ("", "_low", "_high")),
)
_NUMBERS = ("mean", "std", "min", "median", "max", "zeros")
_STATISTICS = ("feature", "split", "type", "rows", "missing", *_NUMBERS, "unique", "top", "top_share")


def frame(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], html: Callable[[], str], numbers: Sequence[str] = ()
) -> "pd.DataFrame":
    """A frame that a notebook shows as `html` draws it.

    Args:
        rows: by the names of their columns; what one lacks is missing.
        columns: in their order.
        html: draws it.
        numbers: columns that are numbers also where none of them has a value.
    """
    import pandas as pd

    from weighbridge.api.shown import ShownFrame

    found = pd.DataFrame(list(rows), columns=list(columns))
    return ShownFrame.of(found.astype(dict.fromkeys(numbers, "float64")), html)


def gate_rows(gates: Iterable[Gate]) -> list[dict[str, Any]]:
    """A row per gate, with its group, as `quality` is one, and the ends of its interval and its rates one by one."""
    return [_gate_row(gate) for gate in gates]


def _gate_row(gate: Gate) -> dict[str, Any]:
    low, high = gate.interval or (None, None)
    rates = gate.rates.model_dump() if gate.rates else {}
    return gate.model_dump() | {"group": group_of(gate), "low": low, "high": high} | rates


def gates_frame(gates: Sequence[Gate], html: Callable[[], str]) -> "pd.DataFrame":
    """name, group, status, severity, observed, threshold, baseline (of production), unit, the interval, rates, message.

    The interval that decided is `low` and `high`; `false_pass` and `false_refusal` are how often such a gate is wrong.
    """
    return frame(gate_rows(gates), _GATES, html, numbers=_RATES)


def metrics_frame(metrics: Metrics | None, html: Callable[[], str], *, slices: bool | None = None) -> "pd.DataFrame":
    """metric, slice (empty for all rows), rows, value, low, high, and the same of production and of the change.

    Args:
        metrics: None for none.
        html: draws it.
        slices: rows of slices alone, or of all rows alone; None for both.
    """
    found = [] if metrics is None else metrics.metrics
    rows = [
        {
            "metric": each.name,
            "slice": each.slice,
            "rows": each.rows,
            **_interval("", each),
            **_interval("production", each.production),
            **_interval("change", each.change),
        }
        for each in found
        if slices is None or bool(each.slice) == slices
    ]
    return frame(rows, METRICS + _PRODUCTION, html, METRICS[3:] + _PRODUCTION)


def latency_frame(latency: LatencyReport | None, html: Callable[[], str]) -> "pd.DataFrame":
    """A row per batch size and model (candidate, production, ratio, or a variant): each quantity with its interval."""
    rows = []
    for batch in latency.batches if latency else ():
        rows += _latency_rows(batch, "candidate")
    for variant in latency.variants if latency else ():
        for batch in variant.batches:
            rows += _latency_rows(batch, variant.name)[:1]
    return frame(rows, _LATENCY, html, _LATENCY[3:])


def statistics_frame(statistics: Mapping[str, Sequence[Feature]], html: Callable[[], str]) -> "pd.DataFrame":
    """A row per feature and split: type, rows, missing (a share), what numbers are like, and texts."""
    rows = [
        {"feature": feature.name, "split": split, "rows": feature.rows, "missing": feature.missing, **_values(feature)}
        for split, features in statistics.items()
        for feature in features
    ]
    rows.sort(key=lambda row: str(row["feature"]))
    return frame(rows, _STATISTICS, html, (*_NUMBERS, "unique", "top_share"))


def training_frame(history: TrainingHistory | None, html: Callable[[], str]) -> "pd.DataFrame":
    """A row per epoch, from 1: each metric, and seconds where they were noted."""
    columns = {} if history is None else dict(history.metrics)
    if history is not None and history.seconds:
        columns["seconds"] = list(history.seconds)
    rows = [
        {"epoch": number, **{name: values[number - 1] for name, values in columns.items() if number <= len(values)}}
        for number in range(1, max(map(len, columns.values()), default=0) + 1)
    ]
    return frame(rows, ("epoch", *columns), html, tuple(columns))


def _latency_rows(batch: Batch, name: str) -> list[dict[str, Any]]:
    models = {name: batch.candidate, "production": batch.production, "ratio": batch.ratio}
    return [
        {
            "model": model,
            "batch_size": batch.batch_size,
            "calls": batch.calls,
            **{key: value for one in _QUANTITIES for key, value in _interval(one, getattr(calls, one)).items()},
        }
        for model, calls in models.items()
        if calls is not None
    ]


def _interval(name: str, found: Interval | None) -> dict[str, float | None]:
    ends = (None, None, None) if found is None else (found.value, found.low, found.high)
    names = (name, f"{name}_low", f"{name}_high") if name else ("value", "low", "high")
    return dict(zip(names, ends, strict=True))


def _values(feature: Feature) -> dict[str, Any]:
    found = feature.distribution
    if isinstance(found, Numbers):
        return {"type": "number", **{name: getattr(found, name) for name in _NUMBERS}}
    if isinstance(found, Words):
        there = feature.rows * (1 - feature.missing)
        top, rows = found.values[0] if found.values else ("", 0.0)
        return {"type": "text", "unique": found.unique, "top": top, "top_share": rows / there if there else None}
    return {"type": ""}
