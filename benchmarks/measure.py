"""What a command costs, and each step in it: sampled from outside, by one instrument for whoever is measured."""

import contextlib
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

_EVERY_S = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds, and most resident memory in MiB."""

    wall: float
    cpu: float
    peak_mib: float


@dataclass
class Measured:
    """One command that ended well.

    Attributes:
        whole: the process from its start to its end, imports included; CPU time with its children's.
        samples: seconds since the epoch, CPU seconds so far, resident MiB; shape [samples, 3].
        steps: each step's cost, by name; see `add_steps`.
        auc: of the model that was pushed.
    """

    whole: Cost
    samples: np.ndarray
    steps: dict[str, Cost] = field(default_factory=dict)
    auc: float = float("nan")

    def add_steps(self, database: Path) -> None:
        """Take the steps' beginnings and ends from the ML Metadata of the run."""
        at, cpu, memory = self.samples.T
        for name, (begin, end) in _windows(database).items():
            inside = memory[(at >= begin) & (at <= end)]
            spent = float(np.interp(end, at, cpu) - np.interp(begin, at, cpu))
            self.steps[name] = Cost(end - begin, spent, float(inside.max(initial=0.0)))


def run(command: list[str], folder: Path, limit_s: float = float("inf")) -> Measured | None:
    """Run a command to its end; its output goes to `folder/log.txt`.

    Returns:
        What it cost; None where it was ended because it took longer than `limit_s`.

    Raises:
        SystemExit: it failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    samples: list[tuple[float, float, float]] = []
    with (folder / "log.txt").open("a") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=log, stderr=log)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            samples.append(_sample(process.pid))
            if time.monotonic() - began > limit_s:
                process.kill()
                process.wait()
                return None
            time.sleep(_EVERY_S)
        wall = time.monotonic() - began
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}; see {folder}/log.txt")
    # Not ru_maxrss: whoever measures memory resets it.
    peak = max(memory for _, _, memory in samples)
    return Measured(Cost(wall, usage.ru_utime + usage.ru_stime, peak), np.array(samples))


def _sample(pid: int) -> tuple[float, float, float]:
    """Now, and CPU-seconds and MiB of a process and those below it: `weighbridge` works in a child of its own."""
    ticks, pages, below = 0, 0, [pid]
    while below:
        at = Path(f"/proc/{below.pop()}")
        with contextlib.suppress(OSError):  # it ended meanwhile
            stat = (at / "stat").read_text().rpartition(")")[2].split()
            ticks, pages = ticks + int(stat[11]) + int(stat[12]), pages + int(stat[21])
            below += map(int, (at / "task" / at.name / "children").read_text().split())
    return time.time(), ticks / _TICKS, pages * _PAGE_MIB


def _windows(database: Path) -> dict[str, tuple[float, float]]:
    """When each step of the last run began and ended, in seconds since the epoch; those from the cache are left out."""
    from ml_metadata import metadata_store
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(database)
    store = metadata_store.MetadataStore(config)
    names = {kind.id: kind.name.rpartition(".")[2] for kind in store.get_execution_types()}
    complete = metadata_store_pb2.Execution.State.COMPLETE
    return {
        names[execution.type_id]: (
            execution.create_time_since_epoch / 1000,
            execution.last_update_time_since_epoch / 1000,
        )
        for execution in store.get_executions()
        if execution.last_known_state == complete
    }
