"""Where copies of repositories are kept between commands, one process at a time; whatever is odd there is made anew."""

import atexit
import errno
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weighbridge.common import locks, progress
from weighbridge.common.digests import value_digest
from weighbridge.common.errors import InfrastructureError
from weighbridge.storage.git.address import GitAddress
from weighbridge.storage.git.program import Git, GitFailure

_LOCK = ".lock"


def cache_home() -> Path:
    """The folder of all copies: below `XDG_CACHE_HOME`, else below `~/.cache`."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / ".cache") / "weighbridge" / "git"


@contextmanager
def held(address: GitAddress, kind: str = "head") -> Iterator[Path]:
    """The copy of a repository, which no other process touches inside the block.

    What is in it is not to be relied on: it may have been left by a process that was killed. Where nothing can be
    kept, as on a read-only system, it is a folder that goes with this process.

    Args:
        address: of the repository.
        kind: copies of different kinds lie beside each other.

    Raises:
        InfrastructureError: the disk is full or fails.
    """
    name = value_digest([address.remote, kind]).removeprefix("sha256:")[:24]
    try:
        home = _writable()
        lock = locks.exclusive(home / f"{name}{_LOCK}", waiting=_waiting)
        with lock:
            yield home / f"{name}.git"
    except OSError as error:
        where = f" in {error.filename}" if error.filename else ""
        raise InfrastructureError(
            f"A copy of {address.remote} cannot be kept{where}: {error.strerror or error}",
            "Make room there, or name another folder in XDG_CACHE_HOME.",
        ) from error


def bare(folder: Path, address: GitAddress) -> Git:
    """Git in a copy, which is made where there is none that it knows as its own."""
    git = Git(folder, address)
    try:
        if folder.is_dir() and not folder.is_symlink() and git.text("rev-parse", "--is-bare-repository") == "true":
            return git
    except GitFailure:
        pass
    wipe(folder)
    git("init", "--quiet", "--bare", "--template=", str(folder))
    return git


def wipe(folder: Path) -> None:
    """Remove a copy; whatever it was before."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)


def _waiting(holder: str) -> None:
    progress.report(f"{progress.WAITING}the copy of the configuration repository{f' ({holder})' if holder else ''}")


def _writable() -> Path:
    try:
        home = cache_home()
    except RuntimeError:  # a container's user may have no home
        return _of_this_process()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        if isinstance(error, PermissionError | NotADirectoryError | FileExistsError) or error.errno == errno.EROFS:
            return _of_this_process()
        raise
    return home if os.access(home, os.W_OK | os.X_OK) else _of_this_process()


@functools.cache
def _of_this_process() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="weighbridge-git-"))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # and not of a forked process
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder
