"""`history.json`: what training did, epoch by epoch."""

from typing import ClassVar

from pydantic import Field

from weighbridge.evidence.base import EvidenceFile, Number

HISTORY_FILE = "history.json"


class TrainingHistory(EvidenceFile):
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

    FILE: ClassVar[str] = HISTORY_FILE

    epochs: int = 0
    metrics: dict[str, list[Number]] = Field(default_factory=dict)
    seconds: list[float] = Field(default_factory=list)
    strategy: str = ""
    devices: list[str] = Field(default_factory=list)
    seed: int = 0
    resumed_from_epoch: int = 0
