"""Another revision of the source code, taken out of git, to compare with."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from weighbridge.common.digests import file_digest
from weighbridge.common.errors import UsageError


@contextmanager
def revision(reference: str, folder: Path) -> Iterator[Callable[[Path], Path]]:
    """Give the files of a git revision for as long as the block lasts.

    Args:
        reference: branch, tag or commit.
        folder: any folder of the repository.

    Yields:
        What turns a path in the working tree into the one of that revision; paths elsewhere stay as they are.

    Raises:
        UsageError: the folder is in no git repository, or the revision is not there.
    """
    top = repository(folder)
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as temporary:
        tree, index = Path(temporary, "tree"), Path(temporary, "index")
        # A reference that begins with a dash would be an option.
        _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}", base=reference)
        # An index of its own: the working tree's stays as it is.
        _git(top, "read-tree", f"{reference}^{{commit}}", base=reference, index=index)
        _git(top, "checkout-index", "--all", f"--prefix={tree}/", base=reference, index=index)
        yield lambda path: tree / path.relative_to(top) if path.is_relative_to(top) else path


def repository(folder: Path) -> Path:
    """Top folder of the git repository that `folder` is in.

    Raises:
        UsageError: it is in none, or git is not installed.
    """
    return Path(_git(folder, "rev-parse", "--show-toplevel", base="").strip()).resolve()


def lock_files(top: Path) -> dict[str, str]:
    """Digests of the lock files of a source tree, by name."""
    return {path.name: file_digest(path) for path in sorted(top.glob("requirements/*.lock"))}


def _git(folder: Path, *arguments: str, base: str, index: Path | None = None) -> str:
    """Output of a git command; where it fails, the error names `base`, or the repository where that is empty."""
    environment = os.environ | ({} if index is None else {"GIT_INDEX_FILE": str(index)})
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError as error:
        raise UsageError("git is not installed", "--base compares with a revision in git.") from error
    if done.returncode == 0:
        return done.stdout
    if base:
        raise UsageError(
            f"--base {base!r} is not a revision of {folder}", "Is it fetched? See: git branch --all, git tag."
        )
    raise UsageError(f"{folder} is in no git repository", "--base compares with a revision in git.")
