"""Copies that lack what nobody asked for: commits and trees are brought here, of files only those that are named.

A server that cannot leave files out sends all of them, which does no harm.
"""

from collections.abc import Collection

from weighbridge.storage.git.address import GitAddress
from weighbridge.storage.git.program import Git

# Git asks a remote by its name for what was left out.
_REMOTE = "origin"
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--filter=blob:none")


def bring_commits(git: Git, address: GitAddress, branch: str, ref: str, *options: str) -> None:
    """Bring the commits of a branch here, and their trees.

    Args:
        git: in the copy.
        address: of the repository.
        branch: its branch.
        ref: that keeps it here.
        options: of `git fetch`, such as `--depth=1`.

    Raises:
        GitFailure: it cannot be read.
    """
    git("config", f"remote.{_REMOTE}.url", address.remote)
    git(*_FETCH, *options, _REMOTE, f"+refs/heads/{branch}:{ref}")


def bring_files(git: Git, walk: Collection[str], path: str, wanted: Collection[str]) -> None:
    """Bring files here that were left out, all at once.

    Args:
        git: in the copy.
        walk: where they are, as `git rev-list` takes it.
        path: what they lie below.
        wanted: names of the objects.

    Raises:
        GitFailure: they cannot be read.
    """
    found = git.text("rev-list", "--objects", "--missing=print", *walk, "--", path or ".").splitlines()
    missing = [line[1:] for line in found if line.startswith("?") and line[1:] in set(wanted)]
    if missing:
        names = "\n".join([*missing, ""]).encode()
        git("-c", "fetch.negotiationAlgorithm=noop", *_FETCH, "--stdin", _REMOTE, data=names)
