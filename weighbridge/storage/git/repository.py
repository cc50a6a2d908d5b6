"""A folder on a branch of a Git repository: read as a whole, changed by one commit, and never by force.

Each look asks the server for the branch's end, and brings that one commit here, with the files of the folder alone: how
long the history is, and what else the repository holds, does not count.
A change is a commit on top of what was looked at. Where the branch has moved on, the change is made again on its new
end, if the files that it was made from are as they were; else that is a `Conflict`. A commit is there as a whole or not
at all, whenever the process is killed.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.storage.git import cache
from weighbridge.storage.git.address import GitAddress, parse_git_address
from weighbridge.storage.git.failures import Conflict, Moved, explained, explained_commit, explained_push
from weighbridge.storage.git.partial import bring_commits
from weighbridge.storage.git.program import Git, GitFailure
from weighbridge.storage.git.remote import Branch, find_branch
from weighbridge.storage.git.settings import SETTINGS_FILE, GitSettings, parse_settings
from weighbridge.storage.git.signing import committer
from weighbridge.storage.git.trees import Files, files_in, tree_with

_TRIES = 8
_KEPT = 8
_REFS = "refs/weighbridge"

Changes = Mapping[str, bytes | None]


@dataclass(frozen=True)
class Snapshot:
    """The folder as it is in a commit.

    Attributes:
        head: the commit.
        files: by name.
    """

    head: str
    files: Files


class Repository:
    """See the module. What is read is as it was at the last look: `open`, `refresh` or `commit`.

    Args:
        address: such as `git+https://host/org/config.git//taxi?ref=main`.
        sleep: waits so many seconds.

    Raises:
        UsageError: the address is malformed.
    """

    def __init__(self, address: str | GitAddress, sleep: Callable[[float], None] = time.sleep) -> None:
        self.address = address if isinstance(address, GitAddress) else parse_git_address(address)
        self._sleep = sleep
        self.said = ""  # what the server said of the last push
        self._branch = ""
        self._seen: dict[str, Snapshot] = {}
        self._now: Snapshot | None = None

    @classmethod
    def open(cls, address: str | GitAddress) -> "Repository":
        """A repository, looked at.

        Raises:
            UsageError: the address is malformed, or there is no such repository, branch or folder, or the credentials
                do not open it.
            InfrastructureError: it cannot be reached.
        """
        repository = cls(address)
        repository.refresh()
        return repository

    @property
    def branch(self) -> str:
        """The branch, also where the address names none."""
        self._looked()
        return self._branch

    @property
    def settings(self) -> GitSettings:
        """What people say in `weighbridge.yaml`.

        Raises:
            UsageError: there is no such file, or it is malformed.
        """
        return parse_settings(self.read(SETTINGS_FILE), self.address.path(SETTINGS_FILE))

    def head(self) -> str:
        """The commit that was looked at."""
        return self._looked().head

    def read(self, name: str) -> bytes | None:
        """The bytes of a file in the folder; None where there is none."""
        return self._looked().files.get(name)

    def refresh(self) -> str:
        """Look again; the branch's end.

        Raises:
            UsageError, InfrastructureError: as for `open`; a repository that was there before is an
                InfrastructureError.
        """
        try:
            with self._copy() as git:
                branch = find_branch(git, self.address)
                self._branch = branch.name
                self._look(git, branch)
        except UsageError as error:
            if self._now is None:
                raise
            raise InfrastructureError(f"{error.message}; it was there before", error.hint) from error
        return self.head()

    def look(self) -> Snapshot:
        """Look again; the folder as it is now, which stays as it is while others look further.

        Raises:
            UsageError, InfrastructureError: as for `refresh`.
        """
        self.refresh()
        return self._looked()

    def commit(
        self,
        changes: Changes,
        message: str,
        expected_head: str,
        *,
        unchanged: Collection[str] = (),
    ) -> str:
        """Change files of the folder by one commit on the branch.

        Args:
            changes: new content by name; None removes a file. Where all is so already, no commit is made.
            message: of the commit.
            expected_head: the commit that the change was made from.
            unchanged: names of further files that it was made from.

        Returns:
            The branch's end, which holds the change.

        Raises:
            Conflict: somebody changed one of these files since `expected_head`.
            Declined: the server takes no push to this branch.
            UsageError: the credentials may not write, or the key cannot sign.
            InfrastructureError: the server cannot be reached; the change is then there as a whole, or not at all.
        """
        made = ""
        for attempt in range(_TRIES):
            if attempt or self.head() != expected_head:
                self._pause(attempt)
                self.refresh()
            now = self._looked()
            if self._holds(now.files, changes):
                return now.head
            self._check_unchanged(expected_head, {*changes, *unchanged})
            try:
                made = self._push(now.head, changes, message, [now.head], self._branch)
            except Moved:
                continue
            except InfrastructureError:
                if self._arrived(changes):
                    return self.head()
                raise
            return made
        raise InfrastructureError(f"{self.address.remote} changes all the time", "Run again.")

    def propose(self, changes: Changes, message: str, branch: str, options: Sequence[str] = ()) -> str:
        """Put a change of the files as they are now onto a branch of its own.

        A branch that is there and says otherwise gets a commit more, which follows both its own end and this branch's.

        Args:
            changes: as for `commit`.
            message: of the commit.
            branch: its name; made where there is none.
            options: for the server, as `git push -o` gives them.

        Returns:
            The end of that branch; empty where this branch holds the change already, so that there is nothing to say.

        Raises:
            Declined, UsageError, InfrastructureError: as for `commit`.
        """
        for attempt in range(_TRIES):
            self._pause(attempt)
            if attempt:
                self.refresh()
            now = self._looked()
            if self._holds(now.files, changes):
                return ""
            parents = [now.head]
            with self._copy() as git:
                found = find_branch(git, self.address, branch, missing=True)
                if found.head:
                    self._fetch(git, found)
                    if self._holds(files_in(git, found.head, self.address), changes):
                        return found.head
                    parents = [found.head, now.head]
            try:
                return self._push(now.head, changes, message, parents, branch, options)
            except Moved:
                continue
        raise InfrastructureError(f"The branch {branch} of {self.address.remote} changes all the time", "Run again.")

    def _push(
        self, base: str, changes: Changes, message: str, parents: list[str], branch: str, options: Sequence[str] = ()
    ) -> str:
        with self._copy() as git:
            by = committer(git)
            git = Git(git.folder, self.address, by.config)
            tree = tree_with(git, base, self.address, changes)
            try:
                signed = ["-S"] if by.key else []
                follows = [word for parent in parents for word in ("-p", parent)]
                made = git("commit-tree", *signed, *follows, tree, data=message.encode(), environment=by.environment)
            except GitFailure as failure:
                raise explained_commit(failure, self.address, by.key) from failure
            commit = made.decode().strip()
            asked = [f"--push-option={option}" for option in options]
            try:
                with progress.waiting(f"a push to {self.address.remote}"):
                    refs = f"{commit}:refs/heads/{branch}"
                    git("push", "--porcelain", "--no-verify", *asked, self.address.remote, refs)
            except GitFailure as failure:
                raise explained_push(failure, self.address, branch) from failure
            self.said = git.said
            git("update-ref", f"{_REFS}/{branch}", commit)
            if branch == self._branch:
                self._remember(Snapshot(commit, files_in(git, commit, self.address)))
        return commit

    def _arrived(self, changes: Changes) -> bool:
        """Whether a push whose answer was lost was taken all the same."""
        try:
            self.refresh()
        except WeighbridgeError:
            return False
        return self._holds(self._looked().files, changes)

    def _look(self, git: Git, branch: Branch) -> None:
        """Bring a commit here and read the folder; a copy that is broken is made anew, once."""
        if branch.head in self._seen:
            self._now = self._seen[branch.head]
            return
        for again in (True, False):
            try:
                head = self._fetch(git, branch)
                self._remember(Snapshot(head, files_in(git, head, self.address)))
            except GitFailure as failure:
                error = explained(failure, self.address, "read")
                if not again or "no space" in error.message:
                    raise error from failure
                cache.wipe(git.folder)
                cache.bare(git.folder, self.address)
            else:
                return

    def _fetch(self, git: Git, branch: Branch) -> str:
        """Bring the end of a branch here, without what was before; the commit."""
        try:
            git("cat-file", "-e", f"{branch.head}^{{tree}}")
        except GitFailure:
            ref = f"{_REFS}/{branch.name}"
            with progress.waiting(f"{self.address.remote}"):
                bring_commits(git, self.address, branch.name, ref, "--depth=1")
            return git.text("rev-parse", ref)
        return branch.head

    @contextmanager
    def _copy(self) -> Iterator[Git]:
        with cache.held(self.address) as folder:
            try:
                yield cache.bare(folder, self.address)
            except GitFailure as failure:
                raise explained(failure, self.address, "read") from failure

    def _check_unchanged(self, expected_head: str, names: Collection[str]) -> None:
        then, now = self._seen.get(expected_head), self._looked()
        if then is None:
            raise Conflict(f"{expected_head[:12]} is no commit of {self.address} that was looked at", "Look again.")
        changed = sorted(name for name in names if then.files.get(name) != now.files.get(name))
        if changed:
            raise Conflict(
                f"Somebody changed {', '.join(changed)} in {self.address} just now: commit {now.head[:12]} follows "
                f"{then.head[:12]}",
                "Run again: the change is then made from what they said.",
            )

    def _holds(self, files: Files, changes: Changes) -> bool:
        return all(files.get(name) == data for name, data in changes.items())

    def _remember(self, snapshot: Snapshot) -> None:
        self._seen[snapshot.head] = self._now = snapshot
        while len(self._seen) > _KEPT:
            del self._seen[next(iter(self._seen))]

    def _looked(self) -> Snapshot:
        if self._now is None:
            self.refresh()
        assert self._now is not None  # noqa: S101, or refresh raised
        return self._now

    def _pause(self, attempt: int) -> None:
        if attempt > 1:
            self._sleep(random.uniform(0.05, 0.2) * attempt)  # noqa: S311, it parts two pushes
