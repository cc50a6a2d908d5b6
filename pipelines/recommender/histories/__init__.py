"""Histories: from order lines to rows of customers, what they bought before a moment and what after it.

Importing this package loads no tfx; the component class does, when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipelines.recommender.histories.gates import HistoriesGates

if TYPE_CHECKING:
    from pipelines.recommender.histories.component import Histories

__all__ = ["Histories", "HistoriesGates"]


def __getattr__(name: str) -> Any:
    if name == "Histories":
        return import_module("pipelines.recommender.histories.component").Histories
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
