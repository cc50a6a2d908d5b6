"""Pushes to MLflow's model registry: `models:/taxi@champion`. Imports no tfx.

`weighbridge.storage.registry.log` says why making a version commits a push, and why of several the lowest wins. Here is
what happens around that:

1. What a killed push left is settled: the alias is moved to a version that won and whose pusher never came to it.
2. Model and evidence are uploaded into a run of their own, where nobody looks, and downloaded again: MLflow tells no
   checksum. Where the registry holds the model already, as after a delivery to `models:/taxi@challenger`, its files are
   verified and named again, and none are uploaded.
3. The version is made, with its record and all digests as tags, in one step; its pusher looks whether it won; the alias
   moves.

A kill before the version is made leaves production as it was, and a run that a push removes a day later. One after it
leaves a version that counts as production, and that the next push, of whichever model, moves the alias to.
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath

from weighbridge.common import interruption, progress
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.components.production_model.record import ProductionRecord, parse_record
from weighbridge.components.pusher.mlflow_tags import description, lineage
from weighbridge.components.pusher.registry_upload import commit_in, upload_evidence, upload_model, verdict_in
from weighbridge.components.pusher.target import Staged
from weighbridge.storage.layout import RECORD_FILE
from weighbridge.storage.registry.destination import RegistryDestination
from weighbridge.storage.registry.files import ArtifactFiles
from weighbridge.storage.registry.log import Entry, Log
from weighbridge.storage.registry.registry import EVIDENCE, MODEL_FOLDER
from weighbridge.verdict.verdict import Verdict

LEFTOVER_AGE = timedelta(days=1)  # nobody's upload takes longer; one that does ends without a version
_PAUSES_S = (0.1, 0.3, 1.0, 3.0)
_MOVES = 20  # each that does not end the race means that another push came through


@dataclass(frozen=True)
class Uploaded:
    """What a push has uploaded.

    Attributes:
        evidence_run: run with the evidence, and with the model where that is new.
        evidence: artifact address of the evidence.
        model_run: run with the model.
        source: artifact address of the model.
        verdict: what it was weighed with.
        commit: of the code that it was made with; empty where that is not known.
    """

    evidence_run: str
    evidence: str
    model_run: str
    source: str
    verdict: Verdict
    commit: str = ""


class RegistryTarget:
    """A registered model of MLflow, and one of its aliases.

    Args:
        destination: such as `models:/taxi`, which means `models:/taxi@champion`.

    Raises:
        UsageError: it is none of a registered model.
    """

    def __init__(self, destination: str) -> None:
        self._place = RegistryDestination(destination)
        self._registry = self._place.registry
        self._began: Log | None = None
        self.uploaded: dict[str, Uploaded] = {}
        self._committed: set[str] = set()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Settle what a killed push left, and remember the state, so that `commit` fails if another push changes it.

        Raises:
            UsageError: no permission; or nobody knows what is in production, see `Log.production`.
            InfrastructureError: the server, or the way to it, fails.
        """
        for _ in range(_MOVES):
            log = self._registry.log()
            _ = log.production  # refuses before anything is written
            if not log.head or log.entries[log.head].settled:
                break
            if log.pending is not None:
                progress.report(f"finishing the push of version {log.head}")
                self._move_alias(log.head)
            else:  # its pusher came to the alias, or somebody moved that elsewhere before
                self._registry.settle(log.head, "production" if log.points_at == log.head else "overtaken")
        else:
            raise self._lost()
        self._began = log
        self._remove_leftovers(log)
        yield

    def record(self) -> ProductionRecord | None:
        """The production record; None for nothing yet."""
        data = self._place.read(RECORD_FILE)
        return None if data is None else parse_record(data, self._place.path(RECORD_FILE))

    def newest_version(self) -> int | None:
        """The version in production, which is the one that is served: whoever asks, asks by the alias."""
        found = self._registry.log().production
        return None if found is None else found.number

    def next_version(self) -> int:
        """The number that the next version would get if nobody else made one; the server gives it."""
        return max(self._registry.log().entries, default=0) + 1

    def model_digest(self, version: int) -> str:
        """`tree_digest` of a version's bytes, which are downloaded for it; empty if it has none."""
        return self._place.version_digest(version)

    def holds(self, version: int, digest: str) -> bool:
        """Whether a version holds the bytes of a digest; downloaded only where its record says so."""
        entry = self._registry.log().entries.get(version)
        return entry is not None and entry.model_digest == digest and self._place.digest(entry) == digest

    def path(self, version: int) -> str:
        """MLflow's address of the version."""
        return self._place.path(str(version))

    @contextmanager
    def stage(self, model: Path | None, evidence: Mapping[str, bytes], statistics: Path | None) -> Iterator[Staged]:
        """Upload model and evidence into a run of their own, and verify the model by downloading it.

        Args:
            model: folder of the exported model; None names the version in production, whose files are there.
            evidence: bytes of the files to keep with it, by name: the verdict, and what is attested.
            statistics: folder with `Split-<name>/` folders to keep with it.

        Raises:
            UsageError: no permission, or the model cannot be read.
            InfrastructureError: the server or the way to it fails, or a file changed while it was uploaded.
        """
        word, verdict = uuid.uuid4().hex, verdict_in(evidence)
        self._registry.make_model()
        tags = {"pipeline": verdict.pipeline, "pushed_run": verdict.run_id, "push": word}  # `run_id` is the run's own
        run_id, root = self._registry.begin_run(f"push {verdict.run_id}", tags)
        try:
            digest = verdict.subject["model"] if model is None else tree_digest(model)
            there = self._kept(digest)
            if there is None and model is None:
                raise UsageError(f"No version of {self._place.address} holds the files of {digest} any more")
            if there is None and model is not None:
                upload_model(model, ArtifactFiles(f"{root}/{MODEL_FOLDER}", self._place.address), run_id)
                there = _model_of(run_id, root, digest)
                self._verify(there)
            assert there is not None  # noqa: S101, one of both
            upload_evidence(evidence, statistics, ArtifactFiles(f"{root}/{EVIDENCE}", self._place.address))
            commit = commit_in(evidence)
            self.uploaded[word] = Uploaded(run_id, f"{root}/{EVIDENCE}", there.run_id, there.source, verdict, commit)
            yield Staged(PurePosixPath(word), None if model is None else digest)
        finally:
            if word not in self._committed:
                self._discard(run_id, root)

    def commit(self, staged: Staged, record: ProductionRecord) -> ProductionRecord:
        """Make the version, and move the alias to it if it won.

        Args:
            staged: what `stage` gave.
            record: the new record; its number is the server's to give.

        Returns:
            The record that is now production's.

        Raises:
            UsageError: no permission.
            InfrastructureError: the server or the way to it fails; or another push came first, or somebody moved the
                alias, which leaves production to them.
            KeyboardInterrupt: the process was asked to end before anything could be seen.
        """
        began, word = self._began, str(staged.folder)
        log = self._registry.log()
        if began is None or (log.head, log.points_at) != (began.head, began.points_at):
            raise self._lost()
        interruption.last_look()
        uploaded, replaced = self.uploaded[word], log.production
        text = record.model_dump(mode="json", exclude={"version"}, exclude_defaults=True)
        entry = Entry(
            number=0,
            alias=self._registry.address.alias,
            after=log.head,
            replaces=replaced.number if replaced else 0,
            push=word,
            record=json.dumps(text, sort_keys=True),
            source=uploaded.source,
            evidence=uploaded.evidence,
            run_id=uploaded.model_run,
            model_digest=record.model_digest,
        )
        self._committed.add(word)  # already now: whether a request that failed was served, nobody knows
        made = self._registry.make_version(entry, description(uploaded.verdict), lineage(record, uploaded.commit))
        return record.model_copy(update={"version": self._win(word, made, log, uploaded)})

    def _win(self, word: str, made: int, began: Log, uploaded: Uploaded) -> int:
        """Move the alias to the version that was made, if it won; its number.

        Raises:
            InfrastructureError: another push came first, or somebody moved the alias.
        """
        log, own = self._log_with(word)
        if not own:
            raise InfrastructureError(
                f"MLflow made {self.path(made)}, and does not show it: somebody deleted it, or the server reads from a "
                "database that lags far behind",
                "Run again.",
            )
        first = own[0]
        for twice in own[1:]:  # the client repeated its request
            self._registry.remove_version(twice.number)
        if log.lost(first):
            self._registry.remove_version(first.number)
            self._committed.discard(word)
            raise self._lost()
        if log.points_at == began.points_at:
            self._move_alias(first.number)
        elif log.head == first.number and log.points_at != first.number:
            self._registry.settle(first.number, "overtaken")
            raise InfrastructureError(
                f"Somebody moved {self._place.address} from version {began.points_at or 'none'} to "
                f"{log.points_at or 'none'} just now",
                "Run again: the model is then weighed against that one.",
            )
        with suppress(WeighbridgeError):  # it only says that nothing follows
            self._registry.end_run(uploaded.evidence_run)
        return first.number

    def _log_with(self, word: str) -> tuple[Log, list[Entry]]:
        """The log, when it shows what this push made, and so all that was made before: a server may read a copy."""
        for pause in (*_PAUSES_S, 0.0):
            log = self._registry.log()
            own = [entry for entry in log.own if entry.push == word]
            if own:
                break
            time.sleep(pause)
        return log, own

    def _move_alias(self, number: int) -> None:
        """Move the alias to a version that won; and on, where others won since: see `log`."""
        for _ in range(_MOVES):
            self._registry.move_alias(number)
            self._registry.settle(number, "production")
            log = self._registry.log()
            if log.head in (0, log.points_at):
                return
            number = log.head
        raise InfrastructureError(f"{self._place.address} changes all the time", "Run again.")

    def _kept(self, digest: str) -> Entry | None:
        """A version of whatever alias that holds these bytes, verified; none that may lose yet: its files then go."""
        entries = self._registry.log().entries.values()
        found = [entry for entry in entries if (entry.model_digest, entry.settled) == (digest, "production")]
        return next((entry for entry in reversed(found) if self._place.digest(entry) == digest), None)

    def _verify(self, made: Entry) -> None:
        progress.report("verifying what was uploaded")
        if (found := self._place.digest(made)) != made.model_digest:
            raise InfrastructureError(
                f"What MLflow holds of the model at {made.source} is not what was uploaded: "
                f"{found or 'nothing'}, not {made.model_digest}",
                "Run again.",
            )

    def _discard(self, run_id: str, root: str) -> None:
        for folder in (MODEL_FOLDER, EVIDENCE):
            with suppress(WeighbridgeError):  # a server may let nobody remove files
                ArtifactFiles(f"{root}/{folder}", self._place.address).remove()
        with suppress(WeighbridgeError):
            self._registry.remove_run(run_id)

    def _remove_leftovers(self, log: Log) -> None:
        """Remove the runs of killed pushes that made no version."""
        with suppress(WeighbridgeError):
            needed = {entry.run_id for entry in log.entries.values()}
            needed |= {part for entry in log.entries.values() for part in entry.evidence.split("/")}
            for run_id in self._registry.staged_runs(LEFTOVER_AGE):
                if run_id not in needed:
                    self._registry.remove_run(run_id)

    def _lost(self) -> InfrastructureError:
        return InfrastructureError(f"Another push changed {self._place.address} just now", "Run again.")


def _model_of(run_id: str, root: str, digest: str) -> Entry:
    return Entry(0, "", 0, 0, "", source=f"{root}/{MODEL_FOLDER}", run_id=run_id, model_digest=digest)
