"""The history of a training while it goes on: an epoch is added at a time."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weighbridge.evidence.history import TrainingHistory


class History(TrainingHistory, frozen=False):
    """`history.json` as it grows."""

    def add(self, logs: Mapping[str, Any], seconds: float) -> None:
        """Append an epoch's metrics; one that appears late or misses an epoch (validation now and then) is padded.

        Args:
            logs: value of each metric.
            seconds: how long the epoch took.
        """
        for name in self.metrics.keys() | logs.keys():
            value = float(logs[name]) if name in logs else math.nan
            series = self.metrics.setdefault(name, [None] * self.epochs)
            series.append(value if math.isfinite(value) else None)
        self.seconds.append(round(seconds, 3))
        self.epochs += 1


def read_history(folder: str | Path) -> History | None:
    """The history in `folder`; None where nothing recorded one.

    Raises:
        UsageError: there is one but it cannot be read.
    """
    return History.read(folder)
