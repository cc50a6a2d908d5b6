"""Histories: from order lines to rows of customers, what they bought before a moment and what after it.

Importing this package loads no tfx; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING

import lazy_loader

from weighbridge.pipelines.recommender.histories.gates import HistoriesGates

if TYPE_CHECKING:
    from weighbridge.pipelines.recommender.histories.component import Histories

__all__ = ["Histories", "HistoriesGates"]

__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={"component": ["Histories"]})
