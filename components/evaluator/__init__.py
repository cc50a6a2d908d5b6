"""Evaluator: weighs a model's quality and latency, against thresholds and against the model now in production.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING

import lazy_loader

from weighbridge.components.evaluator.call_gates import BatchGates
from weighbridge.components.evaluator.gates import LatencyGates, QualityGates, VariantGates
from weighbridge.components.evaluator.metric_gates import SliceGates

if TYPE_CHECKING:
    from weighbridge.components.evaluator.component import Evaluator
    from weighbridge.components.evaluator.quality.metrics_api import (
        MetricRow,
        MetricsRequest,
        MetricsResponse,
        Predictions,
    )

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

__getattr__, _, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "component": ["Evaluator"],
        "quality.metrics_api": ["MetricRow", "MetricsRequest", "MetricsResponse", "Predictions"],
    },
)
