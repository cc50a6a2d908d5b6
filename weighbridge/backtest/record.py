"""What a backtest found, span by span: `backtest.json`."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from weighbridge.common import files, locks
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.machine import is_machine_failure

BACKTEST_FILE = "backtest.json"
Decision = Literal["pushed", "refused", "failed"]


class Value(BaseModel):
    """A measured value and its interval; None where there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Metric(BaseModel):
    """One metric of the span, on the same rows for both models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidate: Value
    production: Value | None = None
    change: Value | None = None

    @property
    def outcome(self) -> str:
        """`better`, `worse` or `equal` (the interval of the change holds 0); empty with nothing to compare."""
        if self.change is None or self.change.low is None or self.change.high is None:
            return ""
        return "better" if self.change.low > 0 else "worse" if self.change.high < 0 else "equal"


class Distance(BaseModel):
    """How far a feature of the data moved: a gate on drift or skew."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gate: str
    observed: float
    threshold: float
    passed: bool


class SpanRecord(BaseModel):
    """What happened in one span.

    Attributes:
        span: its name.
        start: first day that was weighed on.
        end: the day after the last.
        decision: what came of the model that was trained on what was before.
        run: id of the run, empty where there was none.
        version: version in production afterwards, 0 for none.
        seconds: wall time.
        rows: rows to weigh on.
        refusals: names of the gates that refused.
        warnings: names of the gates that warned.
        distances: drift and skew.
        metrics: by name, on all rows.
        p99_ms: by batch size, of the candidate.
        message: why it was refused or failed.
    """

    model_config = ConfigDict(extra="forbid")

    span: str
    start: str
    end: str
    decision: Decision
    run: str = ""
    version: int = 0
    seconds: float = 0.0
    rows: int | None = None
    refusals: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    distances: list[Distance] = Field(default_factory=list)
    metrics: dict[str, Metric] = Field(default_factory=dict)
    p99_ms: dict[str, float] = Field(default_factory=dict)
    message: str = ""

    @property
    def drifted(self) -> list[Distance]:
        """Distances beyond their thresholds, the furthest first."""
        beyond = [distance for distance in self.distances if not distance.passed]
        return sorted(beyond, key=lambda distance: distance.threshold - distance.observed)


class Backtest(BaseModel):
    """A whole backtest; what is asked identifies it, so that a killed one goes on where it was.

    Attributes:
        pipeline: name of the pipeline.
        asked: digest of pipeline, code, files, data, settings and spans.
        settings: parameters that were set, as given.
        step: `week` or `month`.
        metric: the one that table and plot show.
        spans: those that are done, in order.
        total: how many there are to be.
    """

    model_config = ConfigDict(extra="forbid")

    pipeline: str
    asked: str
    settings: list[str] = Field(default_factory=list)
    step: str
    metric: str
    spans: list[SpanRecord] = Field(default_factory=list)
    total: int

    def write(self, folder: str | Path) -> None:
        """Replace `backtest.json` in one step."""
        files.write_json(Path(folder, BACKTEST_FILE), self.model_dump(mode="json"))

    @classmethod
    def read(cls, folder: str | Path) -> "Backtest | None":
        """What an earlier call left; None where there is nothing.

        Raises:
            UsageError: the file is damaged.
        """
        path = Path(folder, BACKTEST_FILE)
        if not path.exists():
            return None
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise UsageError(
                f"{path} is not a backtest: {error}", "Remove its folder, or begin anew: --force."
            ) from error


@contextlib.contextmanager
def held(folder: Path, *, anew: bool = False) -> Iterator[None]:
    """Hold a backtest's folder, so that nobody else replays the same; what a killed one had begun to write is removed.

    Args:
        folder: of the backtest; made where it is missing.
        anew: remove what an earlier call left.

    Raises:
        UsageError: the folder cannot be written.
        InfrastructureError: another process holds it.
    """
    lock = folder.with_name(f"{folder.name}.lock")
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locks.exclusive(lock))
            if anew:
                shutil.rmtree(folder, ignore_errors=True)
            for path in folder.glob(f"{files.STAGED_PREFIX}*"):
                path.unlink(missing_ok=True)
        except BlockingIOError as error:
            who = locks.holder(lock)
            raise InfrastructureError(
                f"The same backtest is going on in {folder}" + (f": {who}" if who else ""),
                "Wait for it and run again, or choose another --workdir.",
            ) from error
        except OSError as error:
            kind = InfrastructureError if is_machine_failure(error) else UsageError
            raise kind(
                f"The folder {folder} cannot be written: {error.strerror}",
                "Choose another with --workdir, or set WEIGHBRIDGE_WORKDIR.",
            ) from error
        yield
