"""What training did, epoch by epoch, as one small file that reports draw curves from."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from weighbridge.common import files
from weighbridge.common.errors import UsageError

HISTORY_FILE = "history.json"


class History(BaseModel):
    """The metrics of each epoch and what they were measured on.

    Attributes:
        epochs: epochs that ended, those before a resume included.
        metrics: one value per epoch for each metric; None where it was not a finite number or not measured.
        seconds: how long each epoch took, validation included.
        strategy: where it trained, e.g. `cpu` or `mirrored`.
        devices: the devices that computed.
        seed: seed of initialisation and shuffling.
        resumed_from_epoch: epochs taken over from a training that was killed, 0 for none.
    """

    model_config = ConfigDict(extra="ignore")

    epochs: int = 0
    metrics: dict[str, list[float | None]] = Field(default_factory=dict)
    seconds: list[float] = Field(default_factory=list)
    strategy: str = ""
    devices: list[str] = Field(default_factory=list)
    seed: int = 0
    resumed_from_epoch: int = 0

    def add(self, logs: Mapping[str, Any], seconds: float) -> None:
        """Append an epoch's metrics; one that appears late or misses an epoch (validation now and then) is padded."""
        for name in self.metrics.keys() | logs.keys():
            value = float(logs[name]) if name in logs else math.nan
            series = self.metrics.setdefault(name, [None] * self.epochs)
            series.append(value if math.isfinite(value) else None)
        self.seconds.append(round(seconds, 3))
        self.epochs += 1

    def write(self, folder: str | Path) -> None:
        """Write `history.json` into `folder`."""
        files.write_json(Path(folder, HISTORY_FILE), self.model_dump(mode="json"))


def read_history(folder: str | Path) -> History | None:
    """The history in `folder`; None where nothing recorded one.

    Raises:
        UsageError: there is one but it cannot be read.
    """
    path = Path(folder, HISTORY_FILE)
    try:
        return History.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise UsageError(f"{path} is not a history of a training: {error}") from error
