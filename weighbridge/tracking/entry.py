"""`mlflow.json` in a run's folder: all that MLflow is to be told of the run, and whether it has been told.

It is written before anything is sent, so that no server that is down, slow or full loses a run.
"""

import re
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from weighbridge.common.errors import UsageError
from weighbridge.evidence.base import Document, EvidenceFile

ENTRY_FILE = "mlflow.json"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")

Status = Literal["FINISHED", "FAILED", "KILLED"]


class Point(Document):
    """A value of a metric.

    Attributes:
        key: name of the metric.
        value: finite.
        step: epoch for what was measured epoch by epoch, else 0.
        time_ms: since 1970; always the same for the same value, so that sending it twice leaves it there once.
    """

    key: str
    value: float
    step: int = 0
    time_ms: int


class Dataset(Document):
    """A split of the data that a run read.

    Attributes:
        name: of the data, and the split.
        digest: of the split's rows, cut to what MLflow takes.
        source_type: `local`, or the scheme of an address.
        source: JSON: files with their digests, or how many there are.
        columns: JSON of names and types, as MLflow shows a schema.
        profile: JSON: rows, span, whole digests.
        context: `train`, `eval` or whatever the split is called.
    """

    name: str
    digest: str
    source_type: str
    source: str
    columns: str
    profile: str
    context: str


class ModelReference(Document):
    """The model of a run.

    Attributes:
        digest: of its files, see `weighbridge.common.digests.tree_digest`.
        folder: its files on this machine; empty where they are not.
        address: where it stays: the version that was pushed, else the folder.
        bytes: size of the files; 0 where they are not on this machine.
        kind: of the evaluator's flavours, `saved_model` for one.
        signature: that is called.
        inputs: those of the signature that have one value in all requests, by name.
        copied: whether MLflow has a copy of its files.
    """

    digest: str
    folder: str = ""
    address: str = ""
    bytes: int = 0
    kind: str = "saved_model"
    signature: str = "serving_default"
    inputs: dict[str, bool | int | float | str] = Field(default_factory=dict)
    copied: bool = False

    @property
    def in_folder(self) -> bool:
        """Whether it stays in a folder, and not in a store or a registry."""
        return not _SCHEME.match(self.address)

    @property
    def in_mlflow(self) -> bool:
        """Whether MLflow's registry has the files already."""
        return self.address.startswith("models:/")


class Entry(EvidenceFile):
    """A run as MLflow is told of it. No text in it holds a secret.

    Attributes:
        experiment: name of MLflow's experiment.
        run_id: of the run here, by which the one in MLflow is found again.
        started_ms: and
        ended_ms: since 1970.
        status: in MLflow's terms.
        parameters: by name.
        metrics: values, in the order in which MLflow's page lists them.
        tags: by name; the verdict and the digests among them.
        datasets: that the run read.
        model: that it made or moved; None for none.
        state: whether MLflow has all of it.
        server: address that it was sent to, or is to be; without secrets.
        page: address of MLflow's page of the run, once it is there.
        error: why it could not be sent last time.
    """

    FILE: ClassVar[str] = ENTRY_FILE

    experiment: str
    run_id: str
    started_ms: int
    ended_ms: int
    status: Status
    parameters: dict[str, str] = Field(default_factory=dict)
    metrics: list[Point] = Field(default_factory=list)
    tags: dict[str, str] = Field(default_factory=dict)
    datasets: list[Dataset] = Field(default_factory=list)
    model: ModelReference | None = None
    state: Literal["unsent", "sent"] = "unsent"
    server: str = ""
    page: str = ""
    error: str = ""

    def became(self, folder: Path, state: Literal["unsent", "sent"], **told: str) -> "Entry":
        """The entry in another state, which is kept in the run's folder."""
        entry = self.model_copy(update={"state": state, "error": "", **told})
        entry.write(folder)
        return entry


def read_entry(folder: Path) -> Entry | None:
    """The entry in a run's folder; None where there is none.

    Raises:
        UsageError: there is one that cannot be read.
    """
    return Entry.read(folder)


def is_unsent(folder: Path) -> bool:
    """Whether a run's folder holds what MLflow has not been told, also where that cannot be read."""
    try:
        entry = Entry.read(folder)
    except UsageError:
        return True
    return entry is not None and entry.state == "unsent"


def unsent_folders(folders: list[Path]) -> list[Path]:
    """Those of some runs' folders that hold what MLflow has not been told."""
    return [folder for folder in folders if is_unsent(folder)]
