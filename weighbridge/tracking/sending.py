"""The queue that the folders of runs are, and who works it off: one process at a time.

A run starts a process of its own that sends it, and does not wait for it: `python -m weighbridge.tracking FOLDER`. What
that leaves, `weighbridge sync` sends.
"""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import weighbridge
from weighbridge.common import locks
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError, WeighbridgeError
from weighbridge.tracking.entry import ENTRY_FILE, Entry, read_entry, unsent_folders
from weighbridge.tracking.settings import INSTALL, Server, copied_up_to, tracking_server

LOCK_FILE = ".mlflow.lock"

# After which a process that nobody waits for gives up; `weighbridge sync` has no such limit.
_GIVES_UP_AFTER_S = 900
# By which Jenkins tells the processes of a build that it is to kill when that ends.
_OUTLIVES_BUILD = {"JENKINS_NODE_COOKIE": "dontKillMe"}


@dataclass
class Synced:
    """What became of runs that were unsent.

    Attributes:
        sent: entries that MLflow now has.
        left: folders that it has not, each with the error.
    """

    sent: list[Entry] = field(default_factory=list)
    left: list[tuple[Path, WeighbridgeError]] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """0 where nothing is left, 3 where the server was not reached, else 2."""
        codes = {error.exit_code for _, error in self.left}
        return max(codes, default=ExitCode.PASSED)


def send_all(
    folders: Iterable[Path],
    server: Server,
    waiting: Callable[[str], None],
    ended: Callable[[Path, Entry | WeighbridgeError], None] = lambda folder, what: None,
) -> Synced:
    """Send what is unsent of some runs, in their order; after the first that cannot reach the server no other is tried.

    Args:
        folders: of the runs.
        server: where to.
        waiting: is told who else is sending, while that goes on.
        ended: is told of each run how it went.
    """
    synced = Synced()
    folders = list(folders)
    for position, folder in enumerate(folders):
        try:
            entry = _send(folder, server, waiting)
        except WeighbridgeError as error:
            ended(folder, error)
            synced.left.append((folder, error))
            if isinstance(error, InfrastructureError):
                synced.left += [(each, error) for each in unsent_folders(folders[position + 1 :])]
                break
        else:
            if entry is not None:
                synced.sent.append(entry)
                ended(folder, entry)
    return synced


def _send(folder: Path, server: Server, waiting: Callable[[str], None]) -> Entry | None:
    from weighbridge.tracking.client import send

    try:
        with locks.exclusive(folder.parent / LOCK_FILE, waiting):
            entry = read_entry(folder)  # another process may just have sent it
            if entry is None or entry.state == "sent":
                return None
            try:
                return send(folder, entry, server)
            except WeighbridgeError as error:
                if folder.is_dir():  # writing would make one anew that somebody removed meanwhile
                    entry.became(folder, "unsent", error=error.message)
                raise
    except OSError as error:
        raise InfrastructureError(f"{folder / ENTRY_FILE} cannot be read or written: {error}", "Run again.") from error


def check_client() -> None:
    """Make sure that what sends can be started, without loading MLflow.

    Raises:
        UsageError: MLflow's client is not installed, or a setting of ours is not known.
    """
    copied_up_to()
    if importlib.util.find_spec("mlflow") is None:
        raise UsageError(f"MLflow's client is not installed: {INSTALL}", INSTALL)


def start(folder: Path) -> None:
    """Send a run, and what is unsent of those beside it, in a process that nobody waits for.

    It has no terminal, and outlives whoever started it.

    Raises:
        OSError: no process can be started.
    """
    here = str(Path(weighbridge.__file__).parents[1])  # this very package, wherever it was imported from
    others = os.environ.get("PYTHONPATH", "")
    subprocess.Popen(
        [sys.executable, "-P", "-m", "weighbridge.tracking", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": f"{here}{os.pathsep}{others}".rstrip(os.pathsep)} | _OUTLIVES_BUILD,
        start_new_session=True,
    )


def main(folder: str) -> int:
    """What that process does: the run first, then those beside it, the oldest first."""
    signal.alarm(_GIVES_UP_AFTER_S)
    server = tracking_server()
    if server is None:
        raise UsageError("MLFLOW_TRACKING_URI is not set", "Set it.")
    own = Path(folder)
    beside = [path.parent for path in sorted(own.parent.glob(f"*/{ENTRY_FILE}")) if path.parent != own]
    return int(send_all([own, *unsent_folders(beside)], server, lambda who: None).exit_code)
