"""What a server tells of a repository before anything is brought here: its branches and their ends."""

import difflib
from dataclasses import dataclass

from weighbridge.common import progress
from weighbridge.common.errors import UsageError
from weighbridge.storage.git.address import GitAddress
from weighbridge.storage.git.failures import explained
from weighbridge.storage.git.program import Git, GitFailure

_HEADS = "refs/heads/"


@dataclass(frozen=True)
class Branch:
    """A branch.

    Attributes:
        name: without `refs/heads/`.
        head: the commit that it ends in; empty where there is no such branch.
    """

    name: str
    head: str


def find_branch(git: Git, address: GitAddress, name: str = "", *, missing: bool = False) -> Branch:
    """A branch as it is on the server now.

    Args:
        git: in a copy of the repository.
        address: names repository and branch; without one it is the branch that the repository calls its own.
        name: another branch of the same repository.
        missing: whether it may be missing.

    Raises:
        UsageError: there is no such repository or branch, or the credentials do not open it.
        InfrastructureError: it cannot be reached.
    """
    wanted = name or address.branch
    patterns = [f"{_HEADS}{wanted}"] if wanted else ["HEAD"]
    listed = _listed(git, address, "--symref", *patterns)
    own = next((line.removeprefix(f"ref: {_HEADS}").partition("\t")[0] for line in listed if line[:5] == "ref: "), "")
    wanted = wanted or own
    found = (line.split("\t", 1) for line in listed if "\t" in line and not line.startswith("ref: "))
    ends = {ref: commit for commit, ref in found}
    head = ends.get(f"{_HEADS}{wanted}") or (ends.get("HEAD", "") if wanted == own else "")
    if not (wanted and head) and not missing:
        raise _missing(git, address, wanted)
    return Branch(wanted, head)


def _listed(git: Git, address: GitAddress, *arguments: str) -> list[str]:
    try:
        with progress.waiting(address.remote):
            return git.text("ls-remote", *arguments[:1], address.remote, *arguments[1:]).splitlines()
    except GitFailure as failure:
        raise explained(failure, address, "read") from failure


def _missing(git: Git, address: GitAddress, wanted: str) -> UsageError:
    names = [line.partition(_HEADS)[2] for line in _listed(git, address, "--heads")]
    if not names:
        return UsageError(
            f"{address.remote} has no commit yet",
            f"Commit weighbridge.yaml to {address.folder or 'its root'} there, on the branch {wanted or 'main'}.",
        )
    close = difflib.get_close_matches(wanted, names, n=1) if wanted else []
    known = f"did you mean {close[0]}?" if close else f"it has {', '.join(names[:10])}"
    return UsageError(f"{address.remote} has no branch {wanted or 'of its own'}; {known}", "Name one: ?ref=BRANCH")
