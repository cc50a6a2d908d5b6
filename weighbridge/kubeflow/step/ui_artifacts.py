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
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

_ROC_POINTS = 100

_log = logging.getLogger("weighbridge")


def write(
    shown: dict[str, dict[str, Any]], folders: Mapping[str, Path], gates: list[Gate], pipeline: str, run: str
) -> dict[str, Any]:
    """Write what is asked for.

    Args:
        shown: the outputs that are asked for, as in `ExecutorInput`, by name.
        folders: of the step's own outputs, by name.
        gates: that the step left.
        pipeline: name of the pipeline.
        run: id of the run.

    Returns:
        The entries of `ExecutorOutput.artifacts`.
    """
    found = {}
    for name, artifact in shown.items():
        metadata: dict[str, Any] = {}
        path = to_path(artifact.get("uri", ""))
        if name == "weighbridge_report":
            files.write_text(path, _report(folders, gates, pipeline, run))
        elif name == "weighbridge_metrics":
            metadata = _scalars(folders)
        elif name == "weighbridge_roc":
            metadata = _roc(folders)
        else:
            continue
        entry = {key: artifact[key] for key in ("name", "uri", "type") if key in artifact}
        found[name] = {"artifacts": [entry | {"metadata": metadata}]}
    return found


def upload_report(shown: Mapping[str, dict[str, Any]]) -> None:
    """Upload the report of a step that is about to fail: the launcher uploads outputs of steps that succeed only.

    Where artifacts lie in Google Cloud Storage the step can do it itself; elsewhere its log is all that stays.
    """
    from weighbridge.storage import gcs

    address = shown.get("weighbridge_report", {}).get("uri", "")
    if not address.startswith("gs://"):
        return
    bucket, name = gcs.split(address)
    try:
        gcs.client().bucket(bucket).blob(name).upload_from_filename(to_path(address), content_type="text/html")
        _log.info("report: %s", address)
    except Exception as error:  # whatever happens here, the step's own refusal is what must be told
        _log.warning("The report could not be kept at %s: %s", address, error)


def _report(folders: Mapping[str, Path], gates: list[Gate], pipeline: str, run: str) -> str:
    """The report of the verdict where the step came to one, else of its gates alone."""
    from weighbridge.report import Evidence, render_html

    weighed = [folder / VERDICT_FILE for folder in folders.values() if (folder / VERDICT_FILE).exists()]
    alone = Verdict.of(gates, pipeline=f"{pipeline}, this step alone", run_id=run, subject={})
    verdict = Verdict.read(weighed[0]) if weighed else alone
    if not verdict.gates:
        return f"<p>{html.escape(pipeline)}: this step weighs nothing.</p>"
    return render_html(Evidence.collect(verdict, dict(folders), steps=[]))


def _scalars(folders: Mapping[str, Path]) -> dict[str, float]:
    """Metrics on all rows, of candidate and production."""
    scalars = {}
    metrics = _metrics(folders)
    for metric in metrics.overall() if metrics else []:
        if metric.value is not None:
            scalars[metric.name] = metric.value
            if metric.production is not None and metric.production.value is not None:
                scalars[f"production_{metric.name}"] = metric.production.value
    return scalars


def _roc(folders: Mapping[str, Path]) -> dict[str, Any]:
    """KFP's ClassificationMetrics: a confidence metric per point of the curve."""
    from weighbridge.report.plots import read_plots

    metrics = _metrics(folders)
    curve = read_plots(metrics.plots).get("roc") if metrics else None
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


def _metrics(folders: Mapping[str, Path]) -> Metrics | None:
    return next((found for folder in folders.values() if (found := Metrics.read(folder)) is not None), None)
