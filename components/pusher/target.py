"""Where models are pushed to. Imports no tfx.

`Target` is what a push needs of a destination; `FilesystemTarget` is a folder that TensorFlow Serving watches.
`BucketTarget` and `RegistryTarget`, in files of their own, are a prefix of a bucket and a model in MLflow's registry.
"""

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol

from weighbridge.common import files, interruption, locks, progress
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.artifacts.examples import SPLIT_PREFIX
from weighbridge.components.production_model.claim import MODEL_FOLDER
from weighbridge.components.production_model.record import (
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    RECORD_FILE,
    STAGED_EVIDENCE,
    STATISTICS_FOLDER,
    ProductionRecord,
    evidence_folder,
    numbers_in,
    read_record_file,
    record_bytes,
    version_after,
    version_folder,
)
from weighbridge.components.production_model.standing import recorded
from weighbridge.components.pusher.records import same_version, version_in, write_records
from weighbridge.storage.destination import local_destination
from weighbridge.storage.place import LASTING

LOCK_FILE = "lock"


@dataclass(frozen=True)
class Staged:
    """What is ready to be committed.

    Attributes:
        folder: where it lies.
        model_digest: digest of the bytes that would become the new version; None if no new version is made.
    """

    folder: PurePath
    model_digest: str | None


class Target(Protocol):
    """A destination: numbered versions, evidence for each, and the record that names the one in production."""

    def exclusive(self) -> AbstractContextManager[None]:
        """One push at a time: others wait, or fail when they commit. What killed pushes left is mended."""

    def record(self) -> ProductionRecord | None:
        """The production record; None for nothing yet."""

    def newest_version(self) -> int | None:
        """The highest version there is, which is the one that TensorFlow Serving serves."""

    def next_version(self) -> int:
        """The number after all that were ever used."""

    def model_digest(self, version: int) -> str:
        """`tree_digest` of a version's bytes; empty if it has none."""

    def holds(self, version: int, digest: str) -> bool:
        """Whether a version's bytes have this digest."""

    def path(self, version: int) -> str:
        """Where a version is."""

    def stage(
        self, model: Path | None, evidence: Mapping[str, bytes], statistics: Path | None
    ) -> AbstractContextManager[Staged]:
        """Write everything that a push needs where nobody looks; what is not committed is removed again."""

    def commit(self, staged: Staged, record: ProductionRecord) -> ProductionRecord:
        """Make what is staged the version `record` names (or a higher one), and then production."""


class FilesystemTarget:
    """A folder in TensorFlow Serving's layout.

    A push writes and syncs all its bytes in `.staged-<random>/` first; its commit is three renames: model, evidence,
    record. A kill or a full disk before them leaves production as it was; a kill between them leaves one whole
    version that is served and that the record does not name yet: the next push, of whichever model, completes it first.

    Args:
        destination: path of the folder; created by the first push.

    Raises:
        UsageError: the destination is not a local folder's path.
    """

    def __init__(self, destination: str | Path) -> None:
        self._root = local_destination(destination)
        self._evidence = self._root / EVIDENCE_FOLDER

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the folder's lock, which the system lets go of when the process ends, however it ends.

        Raises:
            UsageError: the folder cannot be written.
            InfrastructureError: the disk is full or fails.
        """
        with _explained(self._root):
            if not self._evidence.is_dir():
                self._evidence.mkdir(parents=True, exist_ok=True)
                files.sync_folder(self._root.absolute().parent)
        with ExitStack() as held:
            with _explained(self._root):
                held.enter_context(locks.exclusive(self._evidence / LOCK_FILE, waiting=_waiting))
                self._complete_killed()
                self._remove_leftovers()
            yield

    def record(self) -> ProductionRecord | None:
        """The production record; None for nothing yet. An unreadable one is a UsageError."""
        return recorded(self._root)

    def newest_version(self) -> int | None:
        """The highest version that has a folder."""
        return max((number for number in numbers_in(self._root) if self._folder(number).is_dir()), default=None)

    def next_version(self) -> int:
        """The number after all that were ever used: folders, evidence and record count."""
        record = self.record()
        used = numbers_in(self._root) + numbers_in(self._evidence) + [record.version if record else 0]
        return version_after(used, self._root)

    def model_digest(self, version: int) -> str:
        """`tree_digest` of the version's folder; empty if there is no file in it."""
        try:
            with _explained(self._root):
                return tree_digest(self._folder(version))
        except UsageError:
            return ""

    def holds(self, version: int, digest: str) -> bool:
        """Whether a version's bytes have this digest."""
        return self.model_digest(version) == digest

    def path(self, version: int) -> str:
        """Path of the version's folder."""
        return str(self._folder(version))

    @contextmanager
    def stage(self, model: Path | None, evidence: Mapping[str, bytes], statistics: Path | None) -> Iterator[Staged]:
        """Copy model and evidence to a folder beside the versions that TensorFlow Serving ignores.

        Args:
            model: folder of the SavedModel; None where its version is already there.
            evidence: bytes of the files to keep with it, by name: the verdict, and what is attested.
            statistics: folder with `Split-<name>/` folders to keep with it.

        Raises:
            UsageError: the destination cannot be written or the model cannot be read.
            InfrastructureError: the disk is full or fails.
        """
        folder = self._root / f"{files.STAGED_PREFIX}{uuid.uuid4().hex[:12]}"
        try:
            with _explained(self._root):
                (folder / STAGED_EVIDENCE).mkdir(parents=True)
                for name, data in evidence.items():
                    files.write_bytes(folder / STAGED_EVIDENCE / name, data)
                if statistics is not None:
                    for split in sorted(statistics.glob(f"{SPLIT_PREFIX}*")):
                        files.copy_tree(split, folder / STAGED_EVIDENCE / STATISTICS_FOLDER / split.name)
                if model is not None:
                    files.copy_tree(model, folder / MODEL_FOLDER)
                files.sync_tree(folder)
                digest = None if model is None else tree_digest(folder / MODEL_FOLDER)
            yield Staged(folder, digest)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def commit(self, staged: Staged, record: ProductionRecord) -> ProductionRecord:
        """Rename model, evidence and record to where they belong, in this order.

        Args:
            staged: what `stage` gave.
            record: the new record; if its version is taken meanwhile, the next free number is used.

        Returns:
            The record that is now production's. If an earlier push of this version was killed after it had placed
            the evidence, it is that push's record: a version's evidence never changes.

        Raises:
            UsageError: the destination cannot be written.
            InfrastructureError: the disk is full or fails.
            KeyboardInterrupt: the process was asked to end before anything could be seen.
        """
        with _explained(self._root):
            folder = Path(staged.folder)
            write_records(folder, record)
            interruption.last_look()
            if staged.model_digest is not None:
                while not _rename(folder / MODEL_FOLDER, self._folder(record.version)):
                    record = record.model_copy(update={"version": self.next_version()})
                    write_records(folder, record)
                files.sync_folder(self._root)
            evidence = evidence_folder(self._root, record.version)
            if not _rename(folder / STAGED_EVIDENCE, evidence):
                kept = read_record_file(evidence / KEPT_RECORD_FILE)
                record = same_version(kept, record, str(evidence))
                files.write_bytes(folder / RECORD_FILE, record_bytes(record))
            files.sync_folder(self._evidence)
            (folder / RECORD_FILE).replace(self._root / RECORD_FILE)
            files.sync_folder(self._root)
        return record

    def _folder(self, version: int) -> Path:
        return version_folder(self._root, version)

    def _complete_killed(self) -> None:
        """Place what a killed push had still to place behind its version: the evidence, then the record."""
        newest, record = self.newest_version(), self.record()
        if newest is None or (record is not None and record.version >= newest):
            return
        evidence = evidence_folder(self._root, newest)
        if not (evidence / KEPT_RECORD_FILE).is_file():
            staged = next((folder for folder in self._staged_evidence() if version_in(folder) == newest), None)
            if staged is None or not _rename(staged, evidence):
                return
            files.sync_folder(self._evidence)
        kept = read_record_file(evidence / KEPT_RECORD_FILE)
        if kept.version == newest and self.model_digest(newest) == kept.model_digest:
            files.write_bytes(self._root / RECORD_FILE, record_bytes(kept))

    def _staged_evidence(self) -> list[Path]:
        return list(self._root.glob(f"{files.STAGED_PREFIX}*/{STAGED_EVIDENCE}"))

    def _remove_leftovers(self) -> None:
        """Remove what killed pushes staged. Whoever stages holds the lock, so none of it is in use."""
        for path in self._root.glob(f"{files.STAGED_PREFIX}*"):
            if path.is_dir() and not path.is_symlink():  # of a link, the link alone is a leftover
                shutil.rmtree(path)
            else:
                path.unlink()


def _rename(source: Path, target: Path) -> bool:
    """Rename a folder; False if `target` is already there (an empty folder is replaced)."""
    try:
        source.rename(target)
    except OSError:  # which one, differs between filesystems
        if not target.exists():
            raise
        return False
    return True


def _waiting(holder: str) -> None:
    progress.report(f"waiting for another push to the same destination{f' ({holder})' if holder else ''}")


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    """Turn the system's errors into ones that a person can act on."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        where = f" ({error.filename})" if error.filename and str(error.filename) != str(root) else ""
        message = f"Nothing can be pushed to {root}: {reason}{where}"
        if error.errno in LASTING:
            raise UsageError(message, "The destination must be a folder that this user can write.") from error
        raise InfrastructureError(message, "Production is as it was. Mend the cause, then run again.") from error
