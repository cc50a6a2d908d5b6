"""Writes a run's reports into its folder, each in one step."""

from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.common import files
from weighbridge.verdict.verdict import VERDICT_FILE

if TYPE_CHECKING:
    from weighbridge.report.evidence import Evidence

JUNIT_FILE = "junit.xml"
HTML_FILE = "report.html"
MARKDOWN_FILE = "report.md"
CHARTS_FOLDER = "charts"


def write_reports(folder: str | Path, evidence: "Evidence") -> list[Path]:
    """Write `verdict.json`, `junit.xml`, `report.md`, `report.html` and the two most telling charts as `charts/*.svg`.

    The same evidence gives the same bytes. The verdict is written first: should a rendering fail, what decides is
    there.

    Returns:
        Paths of the files.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    from weighbridge.report.html import render_html
    from weighbridge.report.junit import render_junit
    from weighbridge.report.markdown import render_markdown
    from weighbridge.report.telling import telling_pictures

    folder = Path(folder)
    written = [
        evidence.verdict.write(folder / VERDICT_FILE),
        files.write_text(folder / JUNIT_FILE, render_junit(evidence)),
        files.write_text(folder / MARKDOWN_FILE, render_markdown(evidence)),
        files.write_text(folder / HTML_FILE, render_html(evidence)),
    ]
    charts = [
        files.write_text(folder / CHARTS_FOLDER / f"{picture.name}.svg", picture.svg)
        for picture in telling_pictures(evidence)
    ]
    for stale in {*(folder / CHARTS_FOLDER).glob("*.svg")} - {*charts}:
        stale.unlink()
    return written + charts
