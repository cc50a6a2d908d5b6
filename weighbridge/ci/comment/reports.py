"""What a build left in the folder of `--reports`: its runs, by pipeline."""

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from weighbridge.ci.comment.services import Drawing
from weighbridge.common.errors import UsageError
from weighbridge.report.evidence import Evidence
from weighbridge.report.markdown import render_markdown
from weighbridge.report.text import cut
from weighbridge.report.write import CHARTS_FOLDER, MARKDOWN_FILE
from weighbridge.runs.record import RUN_FILE, Run, RunRecord
from weighbridge.verdict import Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


@dataclass(frozen=True)
class Report:
    """What is there of one run; one that ended in an error has a record and no verdict, one on Kubeflow no record."""

    folder: Path
    verdict: Verdict | None
    record: RunRecord | None

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""
        return self.verdict.pipeline if self.verdict else self.record.pipeline if self.record else ""

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.folder.name

    @property
    def time(self) -> datetime:
        """When the run started, or when the verdict of one without a record was written."""
        if self.record:
            return self.record.started
        return datetime.fromtimestamp((self.folder / VERDICT_FILE).stat().st_mtime, UTC)

    @property
    def markdown(self) -> str:
        """The run's `report.md`; where there is none, what the verdict alone tells."""
        path = self.folder / MARKDOWN_FILE
        if path.is_file():
            return path.read_text(encoding="utf-8")
        return render_markdown(Evidence.collect(self.verdict, {}, versions={})) if self.verdict else ""

    def drawings(self) -> list[Drawing]:
        """The charts beside the report, the most telling first."""
        found = []
        for path in sorted((self.folder / CHARTS_FOLDER).glob("*.svg")):
            svg = path.read_text(encoding="utf-8")
            title = _TITLE.search(svg)
            found.append(Drawing(path.name, cut(html.unescape(title[1]), 100) if title else path.stem, svg))
        return found


def read_reports(folder: Path) -> dict[str, list[Report]]:
    """The runs in `folder` by pipeline, the latest first.

    Raises:
        UsageError: there is none, or a verdict cannot be read.
    """
    found: dict[str, list[Report]] = {}
    for each in sorted(path for path in folder.glob("*") if path.is_dir()):
        verdict = Verdict.read(each / VERDICT_FILE) if (each / VERDICT_FILE).exists() else None
        record = Run.read(each).record if (each / RUN_FILE).exists() else None
        if verdict or record:
            report = Report(each, verdict, record)
            found.setdefault(report.pipeline, []).append(report)
    if not found:
        raise UsageError(
            f"{folder} holds no run to comment on",
            f"Let the build's commands leave their reports there: weighbridge run PIPELINE --reports {folder}",
        )
    for reports in found.values():
        reports.sort(key=lambda report: report.time, reverse=True)
    return found
