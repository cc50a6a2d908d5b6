"""What Kubeflow's pages show of a step: its gates as HTML, its metrics as scalars, its ROC curve."""

import html
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weighbridge.common import files
from weighbridge.evidence.metrics import Metrics
from weighbridge.evidence.plots import Roc
from weighbridge.kubeflow.step.normalize import to_path
from weighbridge.verdict import Verdict

REPORT, METRICS, ROC = "weighbridge_report", "weighbridge_metrics", "weighbridge_roc"

_ROC_POINTS = 100

_log = logging.getLogger("weighbridge")


def write(
    requested: Mapping[str, dict[str, Any]], folders: Mapping[str, Path], verdict: Verdict, *, metrics: str = ""
) -> dict[str, Any]:
    """Write the artifacts that Kubeflow's pages show of a step.

    Args:
        requested: which of them, as the entries of `ExecutorInput.outputs.artifacts`, by name.
        folders: folders of the step's own outputs, by name.
        verdict: the verdict that the step came to, or that of its gates alone.
        metrics: name of the output that holds `metrics.json`; empty where none does.

    Returns:
        The entries of `ExecutorOutput.artifacts`.
    """
    found = {}
    measured = Metrics.read(folders[metrics]) if metrics in folders else None
    for name, artifact in requested.items():
        metadata: dict[str, Any] = {}
        path = to_path(artifact.get("uri", ""))
        if name == REPORT:
            files.write_text(path, _report(folders, verdict))
        elif name == METRICS:
            metadata = _scalars(measured)
        elif name == ROC:
            metadata = _roc(measured)
        else:
            continue
        entry = {key: artifact[key] for key in ("name", "uri", "type") if key in artifact}
        found[name] = {"artifacts": [entry | {"metadata": metadata}]}
    return found


def upload_report(requested: Mapping[str, dict[str, Any]]) -> None:
    """Upload the report of a step that is about to fail: the launcher uploads outputs of steps that succeed only.

    Where artifacts lie in a store that this project speaks to (gs://, s3://) and the pod may write there, the step does
    it itself; elsewhere its log is all that stays.
    """
    from weighbridge.storage.schemes import is_address, open_store

    address = requested.get(REPORT, {}).get("uri", "")
    if not is_address(address):
        return
    try:
        store, name = open_store(address)
        store.upload(Path(to_path(address)), name, content_type="text/html")
        _log.info("report: %s", address)
    except Exception as error:  # whatever happens here, the step's own refusal must be its last line
        _log.warning("The report could not be kept at %s: %s", address, error)


def _report(folders: Mapping[str, Path], verdict: Verdict) -> str:
    from weighbridge.report import Evidence, render_html

    if not verdict.gates:
        return f"<p>{html.escape(verdict.pipeline)}: it weighs nothing.</p>"
    return render_html(Evidence.collect(verdict, dict(folders), steps=[]))


def _scalars(measured: Metrics | None) -> dict[str, float]:
    """Metrics on all rows, of candidate and production."""
    scalars = {}
    for metric in measured.overall() if measured else []:
        if metric.value is not None:
            scalars[metric.name] = metric.value
            if metric.production is not None and metric.production.value is not None:
                scalars[f"production_{metric.name}"] = metric.production.value
    return scalars


def _roc(measured: Metrics | None) -> dict[str, Any]:
    """KFP's ClassificationMetrics: a confidence metric per point of the curve."""
    from weighbridge.report.plots import read_plots

    curve = read_plots(measured.plots).get("roc") if measured else None
    if not isinstance(curve, Roc):
        return {}
    points = curve.candidate or []
    step = max(1, len(points) // _ROC_POINTS)
    return {
        "confidenceMetrics": [
            {"confidenceThreshold": 1 - index / max(len(points) - 1, 1), "falsePositiveRate": fpr, "recall": tpr}
            for index, (fpr, tpr) in enumerate(points)
            if index % step == 0 or index == len(points) - 1
        ]
    }
