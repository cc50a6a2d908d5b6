"""`gates.yaml` before the first run, which lets everything pass, and after it, with what the run observed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from weighbridge.common.errors import UsageError
from weighbridge.evidence.comparison import Comparison
from weighbridge.evidence.latency import LatencyReport
from weighbridge.evidence.metrics import Metrics
from weighbridge.evidence.summary import ExamplesSummary
from weighbridge.init import thresholds
from weighbridge.init.plan import Plan
from weighbridge.init.write import gate_values

_MOST_DISTANCES = 5
_LEAST_DISTANCE = {"linf": 0.1, "jensen_shannon": 0.03}
_EXPECTED = 5  # rows of a class in the smallest split, for every split to have each class
_BATCH_SIZES = (1, 64)
_CALLS_SLICE = 0.02  # of the rows, at least, for a slice to be judged


@dataclass(frozen=True)
class Measured:
    """What a first run left."""

    examples: ExamplesSummary
    comparison: Comparison
    metrics: Metrics
    latency: LatencyReport


@dataclass(frozen=True)
class Distance:
    """A threshold on how far a feature may move."""

    feature: str
    measure: str
    noise: float
    most: float


def permissive_gates(plan: Plan) -> str:
    """Thresholds of the first run, that is to be measured and not judged."""
    rules = {name: {"min": -1e9, "severity": "warning"} for name in plan.metrics}
    return str(
        yaml.safe_dump(
            {
                "examples": {"max_quarantined_fraction": 0.9, "rows_lost": {"max": 1_000_000_000}},
                "data": {"anomalies": "warning"},
                "quality": {"metrics": rules, "slices": [[name] for name in plan.slices]},
                "latency": {
                    "budget_s": 10,
                    "batch_sizes": {size: {"p50_ms": {"max": 1e9, "severity": "warning"}} for size in _BATCH_SIZES},
                },
            }
        )
    )


def read_measured(root: Path) -> Measured:
    """What the steps of a run left below the pipeline's root."""
    evaluation = artifact_folder(root, "Evaluator/evaluation/*")
    return Measured(
        examples=ExamplesSummary.require(artifact_folder(root, "ExampleGen/examples/*")),
        comparison=Comparison.require(artifact_folder(root, "DataValidator/anomalies/*")),
        metrics=Metrics.require(evaluation),
        latency=LatencyReport.require(evaluation),
    )


def artifact_folder(root: Path, pattern: str) -> Path:
    """The newest artifact's folder, e.g. `Trainer/model/*`, below a pipeline's root.

    Raises:
        UsageError: there is none.
    """
    folders = sorted(root.glob(pattern), key=lambda path: int(path.name) if path.name.isdigit() else -1)
    if not folders:
        raise UsageError(f"The first run left nothing at {root / pattern}")
    return folders[-1]


def proposed_gates(name: str, plan: Plan, found: Measured, date: str) -> str:
    """The text of `gates.yaml` with thresholds as the first run suggests them, each marked for review."""
    splits = {split: each.rows for split, each in found.examples.splits.items()}
    overall = {metric.name: metric for metric in found.metrics.overall()}
    return gate_values(
        {
            "name": name,
            "date": date,
            "rows": f"{sum(splits.values()):,}",
            "malformed": found.examples.quarantined_rows,
            "most_malformed": thresholds.most_malformed(found.examples.quarantined_rows, found.examples.total_rows),
            "splits": splits,
            "least_rows": thresholds.least_rows,
            "label": plan.label,
            "min_distinct": _min_distinct(plan, min(splits.values())),
            "distances": distances(plan, found.comparison),
            "min_slice_rows": max(20, int(thresholds.nice_down(_CALLS_SLICE * splits["eval"]))),
            "baseline": baseline(plan),
            "metrics": [thresholds.of_metric(overall[metric]) for metric in plan.metrics],
            "slices": plan.slices,
            "latency": thresholds.of_latency(found.latency),
            "model": thresholds.of_model(found.latency),
        }
    )


def _min_distinct(plan: Plan, rows: int) -> int:
    """Different labels that every split has for certain."""
    if not plan.target.count:
        return 2
    frequent = sum(share * rows >= _EXPECTED for share in plan.target.shares)
    return max(2, frequent) if frequent >= 2 else 1


def distances(plan: Plan, comparison: Comparison) -> list[Distance]:
    """Thresholds on drift for the first features, by how far train and eval are apart."""
    found: Mapping[str, Any] = {
        each.feature: each
        for each in comparison.distances
        if each.kind == "skew" and each.value is not None and each.measure in _LEAST_DISTANCE
    }
    chosen = [found[feature] for feature in plan.features if feature in found][:_MOST_DISTANCES]
    return [
        Distance(
            each.feature,
            each.measure,
            each.value,
            thresholds.most_distance(each.value, _LEAST_DISTANCE[each.measure]),
        )
        for each in chosen
    ]


def baseline(plan: Plan) -> list[str]:
    """What a model that has learned nothing reaches, in sentences: thresholds below that are none."""
    target = plan.target
    if target.task == "number":
        return [f"Always the mean: root_mean_squared_error {plan.spread:.4g}. A threshold above that is none."]
    most = max(target.shares)
    lines = [f"Always the most frequent class is right for {most:.3f} of the rows: an accuracy below that is none."]
    if target.task == "binary":
        lines.append(
            "A coin reaches an auc of 0.5"
            + (
                f", an auc_precision_recall of {target.shares[-1]:.3f}."
                if "auc_precision_recall" in plan.metrics
                else "."
            )
        )
    return lines
