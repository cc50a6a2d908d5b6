"""Backtests by hand."""

from typing import Any

from weighbridge.backtest.record import Backtest, Distance, Metric, SpanRecord, Value


def metric(candidate: float, production: float | None = None, low: float = -0.01, high: float = 0.01) -> Metric:
    if production is None:
        return Metric(candidate=Value(value=candidate, low=candidate - 0.01, high=candidate + 0.01))
    return Metric(
        candidate=Value(value=candidate, low=candidate - 0.01, high=candidate + 0.01),
        production=Value(value=production, low=production - 0.01, high=production + 0.01),
        change=Value(value=candidate - production, low=low, high=high),
    )


def span(name: str, **changes: Any) -> SpanRecord:
    given = {"span": name, "start": f"{name}-01", "end": f"{name}-28", "decision": "pushed", "version": 1, "rows": 1034}
    return SpanRecord(**(given | changes))


def backtest(*spans: SpanRecord, total: int | None = None) -> Backtest:
    return Backtest(
        pipeline="shop",
        asked="sha256:0",
        step="month",
        metric="recall@20",
        spans=list(spans),
        total=total or len(spans),
    )


def moved(observed: float, threshold: float = 0.15) -> Distance:
    return Distance(
        gate="skew.StockCode.jensen_shannon", observed=observed, threshold=threshold, passed=observed <= threshold
    )
