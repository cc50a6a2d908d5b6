"""A trend as one HTML page, under the same rules as the report: no script, no inline style, nothing fetched."""

from collections.abc import Iterable

from markupsafe import Markup

from weighbridge.report import trend as choices
from weighbridge.report.charts.trend import Cell, count_chart, duration_chart, run_chart, strip_chart
from weighbridge.report.html import environment
from weighbridge.report.text import count
from weighbridge.report.trend import Line, Trend, TrendRun

_SIGNS = {"min": "≥", "max": "≤"}
_NAMED = 3


def render_trend(trend: Trend) -> str:
    """A trend as an HTML page that refers to no other file than the runs' reports; the same trend, the same bytes."""
    days = [f"{run.started:%-d %b}" for run in trend.runs]
    refusing = choices.most_refusing(trend)
    rows = [
        (each.name, each.runs, f"{each.runs} of {count(len(trend.runs), 'run')}, last {each.last:%Y-%m-%d}")
        for each in refusing
    ]
    latency = [[line for line in lines if line.unit == lines[0].unit] for lines in choices.latency_lines(trend)]
    return (
        environment()
        .get_template("trend.html.j2")
        .render(
            trend=trend,
            counts=", ".join(f"{number} {outcome}" for outcome, number in choices.counts(trend.runs).items()),
            strip=strip_chart("Runs, the latest last", [_cell(run) for run in trend.runs]),
            metric_charts=[_chart(trend, days, [line]) for line in choices.metric_lines(trend)],
            latency_charts=[_chart(trend, days, lines) for lines in latency],
            refusing_chart=count_chart("Gates that refused most runs", rows) if rows else "",
            duration_chart=duration_chart(
                "Time that a run took", days, [run.seconds for run in trend.runs], [run.outcome for run in trend.runs]
            ),
            runs=[(run, _why(run)) for run in reversed(trend.runs)],
        )
    )


def _cell(run: TrendRun) -> Cell:
    return Cell(run.outcome, f"{run.outcome}: {run.run_id}, {run.started:%Y-%m-%d %H:%M}", run.report)


def _why(run: TrendRun) -> str:
    """What refused a run, or why it failed."""
    names = [gate.name for gate in run.verdict.refusals] if run.verdict else []
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return run.note or ", ".join(names[:_NAMED]) + more


def _chart(trend: Trend, days: list[str], lines: list[Line]) -> Markup:
    """A quantity with what was allowed and with production; of several the others beside the first."""
    first, *others = lines
    several = bool(others)
    place, _, _ = first.name.rpartition(".")
    drawn = {"candidate": (_percentile(first) if several else "candidate", first.observed)}
    if _any(first.production):
        drawn["production"] = (f"production{' ' + _percentile(first) if several else ''}", first.production)
    for series, line in zip(("train", "eval"), others, strict=False):
        drawn[series] = (_percentile(line), line.observed)
    limits = {_SIGNS[rule.partition("_")[0]]: values for rule, values in first.thresholds.items()}
    title = place if several else first.name
    return run_chart(title, days, drawn, limits, first.refused, unit=first.unit)


def _percentile(line: Line) -> str:
    return line.name.rpartition(".")[2].removesuffix("_ms")


def _any(values: Iterable[float | None]) -> bool:
    return any(value is not None for value in values)
