"""Weighing quality: the metrics provider is asked, and what it measured is kept and judged."""

import dataclasses
import tempfile
from functools import cache, partial
from pathlib import Path

from weighbridge.components.artifacts.examples import read_summary
from weighbridge.components.evaluator import attempts
from weighbridge.components.evaluator.flavours import StoredModel, find_model
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.production import ProductionModel, load_production
from weighbridge.components.evaluator.quality import tfma_files
from weighbridge.components.evaluator.quality.anchor import Anchor, judge_anchor, load_anchor
from weighbridge.components.evaluator.quality.judge import GROUP, judge
from weighbridge.components.evaluator.quality.metrics_api import (
    MetricRow,
    MetricsRequest,
    MetricsResponse,
    Predictions,
    plain,
)
from weighbridge.components.evaluator.quality.predict import Predictor, predict
from weighbridge.components.evaluator.quality.providers import ask, check
from weighbridge.components.evaluator.request import COMPUTE, EvaluationRequest
from weighbridge.evidence.base import Interval, ends
from weighbridge.evidence.metrics import Metric, Metrics
from weighbridge.verdict import Gate

__all__ = ["GROUP", "evidence", "weigh"]

Predictors = tuple[Predictor, Predictor | None, Predictor | None]  # of the candidate, production and the anchor


def weigh(request: EvaluationRequest, folder: Path) -> list[Gate]:
    """Measure the candidate's quality, that of production and that of the anchor, and judge them.

    Args:
        request: what is to be weighed.
        folder: of the ModelEvaluation artifact; `metrics.json` and TFMA's files are left there.

    Raises:
        Unmeasurable: the candidate cannot be loaded or called, or there is nothing to weigh it on.
        UsageError: the metrics provider is not what it should be, or the ledger of attempts is broken.
        InfrastructureError: the ledger cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as scratch:
        return _weigh(request, folder, Path(scratch, "anchor"))


def _weigh(request: EvaluationRequest, folder: Path, anchor_folder: Path) -> list[Gate]:
    request = _of_a_sample(request)
    gates = request.quality
    candidate = find_model(request.model, gates.signature, gates.inputs)
    production, judged = load_production(request, GROUP, gates)
    anchor, without = load_anchor(request, anchor_folder)
    judged += without
    earlier = anchor.model if anchor else None
    predictors = cache(lambda: _predictors(gates, request.label, candidate, production, earlier))
    predictions = cache(lambda: _predict(request, predictors()))
    if request.metrics_fn == COMPUTE:
        check(COMPUTE, gates.metric_names(), request.label)
        predictions()  # before it is counted: a model that does not predict tells nobody anything
    attempt = attempts.take(request, candidate.digest())
    if attempt is not None:
        gates = attempts.at_attempt(gates, attempt.number)
    requested = MetricsRequest(
        metrics=gates.metric_names(),
        slices=gates.all_slices(),
        confidence=gates.confidence,
        label=request.label,
        examples=request.examples,
        split=request.split,
        schema=request.read_schema(),
        candidate=candidate.folder,
        production=production.stored.folder if production else None,
        predictions=predictions,
        signature=gates.signature,
        inputs=gates.inputs,
        unit=gates.unit,
    )
    measured = partial(_measured, request.metrics_fn, gates, anchor, in_production=request.production is not None)
    response, found = measured(requested)
    if gates.reserve is not None and any(gate.status == "inconclusive" and gate.refuses for gate in found):
        first, reserve = requested.predictions, dataclasses.replace(request, split=gates.reserve)
        requested = dataclasses.replace(
            requested,
            split=f"{request.split}+{gates.reserve}",
            predictions=cache(lambda: first().with_rows_of(_predict(reserve, predictors()))),
        )
        response, found = measured(requested)
    evidence(requested, response).write(folder)
    tfma_files.write(folder, requested, response)
    judged += found
    return judged if attempt is None else [*judged, *attempts.attempt_gate(request.quality, attempt, judged)]


def _of_a_sample(request: EvaluationRequest) -> EvaluationRequest:
    """A rehearsal on a sample has fewer rows than the thresholds are made for: what they leave open only warns."""
    summary = read_summary(request.examples) if request.rehearsal else None
    if summary is None or summary.sample == 1:
        return request
    gates = request.quality.model_copy(update={"on_undecided": "warn", "reserve": None})
    return dataclasses.replace(request, quality=gates)


def _measured(
    metrics_fn: str, gates: QualityGates, anchor: Anchor | None, requested: MetricsRequest, *, in_production: bool
) -> tuple[MetricsResponse, list[Gate]]:
    response = ask(metrics_fn, requested)
    found = judge(gates, response, in_production=in_production)
    found += judge_anchor(gates, anchor, metrics_fn, requested, response, in_production=in_production)
    return response, found


def evidence(request: MetricsRequest, response: MetricsResponse) -> Metrics:
    """The measurements as `metrics.json`.

    Raises:
        UsageError: a plot holds what JSON cannot.
    """
    return Metrics(
        split=request.split,
        rows=response.rows,
        confidence=request.confidence,
        label=request.label,
        unit=request.unit,
        metrics=[_metric(row) for row in response.metrics],
        plots={name: plain(plot, f"Plot {name!r} of the metrics provider") for name, plot in response.plots.items()},
    )


def _metric(row: MetricRow) -> Metric:
    return Metric(
        **ends(row.candidate),
        name=row.name,
        slice=row.slice,
        rows=row.rows,
        production=None if row.production is None else Interval.of(row.production),
        change=None if row.change is None else Interval.of(row.change),
    )


def _predictors(
    gates: QualityGates,
    label: str,
    candidate: StoredModel,
    production: ProductionModel | None,
    anchor: ProductionModel | None,
) -> Predictors:
    def of(other: ProductionModel | None) -> Predictor | None:
        return Predictor(other.loaded, label, gates.prediction) if other else None

    return Predictor(candidate.load(), label, gates.prediction), of(production), of(anchor)


def _predict(request: EvaluationRequest, predictors: Predictors) -> Predictions:
    gates = request.quality
    return predict(request.batches(), request.label, gates.columns(), *predictors, unit=gates.unit)
