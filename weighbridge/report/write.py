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


def write_reports(folder: str | Path, evidence: "Evidence") -> list[Path]:
    """Write `verdict.json`, `junit.xml`, `report.md` and `report.html`; the same evidence gives the same bytes.

    The verdict is written first: should a rendering fail, what decides is there.

    Returns:
        Paths of the files.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    from weighbridge.report.html import render_html
    from weighbridge.report.junit import render_junit
    from weighbridge.report.markdown import render_markdown

    folder = Path(folder)
    return [
        evidence.verdict.write(folder / VERDICT_FILE),
        files.write_text(folder / JUNIT_FILE, render_junit(evidence)),
        files.write_text(folder / MARKDOWN_FILE, render_markdown(evidence)),
        files.write_text(folder / HTML_FILE, render_html(evidence)),
    ]
