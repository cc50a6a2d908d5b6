"""What the commits of a build touched: code, documents or nothing. Told by git alone, so it costs nothing."""

import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from weighbridge.common.errors import UsageError

_DOCUMENT = re.compile(r"docs/.*|(.*/)?[^/]+\.md|LICENSE[^/]*", re.DOTALL)
# A test of documents says so: `pytestmark = pytest.mark.documents`.
_MARK = "pytest.mark.documents"

# Where CI servers say what a change is compared with: for a proposed change the branch it goes to, else the commit
# of the last build that was green (Jenkins) or was pushed before (GitLab).
_TARGET_BRANCHES = ("CHANGE_TARGET", "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
_COMMITS = ("GIT_PREVIOUS_SUCCESSFUL_COMMIT", "CI_COMMIT_BEFORE_SHA")


class Changes(BaseModel):
    """What changed between two commits.

    Attributes:
        base: the revision compared with; empty where none is known, which counts as everything.
        files: paths that differ, relative to the repository.
        code: whether anything but documents differs.
        documents: whether documents differ.
        tests: arguments for pytest: none for all tests, the tests of documents where nothing else differs; None where
            there is nothing to test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    files: tuple[str, ...]
    code: bool
    documents: bool
    tests: str | None


def base_of(environment: Mapping[str, str]) -> str:
    """The revision that a CI server's environment names, see `_TARGET_BRANCHES` and `_COMMITS`; empty for none."""
    for name in _TARGET_BRANCHES:
        if environment.get(name):
            return f"origin/{environment[name]}"
    return next((environment[name] for name in _COMMITS if environment.get(name)), "")


def changes(repository: Path, base: str) -> Changes:
    """What `HEAD` changed since it left `base`.

    Args:
        repository: a git checkout.
        base: a revision. One that is not here, as in a shallow clone, counts as everything, like none at all.

    Raises:
        UsageError: `repository` is not a git checkout.
    """
    if _git(repository, "rev-parse", "HEAD") is None:
        raise UsageError(
            f"{repository} is not a git checkout with a commit", "Run it where the repository is checked out."
        )
    # A branch name that begins with a dash must not become an option.
    start = _git(repository, "merge-base", "--", base, "HEAD") if base else None
    if not start:
        return Changes(base="", files=(), code=True, documents=True, tests="")
    listed = _git(repository, "diff", "--name-only", "--no-renames", "-z", start.strip(), "HEAD") or ""
    files = tuple(name for name in listed.split("\0") if name)
    documents = tuple(name for name in files if _DOCUMENT.fullmatch(name))
    code = len(documents) < len(files)
    tests = "" if code else document_tests(repository) if documents else None
    return Changes(base=base, files=files, code=code, documents=bool(documents), tests=tests)


def document_tests(repository: Path) -> str:
    """Arguments for pytest that run the tests of documents, and load no others."""
    marked = [
        path.relative_to(repository).as_posix()
        for path in sorted((repository / "tests").rglob("test_*.py"))
        if _MARK in path.read_text(encoding="utf-8")
    ]
    return shlex.join(["-m", "documents", *marked])


def _git(repository: Path, *arguments: str) -> str | None:
    """Output of a git command; None where it fails."""
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None
