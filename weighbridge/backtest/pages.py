"""Files that a backtest leaves: `backtest.md`, `backtest.html`, and the charts as SVG."""

from pathlib import Path

from weighbridge.backtest import show
from weighbridge.backtest.record import Backtest
from weighbridge.common import files

QUALITY_FILE = "quality.svg"
DRIFT_FILE = "drift.svg"


def write_pages(backtest: Backtest, folder: Path) -> Path:
    """Render a backtest.

    Args:
        backtest: as far as it is done.
        folder: to write to.

    Returns:
        Path of the HTML page, which needs no other file and no script.
    """
    charts = {}
    if any(backtest.metric in span.metrics for span in backtest.spans):
        charts[QUALITY_FILE] = show.quality_chart(backtest)
    if any(span.distances for span in backtest.spans):
        charts[DRIFT_FILE] = show.drift_chart(backtest)
    for name, chart in charts.items():
        files.write_text(folder / name, str(chart))
    pictures = "".join(f"\n![{name.removesuffix('.svg')}]({name})\n" for name in charts)
    description = (
        f"# Backtest of {backtest.pipeline}\n\n{show.summary(backtest)}\n\n{show.markdown(backtest)}{pictures}"
    )
    files.write_text(folder / "backtest.md", description)
    return files.write_text(folder / "backtest.html", _html(backtest, list(charts.values())))


def _html(backtest: Backtest, charts: list[object]) -> str:
    from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined

    environment = Environment(
        loader=PrefixLoader(
            {"backtest": PackageLoader("weighbridge.backtest"), "report": PackageLoader("weighbridge.report")}
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("backtest/backtest.html.j2").render(
        backtest=backtest, summary=show.summary(backtest), heads=show.HEADS, rows=show.table(backtest), charts=charts
    )
