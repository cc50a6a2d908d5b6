"""Comparison with an anchor: an earlier version, so that losses that are each allowed do not add up unseen.

A rule against production allows every candidate the same small loss, and production is then what lost it. Against one
that stays where it is the losses add up. It is weighed on the same rows in the same run, and compared with in pairs.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.metric_gates import AnchorBounds, MetricBounds
from weighbridge.components.evaluator.production import ProductionModel, load_production
from weighbridge.components.evaluator.quality.judge import GROUP, judge
from weighbridge.components.evaluator.quality.metrics_api import MetricsRequest, MetricsResponse
from weighbridge.components.evaluator.quality.providers import ask
from weighbridge.components.evaluator.request import EvaluationRequest
from weighbridge.components.production_model.fetch import fetch_version, version_record
from weighbridge.verdict import Gate
from weighbridge.verdict.bounds import RELATIVE_RULES


@dataclass(frozen=True)
class Anchor:
    """The anchor, where it can be called.

    Attributes:
        version: its number at the destination.
        model: its files, and what was loaded from them.
    """

    version: int
    model: ProductionModel


def anchor_digest(request: EvaluationRequest) -> str:
    """Digest of the anchor's files by its record; empty where nothing is compared with it, or there is none."""
    if not _compares(request):
        return ""
    try:
        record = version_record(request.subject[LOOKED_UP_AT], request.quality.anchor)
    except (UsageError, KeyError):
        return ""  # a gate says so
    return record.model_digest if record else ""


def load_anchor(request: EvaluationRequest, folder: Path) -> tuple[Anchor | None, list[Gate]]:
    """The anchor, called once with real rows; where that fails, the gate that refuses to go without.

    Args:
        request: names production's destination, the version and the rows.
        folder: a copy of the anchor goes here; it must stay while the anchor is called.

    Returns:
        None where nothing is compared with it, nothing is in production, or it cannot be called; then with the gate.

    Raises:
        InfrastructureError: the destination cannot be reached.
    """
    if not _compares(request):
        return None, []
    destination = request.subject.get(LOOKED_UP_AT, "")
    if not destination:
        message = (
            "There is no anchor to compare with: production_model is not of weighbridge's ProductionModel, which says "
            "where earlier versions are. Use it, or remove anchor from the metrics in gates.yaml."
        )
        return None, [_unreadable(message)]
    try:
        record = fetch_version(destination, request.quality.anchor, folder)
    except UsageError as error:
        return None, [_unreadable(f"The anchor cannot be compared with. {error.message}. {error.hint} {_OTHER}")]
    if record is None:
        message = f"The anchor cannot be compared with: nothing is known of what was pushed to {destination}. {_OTHER}"
        return None, [_unreadable(message)]
    model, refused = load_production(dataclasses.replace(request, production=str(folder)), GROUP, request.quality)
    if model is None:
        reason = refused[0].message.partition(". ")[2]
        named = f"The anchor, version {record.version}, cannot be compared with. {reason} {_OTHER}"
        return None, [_unreadable(named)]
    return Anchor(record.version, model), []


_OTHER = "Or name a later version as quality.anchor in gates.yaml, which accepts what was lost until then."


def judge_anchor(
    gates: QualityGates,
    anchor: Anchor | None,
    metrics_fn: str,
    requested: MetricsRequest,
    response: MetricsResponse,
    *,
    in_production: bool,
) -> list[Gate]:
    """Judge the rules against the anchor; none where no metric has any.

    Args:
        gates: thresholds, with the risk that they are judged at.
        anchor: to compare with; None where there is none.
        metrics_fn: the metrics provider.
        requested: what it was asked about production; its predictions hold the anchor's.
        response: what it answered.
        in_production: whether there is a model in production.
    """
    rules = against_anchor(gates)
    if rules is None:
        return []
    if anchor is None:  # another gate says why, where something is in production
        return [] if in_production else _named(judge(rules, response, in_production=False), "")
    response = ask(
        metrics_fn,
        dataclasses.replace(
            requested,
            metrics=rules.metric_names(),
            slices=rules.all_slices(),
            production=anchor.model.stored.folder,
            predictions=cache(lambda: requested.predictions().against_anchor()),
        ),
    )
    return _named(judge(rules, response, in_production=True), f"the anchor (version {anchor.version})")


def against_anchor(gates: QualityGates) -> QualityGates | None:
    """The thresholds with the rules against the anchor in place of all others; None where there is none."""
    metrics = _anchored(gates.metrics)
    slices = tuple(
        entry.model_copy(update={"metrics": found})
        for entry in gates.slice_metrics
        if (found := _anchored(entry.metrics))
    )
    if not metrics and not slices:
        return None
    return gates.model_copy(update={"metrics": metrics, "slice_metrics": slices, "slices": ()})


def _anchored(metrics: dict[str, MetricBounds]) -> dict[str, MetricBounds]:
    return {
        name: MetricBounds.model_validate(_plain(bounds.anchor) | {"retraining_sd": bounds.retraining_sd})
        for name, bounds in metrics.items()
        if bounds.anchor is not None
    }


def _plain(bounds: AnchorBounds) -> dict[str, object]:
    return {**bounds.rules(), "severity": bounds.severity}


def _compares(request: EvaluationRequest) -> bool:
    return request.production is not None and against_anchor(request.quality) is not None


def _named(gates: Iterable[Gate], anchor: str) -> list[Gate]:
    """The gates on rules by names of their own; what slices lack, the other thresholds have said."""
    found = []
    for gate in gates:
        subject, _, rule = gate.name.rpartition(".")
        if rule not in RELATIVE_RULES:
            continue
        message = gate.message.replace("production", anchor) if anchor else gate.message
        if gate.status in ("refused", "inconclusive"):
            message = f"{message} {_OTHER.removeprefix('Or ').capitalize()}"
        found.append(gate.model_copy(update={"name": f"{subject}.anchor.{rule}", "message": message}))
    return found


def _unreadable(message: str) -> Gate:
    return Gate(name=f"{GROUP}.anchor.readable", status="unmeasured", message=message)
