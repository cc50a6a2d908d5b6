"""A run's folder and its record, `run.json`."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.common.text import masked
from weighbridge.evidence.delivered import Delivered
from weighbridge.evidence.provenance import Origin

RUN_FILE = "run.json"
LOG_FILE = "log.txt"
# Beside them where builds share a store (`weighbridge.runs.store`): it ran on another machine; it is yet to be sent.
BROUGHT_FILE = "brought.json"
UNSENT_FILE = "unsent.json"
_FINGERPRINT = AliasChoices("fingerprint", "facts")  # as runs of earlier versions call it

RunKind = Literal["run", "rehearsal", "experiment", "promotion", "canary", "rollback"]
_DELIVERIES = ("promotion", "canary", "rollback")  # they move what a run has weighed
RunState = Literal["running", "passed", "refused", "failed"]
StepState = Literal["done", "cached", "refused", "failed", "skipped"]


class StepRecord(BaseModel):
    """One step of a run.

    Attributes:
        state: how it ended.
        seconds: wall time.
        note: one line about it.
        fingerprint: `parameters` and `inputs` that its outcome depended on, see `weighbridge.runs.fingerprint.of_step`.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    state: StepState
    seconds: float = 0.0
    note: str = ""
    fingerprint: dict[str, dict[str, Any]] = Field(default_factory=dict, validation_alias=_FINGERPRINT)


class ArtifactReference(BaseModel):
    """An output by where it is and what is in it."""

    model_config = ConfigDict(extra="forbid")

    step: str
    key: str
    type: str
    uri: str
    digest: str = ""


class RunRecord(BaseModel):
    """`run.json`: what a run was to do, what it depended on, what it did and how it ended.

    Attributes:
        kind: a run; a rehearsal on a share of the data; an experiment, which is a rehearsal on all of them; the
            promotion of a model from one place to another; a canary that is walked to production; or a rollback to an
            earlier version.
        to: the step it was to end after; empty for the whole pipeline. What ends early is not an outcome of the whole.
        delivered_to: the stage that its model went to; empty for production of the work directory.
        commit: of the git repository that the pipeline's code is in, see `weighbridge.runs.commit`; empty for none.
        origin: where its pipeline comes from; None for a run of an earlier version.
        delivered: where its model went; None where that is not known: it ended in an error before it pushed anything,
            or an earlier version ran it.
        fingerprint: digests of everything the outcome depends on, see `weighbridge.runs.fingerprint`.
        verdict_digest: of the verdict that it came to; empty where it came to none, or an earlier version ran it.
        error: the error that ended it, for state `failed`.
        pid: process that runs or ran it; distinguishes a running run from a killed one.
    """

    model_config = ConfigDict(extra="forbid")

    run_id: str
    pipeline: str
    module: str
    kind: RunKind = "run"
    to: str = ""
    delivered_to: str = ""
    commit: str = ""
    origin: Origin | None = None
    delivered: Delivered | None = None
    state: RunState = "running"
    exit_code: int | None = None
    started: datetime
    seconds: float = 0.0
    parameters: dict[str, Any] = Field(default_factory=dict)
    fingerprint: dict[str, Any] = Field(default_factory=dict, validation_alias=_FINGERPRINT)
    steps: list[StepRecord] = Field(default_factory=list)
    artifacts: list[ArtifactReference] = Field(default_factory=list)
    verdict_digest: str = ""
    error: str = ""
    pid: int = 0

    @property
    def partial(self) -> bool:
        """Whether only the first steps were asked for."""
        return bool(self.to)

    @property
    def is_delivery(self) -> bool:
        """Whether it moved a model that another run had weighed, and is no outcome of the pipeline."""
        return self.kind in _DELIVERIES

    @property
    def display_state(self) -> str:
        """The state as people see it: a run whose process is gone was killed."""
        if self.state == "running" and not _alive(self.pid):
            return "killed"
        return self.state

    @property
    def display_kind(self) -> str:
        """What it was, as people see it: `run`, `partial run to DataValidator`, `rehearsal`, `promotion to canary`."""
        if self.kind == "promotion":
            return f"promotion to {self.delivered_to}"
        if self.kind == "rollback":
            return f"rollback of {self.delivered_to or 'a destination'}"
        if self.kind == "canary":
            return "live canary"
        return f"partial {self.kind} to {self.to}" if self.partial else self.kind

    def public_json(self) -> dict[str, Any]:
        """The record for machines: all but what only comparing runs needs."""
        return self.model_dump(
            mode="json",
            exclude={"fingerprint": True, "origin": True, "pid": True, "steps": {"__all__": {"fingerprint"}}},
        ) | {"partial": self.partial}


class Run:
    """A run's folder."""

    def __init__(self, folder: Path, record: RunRecord) -> None:
        self.folder = folder
        self.record = record

    def save(self) -> None:
        """Replace `run.json` atomically; the secrets of addresses stay out of it."""
        document = self.record.model_dump(mode="json")
        # What a later run compares has none already, or is read again by it.
        kept = {"fingerprint": document.pop("fingerprint")}
        files.write_json(self.folder / RUN_FILE, {**masked(document), **kept})

    @property
    def log(self) -> Path:
        """The full log of the run."""
        return self.folder / LOG_FILE

    @property
    def brought(self) -> bool:
        """Whether it ran on another machine, so that its artifacts are not here, whatever lies at their paths."""
        return (self.folder / BROUGHT_FILE).exists()

    @property
    def unsent_to(self) -> str:
        """Address of the store that it is to be sent to; empty for none."""
        try:
            return str(json.loads((self.folder / UNSENT_FILE).read_bytes())["store"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """Read a run's folder.

        Raises:
            UsageError: it holds no readable `run.json`.
        """
        try:
            if not (folder / RUN_FILE).is_file():  # reading a named pipe would wait for somebody who writes to it
                raise FileNotFoundError(folder / RUN_FILE)
            return cls(folder, RunRecord.model_validate_json((folder / RUN_FILE).read_bytes()))
        except (OSError, ValidationError) as error:
            raise UsageError(f"{folder} is not a run: its {RUN_FILE} cannot be read") from error


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
