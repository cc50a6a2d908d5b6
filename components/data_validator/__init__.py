"""DataValidator: statistics per split, the reviewed schema, skew, drift; every finding is a gate.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING

import lazy_loader

from weighbridge.components.data_validator.gates import DataGates, Distances, Drift, LabelGates
from weighbridge.components.data_validator.summary import CategoricalSummary, NumericSummary, feature_summary

if TYPE_CHECKING:
    from weighbridge.components.data_validator.component import DataValidator

__all__ = [
    "CategoricalSummary",
    "DataGates",
    "DataValidator",
    "Distances",
    "Drift",
    "LabelGates",
    "NumericSummary",
    "feature_summary",
]

__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={"component": ["DataValidator"]})
