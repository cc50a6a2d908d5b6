"""What a file of the folder said in the course of time: the first-parent history of its branch, without other files.

Kept apart from the copy that commits are made in: here are all commits, and of their files only those that were asked
for, where the server can leave out others.
"""

from weighbridge.common import progress
from weighbridge.storage.git import cache
from weighbridge.storage.git.address import GitAddress
from weighbridge.storage.git.failures import explained
from weighbridge.storage.git.partial import bring_commits, bring_files
from weighbridge.storage.git.program import Git, GitFailure
from weighbridge.storage.git.trees import contents

_REF = "refs/heads/looked-at"


def contents_over_time(address: GitAddress, branch: str, name: str) -> list[bytes]:
    """Each content that a file of the folder had on a branch, the newest first; its absences are left out.

    Args:
        address: of the folder.
        branch: its branch.
        name: of the file.

    Raises:
        UsageError, InfrastructureError: the repository cannot be read.
    """
    with cache.held(address, "history") as folder:
        for again in (True, False):
            try:
                return _read(cache.bare(folder, address), address, branch, name)
            except GitFailure as failure:
                if not again:
                    raise explained(failure, address, "read") from failure
                cache.wipe(folder)
    raise AssertionError


def _read(git: Git, address: GitAddress, branch: str, name: str) -> list[bytes]:
    path = "/".join(part for part in (address.folder, name) if part)
    with progress.waiting(f"the history of {address.remote}"):
        bring_commits(git, address, branch, _REF)
    walk = ("--first-parent", "--no-renames", "--raw", "--no-abbrev", "--format=", _REF, "--", path)
    told = [line.split() for line in git.text("log", *walk).splitlines() if line.startswith(":")]
    oids = [new for _, _, _, new, *_ in told if set(new) != {"0"}]
    bring_files(git, ["--first-parent", _REF], path, oids)
    found = contents(git, list(dict.fromkeys(oids)))
    return [found[oid] for oid in oids]
