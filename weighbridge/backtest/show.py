"""A backtest as people read it: a table, and two charts over the spans."""

from typing import Any

from weighbridge.backtest.record import Backtest, Metric, SpanRecord, Value
from weighbridge.report.charts.series import Curve, series_chart


def table(backtest: Backtest) -> list[dict[str, str]]:
    """One row per span, all text."""
    return [_row(span, backtest.metric) for span in backtest.spans]


def _row(span: SpanRecord, metric: str) -> dict[str, str]:
    found = span.metrics.get(metric)
    drifted = [f"{distance.gate} {distance.observed:.3g} > {distance.threshold:.3g}" for distance in span.drifted]
    return {
        "span": span.span,
        "rows": f"{span.rows:,}" if span.rows is not None else "–",
        "moved": "; ".join(drifted) or "–",
        "candidate": interval_text(found.candidate) if found else "–",
        "production": interval_text(found.production) if found and found.production else "–",
        "change": _change(found),
        "p99": next((f"{value:.3g} ms" for value in span.p99_ms.values()), "–"),
        "decision": _decision(span),
    }


def _decision(span: SpanRecord) -> str:
    if span.decision == "pushed":
        return f"pushed as version {span.version}"
    return f"refused: {', '.join(span.refusals[:2])}" if span.decision == "refused" else f"failed: {span.message}"


def _change(metric: Metric | None) -> str:
    if metric is None or metric.change is None or metric.change.value is None:
        return "–"
    return f"{metric.change.value:+.4f} {metric.outcome}".strip()


def interval_text(value: Value) -> str:
    """`0.2414 (0.2289 to 0.2550)`."""
    if value.value is None:
        return "–"
    ends = f" ({value.low:.4f} to {value.high:.4f})" if value.low is not None and value.high is not None else ""
    return f"{value.value:.4f}{ends}"


HEADS = {
    "span": "span",
    "rows": "rows",
    "moved": "moved too far",
    "candidate": "refreshed model",
    "production": "in production",
    "change": "change",
    "p99": "p99",
    "decision": "decision",
}


def markdown(backtest: Backtest) -> str:
    """The table as Markdown."""
    rows = [[_escaped(row[name]) for name in HEADS] for row in table(backtest)]
    lines = [list(HEADS.values()), ["---"] * len(HEADS), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def quality_chart(backtest: Backtest) -> Any:
    """The metric of the refreshed model and of the one in production, on the same rows of each span."""
    curves = []
    for model in ("candidate", "production"):
        points = [
            (span.span, value.value, value.low, value.high)
            for span in backtest.spans
            if (found := span.metrics.get(backtest.metric)) and (value := getattr(found, model))
            if value.value is not None
        ]
        if points:
            curves.append(Curve(model, points))
    return series_chart(f"{backtest.metric} by {backtest.step}", curves, x_label=backtest.step, y_label=backtest.metric)


def drift_chart(backtest: Backtest) -> Any:
    """How far each feature moved, as a share of its threshold: above 1 is too far."""
    gates = list(dict.fromkeys(distance.gate for span in backtest.spans for distance in span.distances))
    furthest = sorted(gates, key=lambda gate: -max(_shares(backtest, gate).values()))[:5]
    curves = [
        Curve(gate, [(span, share, None, None) for span, share in _shares(backtest, gate).items()]) for gate in furthest
    ]
    return series_chart(
        f"Drift by {backtest.step}",
        curves,
        x_label=backtest.step,
        y_label="distance / its threshold; above 1 is too far",
    )


def _shares(backtest: Backtest, gate: str) -> dict[str, float]:
    return {
        span.span: distance.observed / distance.threshold
        for span in backtest.spans
        for distance in span.distances
        if distance.gate == gate and distance.threshold
    }


def summary(backtest: Backtest) -> str:
    """One sentence: what happened, and whether refreshing pays."""
    spans = backtest.spans
    pushed = sum(span.decision == "pushed" for span in spans)
    found = [span.metrics[backtest.metric] for span in spans if backtest.metric in span.metrics]
    compared = [metric for metric in found if metric.change is not None and metric.change.value is not None]
    description = f"{len(spans)} of {backtest.total} spans: {pushed} pushed, {len(spans) - pushed} not."
    if compared:
        better, worse = (sum(metric.outcome == outcome for metric in compared) for outcome in ("better", "worse"))
        mean = sum(metric.change.value for metric in compared if metric.change and metric.change.value) / len(compared)
        description += (
            f" The refreshed model beat the one in production beyond doubt in {better} of {len(compared)} spans and "
            f"lost in {worse}; {backtest.metric} changed by {mean:+.4f} on average."
        )
    drifted = [span.span for span in spans if span.drifted]
    if drifted:
        description += f" Data moved beyond a threshold in {', '.join(drifted)}."
    return description
