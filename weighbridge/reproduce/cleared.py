"""A folder for the time of a command that is gone afterwards, whatever ends the command: also a kill."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Waits until the last end of its input is closed, which the system does for a process that is killed.
_CLEAR = """
trap '' INT TERM HUP
cat >/dev/null
[ -z "$2" ] || git -C "$2" worktree remove --force "$1/code" >/dev/null 2>&1
rm -rf -- "$1"
[ -z "$2" ] || git -C "$2" worktree prune >/dev/null 2>&1
"""
_SECONDS = 60


@contextlib.contextmanager
def cleared_folder(repository: Path | None = None) -> Iterator[Path]:
    """Yield a new folder below the one for temporary files; nothing of it is left when the block ends.

    Args:
        repository: git repository of which `code` in the folder is a work tree, for git to forget it as well.
    """
    folder = Path(tempfile.mkdtemp(prefix="weighbridge-reproduce-"))
    command = ["sh", "-c", _CLEAR, "sh", str(folder), "" if repository is None else str(repository)]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is meant for the command, not for whoever clears up after it
        )
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            process.stdin.close()  # type: ignore[union-attr]
            process.wait(_SECONDS)
