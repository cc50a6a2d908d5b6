"""DataValidator: statistics per split, the reviewed schema, skew, drift; every finding is a gate.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from components.data_validator.gates import DataGates, Distances, Drift, LabelGates
from components.data_validator.summary import CategoricalSummary, NumericSummary, feature_summary

if TYPE_CHECKING:
    from components.data_validator.component import DataValidator

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


def __getattr__(name: str) -> Any:
    if name == "DataValidator":
        from components.data_validator.component import DataValidator

        return DataValidator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
