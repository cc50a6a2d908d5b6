"""Pushes to a configuration repository: the version to where models lie, then one commit that says it is production.

1. The version goes to `models` as every push does, whose own record there says no more than which version is newest.
2. One commit changes `production.json` and what is rendered from it, on top of what the branch was when this push
   looked at it: whoever pushed something else meanwhile keeps that, whoever changed the same makes this push fail.

A kill before the commit leaves production as it was, and a version that the next push of the same model names; a commit
is there as a whole or not at all. Imports no tfx.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from weighbridge.common import interruption, progress
from weighbridge.common.digests import bytes_digest, tree_digest
from weighbridge.common.errors import UsageError, WeighbridgeError
from weighbridge.common.rest import build_page
from weighbridge.components.production_model.record import (
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    ProductionRecord,
    parse_record,
)
from weighbridge.components.pusher.git_changes import READ, changes, record_in
from weighbridge.components.pusher.git_message import message, subject
from weighbridge.components.pusher.target import Staged, Target
from weighbridge.evidence.sizing import SIZING_FILE
from weighbridge.storage.destination import open_destination
from weighbridge.storage.git.failures import Conflict
from weighbridge.storage.git.proposals import Proposal, propose, push_options
from weighbridge.storage.git.repository import Repository
from weighbridge.verdict import Gate, Verdict, passed_if
from weighbridge.verdict.verdict import VERDICT_FILE


@dataclass(frozen=True)
class _Push:
    """What is staged.

    Attributes:
        pending: record of a version that is whole at `models` with these bytes, and that no commit named; None for
            none.
        evidence: files to keep with the version.
    """

    pending: ProductionRecord | None
    evidence: Mapping[str, bytes]


class GitTarget:
    """A folder on a branch of a Git repository.

    Args:
        destination: such as `git+https://host/org/config.git//taxi?ref=main`.
        open_target: what pushes to where the models lie.

    Raises:
        UsageError: the address is malformed.
    """

    def __init__(self, destination: str, open_target: Callable[[str], Target]) -> None:
        self._repository = Repository(destination)
        self._open_target = open_target
        self._began = ""
        self._staged: dict[str, _Push] = {}
        self.proposal: Proposal | None = None

    @property
    def _models(self) -> Target:
        return self._open_target(self._repository.settings.models)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold where models lie, and remember the branch's end, so that `commit` fails if somebody changed production.

        Raises:
            UsageError: there is no such repository, branch, folder or settings; or the models may not be written.
            InfrastructureError: the repository or the models cannot be reached.
        """
        self._repository.refresh()
        models = self._models
        with models.exclusive():
            self._held = models
            self._began = self._repository.refresh()
            yield

    def record(self) -> ProductionRecord | None:
        """The production record of the repository; None for nothing yet. An unreadable one is a UsageError."""
        return record_in(self._repository)

    def newest_version(self) -> int | None:
        """The version in production: the cluster serves what the repository says, whatever else is at `models`."""
        record = self.record()
        return None if record is None else record.version

    def next_version(self) -> int:
        """The number after all that were ever used at `models`."""
        return self._models.next_version()

    def model_digest(self, version: int) -> str:
        """`tree_digest` of a version's bytes; empty if it has none."""
        return self._models.model_digest(version)

    def holds(self, version: int, digest: str) -> bool:
        """Whether a version's bytes have this digest."""
        return self._models.holds(version, digest)

    def path(self, version: int) -> str:
        """Address of the version: `git+https://host/org/config.git//taxi?ref=main@7`."""
        return f"{self._repository.address}@{version}"

    @contextmanager
    def stage(self, model: Path | None, evidence: Mapping[str, bytes], statistics: Path | None) -> Iterator[Staged]:
        """Write everything to where models lie, and see whether the newest version there waits for its commit only.

        Args:
            model: folder of the exported model; None names the version in production.
            evidence: bytes of the files to keep with it, by name.
            statistics: folder with `Split-<name>/` folders to keep with it.

        Raises:
            UsageError: the models may not be written, or the model cannot be read.
            InfrastructureError: the models cannot be reached.
        """
        digest = None if model is None else tree_digest(model)
        pending = None if digest is None else self._pending(digest)
        with self._held.stage(model, evidence, statistics) as staged:
            self._staged[str(staged.folder)] = _Push(pending, evidence)
            yield staged

    def commit(self, staged: Staged, record: ProductionRecord) -> ProductionRecord:
        """Make the version at `models`, then the commit, or the pull request: see `proposal` afterwards.

        Args:
            staged: what `stage` gave.
            record: the new record; if its version is taken meanwhile, the next free number is used. A version at
                `models` that waits for its commit is taken up where its kept record says the same, of the same
                verdict, source and approval: else production would name evidence that is not this push's.

        Returns:
            The record that is now production's, or proposed.

        Raises:
            Conflict: somebody changed what is in production, a canary's state or the settings since `exclusive` began.
            Declined: the server takes no push to this branch.
            UsageError: the models or the repository may not be written, or the commit cannot be signed.
            InfrastructureError: the models or the repository cannot be reached.
            KeyboardInterrupt: the process was asked to end before anything could be seen.
        """
        push = self._staged[str(staged.folder)]
        sizing = push.evidence.get(SIZING_FILE)
        replaced, report = self.record(), self._report(record)
        changes(self._repository, record, sizing=sizing)  # what cannot be said is found out before anything is pushed
        self._check_unchanged()
        if push.pending is not None and _says_the_same(push.pending, record):
            interruption.last_look()
            record = push.pending
        else:
            record = self._held.commit(staged, record)
        text = message(record, replaced, self._verdict(record), report, build_page(os.environ))
        changed = changes(self._repository, record, sizing=sizing)
        try:
            if self._proposes(record):
                self.proposal = self._propose(record, changed, text)
            else:
                self._repository.commit(changed, text, self._began, unchanged=READ)
        except WeighbridgeError:
            where = self._held.path(record.version)
            progress.lasts(
                f"version {record.version} is at {where}, and not in production: no commit says so. The next push of "
                "this model, on the same verdict and approval, makes it"
            )
            raise
        return record

    def _pending(self, digest: str) -> ProductionRecord | None:
        """The record of the newest version at `models`, if nothing named that yet and it has the bytes of `digest`."""
        newest, record = self._held.newest_version(), self.record()
        if newest is None or (record is not None and newest <= record.version) or not self._held.holds(newest, digest):
            return None
        data = self._kept(newest, KEPT_RECORD_FILE)
        kept = None if data is None else parse_record(data, self._held.path(newest))
        return kept if kept is not None and (kept.version, kept.model_digest) == (newest, digest) else None

    def _kept(self, version: int, name: str) -> bytes | None:
        """A file that was kept with a version."""
        return open_destination(self._repository.settings.models).read(f"{EVIDENCE_FOLDER}/{version}/{name}")

    def _verdict(self, record: ProductionRecord) -> Verdict | None:
        """The verdict of a record, as it was kept with its version."""
        data = self._kept(record.version, VERDICT_FILE)
        known = data is not None and bytes_digest(data) == record.verdict_digest
        return Verdict.model_validate_json(data) if known and data is not None else None

    def _proposes(self, record: ProductionRecord) -> bool:
        settings = self._repository.settings
        asked = settings.rollbacks if record.rollback else None
        return (asked or settings.changes) == "pull_request"

    def _check_unchanged(self) -> None:
        """Make sure that the commit will be possible, before a version is made that nothing would name."""
        before = {name: self._repository.read(name) for name in READ}
        self._repository.refresh()
        if changed := [name for name, data in before.items() if self._repository.read(name) != data]:
            raise Conflict(
                f"Somebody changed {', '.join(changed)} in {self._repository.address} just now",
                "Run again: the model is then weighed against what is in production now.",
            )

    def _propose(self, record: ProductionRecord, changed: Mapping[str, bytes | None], text: str) -> Proposal | None:
        """Push a branch and ask for a pull request; None where the branch says so already."""
        repository, settings = self._repository, self._repository.settings
        branch = f"weighbridge/{record.pipeline}-{record.version}"
        title, _, body = text.partition("\n")
        asks = push_options(repository.address, repository.branch, title)
        if not repository.propose(changed, text, branch, options=asks):
            return None
        return propose(
            repository.address,
            branch,
            repository.branch,
            subject(record),
            f"```text\n{body.strip().replace('```', '')}\n```\n",
            reviewers=settings.reviewers,
            said=repository.said,
        )

    def _report(self, record: ProductionRecord) -> str:
        """Address of the run's page, where people said how it is made."""
        pattern = self._repository.settings.reports
        try:
            return pattern.format(run_id=record.run_id, pipeline=record.pipeline, version=record.version)
        except (KeyError, IndexError, ValueError) as error:
            raise UsageError(
                f"{self._repository.address}: reports is {pattern!r}, with an unknown name in braces",
                "Known are {run_id}, {pipeline} and {version}.",
            ) from error


def _says_the_same(kept: ProductionRecord, wanted: ProductionRecord) -> bool:
    """Whether two records differ at most in the number of the version, and in when it was pushed."""
    return kept == wanted.model_copy(update={"version": kept.version, "pushed_at": kept.pushed_at})


def proposed(target: Target, record: ProductionRecord) -> tuple[str, list[Gate]]:
    """The page of the pull request that a push made, and the gate that says so; nothing for what is in production."""
    made = target.proposal if isinstance(target, GitTarget) else None
    if made is None:
        return "", []
    when = "it is in production when that is merged"
    message = (
        f"Version {record.version} is proposed in {made.url}: {when}."
        if made.opened
        else f"{made.note} The branch is pushed; open the pull request at {made.url}: {when}."
    )
    progress.lasts(f"version {record.version} is proposed, and not in production yet: {made.url}")
    status = passed_if(made.opened)
    gate = Gate(name="push.pull_request.opened", status=status, severity="warning", observed=made.url, message=message)
    return made.url, [gate]
