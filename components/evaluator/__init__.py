"""Evaluator: weighs a model's quality and latency, against thresholds and against the model now in production.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from components.evaluator.gates import BatchGates, LatencyGates, QualityGates, SliceGates, VariantGates

if TYPE_CHECKING:
    from components.evaluator.component import Evaluator
    from components.evaluator.metrics_api import MetricRow, MetricsRequest, MetricsResponse, Predictions

__all__ = [
    "BatchGates",
    "Evaluator",
    "LatencyGates",
    "MetricRow",
    "MetricsRequest",
    "MetricsResponse",
    "Predictions",
    "QualityGates",
    "SliceGates",
    "VariantGates",
]


_LAZY = {
    "Evaluator": "component",
    "MetricRow": "metrics_api",
    "MetricsRequest": "metrics_api",
    "MetricsResponse": "metrics_api",
    "Predictions": "metrics_api",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"components.evaluator.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
