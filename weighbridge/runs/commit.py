"""The git commit that a pipeline's code is at."""

import subprocess
from pathlib import Path

_SECONDS = 10


def commit_of(folder: Path) -> str:
    """The commit that `folder` is checked out at, with `+changes` where tracked files differ from it.

    Returns:
        As git tells it; empty where git is not installed, or keeps nothing of that folder.
    """
    # What HEAD does not hold, such as an installed package below a repository, is not of its commit.
    if git(folder, "rev-parse", "--verify", "--quiet", "HEAD:./") is None:
        return ""
    return git(folder, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes") or ""


def git(folder: Path, *arguments: str) -> str | None:
    """Output of a git command that takes no lock and calls no file monitor; None where it fails or takes too long."""
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="surrogateescape", check=False, timeout=_SECONDS
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
