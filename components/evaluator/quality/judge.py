"""Judging quality: thresholds on metrics, on all rows and on slices."""

from collections.abc import Iterable, Mapping

from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.metric_gates import MetricBounds, SliceGates
from weighbridge.components.evaluator.quality.metrics_api import MetricRow, MetricsResponse
from weighbridge.verdict import Gate, Sampled
from weighbridge.verdict.holm import only_proven

GROUP = "quality"
NAN = float("nan")

_ADVICE = "The metrics by slice show where the model falls short."


def judge(gates: QualityGates, response: MetricsResponse, *, in_production: bool) -> list[Gate]:
    """Judge what a provider measured; a metric or slice that it did not measure is `unmeasured`, and refused.

    Args:
        gates: thresholds on metrics, on all rows and on slices.
        response: the metrics, one row per metric and slice.
        in_production: whether there is a model in production, so that relative thresholds need its value.
    """
    judged = _metric_gates(gates, GROUP, gates.metrics, _by_name(response.metrics, ""), in_production)
    sliced = [
        gate for entry in gates.slice_metrics for gate in _slice_gates(gates, entry, response.metrics, in_production)
    ]
    # Where only what is proven refuses, the chance of a refusal must not grow with the number of slices.
    return judged + (only_proven(sliced, Sampled(gates.risk)) if gates.on_undecided == "warn" else sliced)


def _slice_gates(gates: QualityGates, entry: SliceGates, rows: Iterable[MetricRow], in_production: bool) -> list[Gate]:
    sizes = {
        row.slice: row.rows
        for row in rows
        if tuple(feature for feature, _ in row.key) == entry.features and entry.wanted in (None, row.slice)
    }
    if not sizes:
        missing = entry.wanted or ", ".join(entry.features)
        message = f"There is no row of slice {missing}, so it cannot pass."
        return [Gate(name=f"{GROUP}.{missing}.present", status="unmeasured", message=message)]
    least = entry.min_rows or gates.min_slice_rows
    judged = []
    for name, size in sizes.items():
        if size < least:
            judged.append(_small(name, size, least, entry))
        else:
            judged += _metric_gates(gates, f"{GROUP}.{name}", entry.metrics, _by_name(rows, name), in_production)
    return judged


def _small(name: str, size: int, least: int, entry: SliceGates) -> Gate:
    return Gate(
        name=f"{GROUP}.{name}.rows.min",
        status="refused",
        severity=entry.small,
        observed=size,
        threshold=least,
        unit="rows",
        message=f"Slice {name} has {size:,} of the {least:,} rows that judging {', '.join(entry.metrics)} on it takes: "
        "weigh on more data, or lower min_rows.",
    )


def _metric_gates(
    gates: QualityGates,
    prefix: str,
    metrics: Mapping[str, MetricBounds],
    rows: Mapping[str, MetricRow],
    in_production: bool,
) -> list[Gate]:
    return [
        gate
        for name, bounds in metrics.items()
        for gate in _judge(gates, bounds, f"{prefix}.{name}", rows.get(name), in_production)
    ]


def _judge(
    gates: QualityGates, bounds: MetricBounds, name: str, row: MetricRow | None, in_production: bool
) -> list[Gate]:
    if row is None:
        advice = "The metrics provider did not return it."
        return bounds.judge(name, None, baseline=NAN if in_production else None, advice=advice)
    # A missing baseline is NaN, which is unmeasured, unless there is nothing in production to compare with.
    baseline = row.production or (NAN if in_production else None)
    sampled = Sampled(
        gates.risk,
        looks=gates.looks,
        on_undecided="warn" if gates.on_undecided == "warn" else "refuse",
        rows=row.rows,
        spread=bounds.retraining_sd or 0.0,
    )
    return bounds.judge(
        name, row.candidate, baseline=baseline, change=row.change, sampled=sampled, advice=row.note or _ADVICE
    )


def _by_name(rows: Iterable[MetricRow], slice_name: str) -> dict[str, MetricRow]:
    return {row.name: row for row in rows if row.slice == slice_name}
