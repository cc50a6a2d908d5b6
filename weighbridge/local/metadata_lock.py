"""Whether ML Metadata's sqlite file can be used: its own library waits for minutes, and asks nothing."""

import shlex
import sqlite3
import time
from pathlib import Path

from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError, UsageError

WAIT_S = 10.0
_PAUSE_S = 0.1


def wait_until_writable(path: str | Path, limit_s: float = WAIT_S) -> None:
    """Wait until no other program holds the file's lock, saying so; one that is not there can be written.

    Args:
        path: the sqlite file.
        limit_s: how long to wait at most.

    Raises:
        InfrastructureError: another program holds it still.
        KeyboardInterrupt: the process was asked to end.
    """
    if not Path(path).is_file():
        return
    deadline = time.monotonic() + limit_s
    while _locked(path):
        if time.monotonic() > deadline:
            raise InfrastructureError(
                f"Another program has locked {path} for more than {limit_s:.0f} s",
                f"End it (`fuser {path}` names it), then run again: finished steps are kept.",
            )
        progress.report(f"waiting for another program that has locked {path}")
        time.sleep(_PAUSE_S)


def check_belongs(path: str | Path, artifacts: str | Path) -> None:
    """Make sure that ML Metadata is that of the artifacts beside it.

    It numbers the folders of artifacts. One that begins anew would give numbers that are taken: a step would write into
    what an earlier one left, which is then part of what it made.

    Args:
        path: the sqlite file; empty for a database of another kind, which is not looked at.
        artifacts: the folder with `<step>/<output>/<number>`.

    Raises:
        UsageError: it is gone, empty or damaged, and artifacts are there.
    """
    file, root = Path(path), Path(artifacts)
    if not str(path) or not any(root.glob("*/*/[0-9]*")):
        return
    problem = _problem(file)
    if problem:
        aside = f"{root.parent}-aside"
        move = shlex.join(["mv", str(root), *([str(file)] if file.exists() else []), aside])
        raise UsageError(
            f"{file} {problem}, but artifacts that it knew are in {root}",
            "Restore it from a copy; or begin without what earlier runs cached: "
            f"{shlex.join(['mkdir', '-p', aside])} && {move}",
        )


def _problem(file: Path) -> str:
    if not file.exists():
        return "is gone"
    if not file.is_file():
        return "is no file"
    connection = sqlite3.connect(file, timeout=0)
    try:
        return "" if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] else "is empty"
    except sqlite3.OperationalError as error:
        return "" if "locked" in str(error) else f"cannot be read ({error})"
    except sqlite3.DatabaseError as error:
        return f"is damaged ({error})"
    finally:
        connection.close()


def _locked(path: str | Path) -> bool:
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    except sqlite3.DatabaseError:  # no database: ML Metadata says so
        return False
    finally:
        connection.close()
    return False
