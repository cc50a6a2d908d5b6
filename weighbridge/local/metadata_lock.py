"""Whether ML Metadata's sqlite file can be written: its own library waits for minutes and says nothing."""

import sqlite3
import time
from pathlib import Path

from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError

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
