"""What a report shows of a served model: its responses at the declared rate, and the rates up to the knee."""

from markupsafe import Markup

from weighbridge.evidence.base import Interval
from weighbridge.evidence.served import Loaded, Rate, ServedReport
from weighbridge.evidence.sizing import Sizing
from weighbridge.report.charts.bars import histogram_chart
from weighbridge.report.charts.series import Curve, series_chart
from weighbridge.report.tables import Row, interval_text
from weighbridge.report.text import bytes_text, number_text

_MODELS = {"candidate": "candidate", "production": "production"}
_DRAWN = 3.0  # times the limit: beyond, a server only piles up


def models_of(served: ServedReport) -> dict[str, Loaded]:
    """What was loaded, by name."""
    both = {"candidate": served.candidate, "production": served.production}
    return {name: model for name, model in both.items() if model}


def response_rows(served: ServedReport) -> list[Row]:
    """A row per model and for their ratio: its name, requests, p50, p95, p99 and p99.9 in ms, and failures."""
    rows: list[Row] = []
    for name, model in models_of(served).items():
        percentiles = (model.p50_ms, model.p95_ms, model.p99_ms, model.p999_ms)
        values = [_value(each) for each in percentiles]
        rows.append((name, number_text(model.requests), *values, _share(model.error_rate)))
    if served.ratio:
        percentiles = (served.ratio.p50_ms, served.ratio.p95_ms, served.ratio.p99_ms, served.ratio.p999_ms)
        rows.append(("ratio", "", *(interval_text(each, "x") for each in percentiles), ""))
    return rows


def capacity_rows(served: ServedReport) -> list[Row]:
    """What else was measured: quantity, candidate, production; what neither has is left out."""
    models = models_of(served)
    found: list[tuple[str, dict[str, str]]] = [
        ("highest rate within the limits (requests/s)", {n: _rate(m.max_rate_rps) for n, m in models.items()}),
        ("cost of a million predictions", {n: _known(m.cost_per_million) for n, m in models.items()}),
        ("processor time of a request (ms)", {n: _number(m.cpu_ms) for n, m in models.items()}),
        ("memory at its highest", {n: bytes_text(m.memory_bytes) for n, m in models.items()}),
        ("failures", {n: _failures(m) for n, m in models.items()}),
        ("waited for a free connection", {n: _percent(m.queued) for n, m in models.items()}),
        ("generator late, 99th percentile (ms)", {n: _number(m.lag_ms) for n, m in models.items()}),
    ]
    rows = [(name, *(values.get(model, "–") for model in _MODELS)) for name, values in found]
    return [row for row in rows if row[1:] != ("–", "–")]


def rate_rows(served: ServedReport) -> list[Row]:
    """A row per rate that was tried: model, rate, requests, p50 and p99 in ms, failures, answered, and what it said."""
    return [
        (
            name,
            _number(each.rate_rps),
            number_text(each.requests),
            _number(each.p50_ms),
            _number(each.p99_ms),
            _percent(each.error_rate),
            _number(each.answered_rps),
            _said(each),
        )
        for name, model in models_of(served).items()
        for each in sorted(model.rates, key=lambda rate: rate.rate_rps)
    ]


def sizing_rows(sizing: Sizing) -> list[Row]:
    """What delivery writes into manifests: name and value."""
    rows: list[Row] = [
        ("replicas", number_text(sizing.replicas)),
        ("processor of a replica", f"{number_text(sizing.cpu_millicores)} m"),
        ("memory of a replica", bytes_text(sizing.memory_bytes)),
        ("requests/s of all replicas", number_text(sizing.rate_rps)),
        ("requests/s of a replica, at most", number_text(sizing.max_rps_per_replica)),
        ("left free", f"{sizing.headroom:.0%}"),
    ]
    if sizing.cost_per_million is not None:
        rows.append(("cost of a million predictions", number_text(sizing.cost_per_million)))
    return rows


def served_charts(served: ServedReport) -> list[Markup]:
    """The responses at the declared rate, and the 99th percentile by rate with its limit."""
    charts = []
    models = models_of(served)
    histograms = {
        name: (model.histogram.edges_ms, model.histogram.counts)
        for name, model in models.items()
        if model.histogram and sum(model.histogram.counts) and len(model.histogram.edges_ms) > 1
    }
    if histograms:
        marks = {
            name: {
                mark: each.value
                for mark, each in (("p50", models[name].p50_ms), ("p99", models[name].p99_ms))
                if each.value is not None
            }
            for name in histograms
        }
        title = f"Responses at {number_text(served.rate_rps)} requests/s"
        charts.append(histogram_chart(title, histograms, _MODELS, marks, x_label="response time", unit="ms"))
    if curves := [curve for name, model in models.items() if (curve := _curve(name, model, served.limit_ms)).points]:
        if served.limit_ms is not None:
            rates = [x for curve in curves for x, *_ in curve.points if not isinstance(x, str)]
            ends = (min(rates), max(rates))
            curves.append(Curve("limit", [(x, served.limit_ms, None, None) for x in ends]))
        charts.append(series_chart(_knees(models), curves, x_label="requests/s", y_label="response p99 (ms)"))
    return charts


def _curve(name: str, model: Loaded, limit_ms: float | None) -> Curve:
    """The 99th percentile by rate: of one that was tried twice, what the later try showed."""
    latest = {each.rate_rps: each.p99_ms for each in model.rates if each.p99_ms is not None}
    most = None if limit_ms is None else _DRAWN * limit_ms
    return Curve(name, [(x, y if most is None else min(y, most), None, None) for x, y in sorted(latest.items())])


def _knees(models: dict[str, Loaded]) -> str:
    found = [
        f"{name} {_least(model.max_rate_rps)}{_number(model.max_rate_rps.value)}/s"
        for name, model in models.items()
        if model.max_rate_rps and model.max_rate_rps.value is not None
    ]
    return f"Limits hold up to {', '.join(found)}" if found else "99th percentile by rate"


def _said(rate: Rate) -> str:
    if rate.limited:
        return "the generator could do no more"
    return f"{'held' if rate.held else 'did not hold'}{', for certain' if rate.surely else ''}"


def _value(interval: Interval) -> str:
    if interval.value is None:
        return "not measured"
    if interval.high is None and interval.low is not None:
        return f"{_number(interval.value)} ({_number(interval.low)} to unknown)"
    return interval_text(interval)


def _known(interval: Interval | None) -> str:
    return "–" if interval is None or interval.value is None else interval_text(interval)


def _rate(interval: Interval | None) -> str:
    return "–" if interval is None or interval.value is None else f"{_least(interval)}{interval_text(interval)}"


def _least(interval: Interval) -> str:
    """Where no rate broke for certain, how much higher the highest lies is not known."""
    return "at least " if interval.high is None else ""


def _share(interval: Interval) -> str:
    if interval.value is None:
        return "not measured"
    most = "" if interval.high is None else f" (at most {interval.high:.2%})"
    return f"{interval.value:.2%}{most}"


def _number(value: float | None) -> str:
    return "–" if value is None else number_text(float(f"{value:.3g}"))


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"


def _failures(model: Loaded) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in model.errors.items()) or "none"
