"""The code that made a model: as it lies here, where it is the same, else its commit in a work tree of its own."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.definition import load
from weighbridge.evidence.provenance import Origin
from weighbridge.runs.commit import git
from weighbridge.runs.origin import changes_digest

_SHORT = 12


@dataclass(frozen=True)
class Code:
    """Where the code is taken from.

    Attributes:
        repository: root of the git repository here; None where there is none.
        commit: to be checked out; empty to take the code as it lies here.
        here: folder that the code is imported from here; None where the pipeline cannot be loaded here.
        described: in words.
    """

    repository: Path | None
    commit: str
    here: Path | None
    described: str


def find_code(origin: Origin) -> Code:
    """Decide where the code of a model is taken from. Nothing is changed yet.

    Args:
        origin: of the run that made the model.

    Raises:
        UsageError: the model was made from changes that were never committed and are not those here, its commit is not
            in the repository here, or there is no such pipeline and no repository.
    """
    folder, problem = _folder_of(origin.module)
    here = None if folder is None else import_root(origin.module, folder)
    repository = _root_of(folder or Path.cwd())
    if not origin.commit:
        if here is None:
            raise problem or UsageError(f"The module {origin.module} is not here")
        return Code(repository, "", here, "as it is here: the model's was in no git repository")
    short = origin.commit[:_SHORT]
    if repository is None or git(repository, "rev-parse", "--git-dir") is None:
        raise UsageError(
            f"The model's code is commit {origin.commit}, and there is no git repository here",
            _cloned(origin),
        )
    at = git(repository, "rev-parse", "HEAD")
    changes = changes_digest(repository, folder or repository / origin.folder)
    if here is not None and (at, changes) == (origin.commit, origin.changes):
        return Code(repository, "", here, f"commit {short}, as it is here{' with its changes' if changes else ''}")
    if origin.changes:
        state = "are others" if changes else "are not here"
        raise UsageError(
            f"The model was made from changes to commit {origin.commit} that were never committed "
            f"({origin.changes[:19]}…), and they {state}",
            f"Bring them back: check {short} out in {repository} and apply them. A model that is to be made again is "
            "trained from a commit.",
        )
    if git(repository, "cat-file", "-e", f"{origin.commit}^{{commit}}") is None:
        address = origin.repository or "REMOTE"
        raise UsageError(
            f"The model's code is commit {origin.commit}, which is not in {repository}",
            f"Fetch it: git -C {repository} fetch {address} {origin.commit}",
        )
    return Code(repository, origin.commit, None, f"commit {short}, checked out beside the code here")


def check_out(code: Code, origin: Origin, folder: Path) -> Path:
    """Check the commit out, without a branch, and say what the pipeline's module is imported from.

    Args:
        code: where it is taken from.
        origin: of the run that made the model.
        folder: to be made, for the work tree.

    Raises:
        UsageError: git refuses, or the commit does not hold the pipeline's module.
        InfrastructureError: the disk is full.
    """
    if not code.commit:
        return code.here or Path.cwd()
    command = ["git", "-C", str(code.repository), "-c", f"core.hooksPath={os.devnull}"]  # they are for the user's tree
    command += ["worktree", "add", "--detach", "--force", str(folder), code.commit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.split())
        kind = InfrastructureError if "No space left" in said else UsageError
        raise kind(f"git cannot check {code.commit} out: {said}", "Mend that, then run again.")
    root = import_root(origin.module, folder / origin.folder, folder)
    if root is None:
        raise UsageError(
            f"Commit {code.commit} holds no module {origin.module} in {origin.folder or 'its root'}",
            "Was the pipeline started from another folder, or is it an installed package?",
        )
    return root


def import_root(module: str, folder: Path, above: Path | None = None) -> Path | None:
    """The folder that a module is imported from, given the folder that its file lies in; None where there is none.

    Args:
        module: dotted name.
        folder: of its file, or what a link on the way to that leads to.
        above: the highest folder to look in; None for no limit.
    """
    path = module.replace(".", "/")
    for root in (folder, *folder.parents):
        if (root / f"{path}.py").is_file() or (root / path / "__init__.py").is_file():
            return root
        if root == above:
            break
    return None


def _folder_of(module: str) -> tuple[Path | None, UsageError | None]:
    """The folder that a pipeline's module lies in here, or why it cannot be loaded."""
    try:
        return load(module).folder, None
    except UsageError as error:
        return None, error


def _root_of(folder: Path) -> Path | None:
    if git(folder, "rev-parse", "--verify", "--quiet", "HEAD:./") is None:
        return None
    root = git(folder, "rev-parse", "--show-toplevel")
    return Path(root) if root else None


def _cloned(origin: Origin) -> str:
    if not origin.repository:
        return "Run it in a clone of the repository that holds the pipeline."
    return f"Run it in a clone: git clone {origin.repository}, and cd there."
