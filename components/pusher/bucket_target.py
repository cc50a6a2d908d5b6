"""Pushes to a prefix of a bucket, in whatever store it is. Imports no tfx.

An object store has no folders, no rename and no lock, so what a folder gets from three renames comes from here:

- **Everything is uploaded below `.staged-<random>/` and verified first.** TensorFlow Serving takes `<version>/` for a
  version as soon as one object is there, so a slow upload straight to it would be an incomplete version for minutes.
  A copy within a bucket moves no bytes through this machine and takes a moment.
- **A copy per object is still no rename**, so `saved_model.pb` is copied last: without it nobody can load the version,
  and TensorFlow Serving goes on serving the one before and tries again (five times, a minute apart, by default).
- **A claim is written before the first copy**: which number, staged where, which bytes, under which record. It is
  created only if nobody else claimed the number, so versions of two pushers never mix; and whoever comes next finishes
  the copies that a killed push began, whichever model it pushes itself.
- **`production.json` is replaced only if it is still the one that the push began with.** No lock is held: one whose
  holder was killed would have to be broken by guessing how long a push may take. A push that loses leaves at most a
  version whose number is lower than that in production, or the next one to be recorded (`claim.outrun`, `.overtaken`).

No object of a version or its evidence is ever overwritten.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from weighbridge.common import files, interruption, progress
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.artifacts.examples import SPLIT_PREFIX
from weighbridge.components.production_model.claim import MODEL_FOLDER, Claim, evidence
from weighbridge.components.production_model.record import (
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    RECORD_FILE,
    STAGED_EVIDENCE,
    STATISTICS_FOLDER,
    ProductionRecord,
    numbers_of,
    parse_record,
    record_bytes,
    version_after,
)
from weighbridge.components.production_model.standing import recorded, version_digest
from weighbridge.components.pusher.claim import finish, finish_newest, outrun, overtaken, write_claim
from weighbridge.components.pusher.records import same_version
from weighbridge.components.pusher.target import Staged
from weighbridge.storage.bucket import BucketDestination

# Nobody's upload takes longer; one that does fails at its verification.
LEFTOVER_AGE = timedelta(days=1)


class BucketTarget:
    """A prefix of a bucket, in the same layout as a folder.

    A kill or an error before the first copy leaves production as it was. One after it leaves a version that the record
    does not name yet; the next push finishes it, and the next push of the same model names it in the record.

    Args:
        destination: such as `gs://bucket/prefix`; the bucket must be there.

    Raises:
        UsageError: the address names no bucket.
    """

    def __init__(self, destination: str) -> None:
        self._place = BucketDestination(destination)
        self._expected: str | None = None  # version of the record that the push began with
        self._began = 0  # number that it names
        self._uploaded: dict[str, dict[str, str]] = {}  # checksums of the objects of a staged folder, verified
        self._claimed: set[str] = set()  # staged folders that an unfinished claim needs

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Remember the record's version, so that `commit` fails if another push replaced it meanwhile.

        A version that a killed push began to copy is finished; what others left staged is removed after a day.

        Raises:
            UsageError: no such bucket, or no permission.
            InfrastructureError: the service or the way to it fails.
        """
        finish_newest(self._place)
        self._expected = self._place.version(RECORD_FILE)
        record = self.record()
        self._began = record.version if record else 0
        self._remove_leftovers()
        yield

    def record(self) -> ProductionRecord | None:
        """The production record; None for nothing yet. An unreadable one is a UsageError."""
        return recorded(self._place.address)

    def newest_version(self) -> int | None:
        """The highest version that has an object."""
        names = self._place.folders()
        return max((number for number in numbers_of(names) if str(number) in names), default=None)

    def next_version(self) -> int:
        """The number after all that were ever used: versions, evidence, claims and record count."""
        record = self.record()
        names = [*self._place.folders(), *self._place.folders(EVIDENCE_FOLDER)]
        return version_after([*numbers_of(names), record.version if record else 0], self._place.address)

    def model_digest(self, version: int) -> str:
        """`tree_digest` of the version's bytes, see `version_digest`."""
        return version_digest(self._place, version)

    def holds(self, version: int, digest: str) -> bool:
        """Whether a version's bytes have this digest."""
        return self.model_digest(version) == digest

    def path(self, version: int) -> str:
        """Address of the version."""
        return self._place.path(str(version))

    @contextmanager
    def stage(self, model: Path | None, evidence: Mapping[str, bytes], statistics: Path | None) -> Iterator[Staged]:
        """Upload model and evidence to a folder beside the versions that TensorFlow Serving ignores.

        The digest is taken of the local files, and the store's checksum of each object compared with theirs: what was
        uploaded is what the digest is of, for three readings of the local files and no download.

        Args:
            model: folder of the SavedModel; None where its version is already there.
            evidence: bytes of the files to keep with it, by name: the verdict, and what is attested.
            statistics: folder with `Split-<name>/` folders to keep with it.

        Raises:
            UsageError: no permission, or the model cannot be read.
            InfrastructureError: the service or the way to it fails, or a file changed while it was uploaded.
        """
        folder = f"{files.STAGED_PREFIX}{uuid.uuid4().hex[:12]}"
        try:
            yield Staged(PurePosixPath(folder), self._upload(folder, model, evidence, statistics))
        finally:
            if folder not in self._claimed:
                self._place.remove(folder)

    def commit(self, staged: Staged, record: ProductionRecord) -> ProductionRecord:
        """Claim the version, copy what is staged to it, keep its record, and make that production's, in this order.

        Args:
            staged: what `stage` gave.
            record: the new record.

        Returns:
            The record that is now production's. If an earlier push of this version was killed after it had claimed
            it, it is that push's record: a version's evidence never changes.

        Raises:
            UsageError: no permission.
            InfrastructureError: the service or the way to it fails; or another push came first, which leaves at most a
                whole version that the record does not name.
            KeyboardInterrupt: the process was asked to end before anything could be seen.
        """
        kept = self._kept_record(record) if staged.model_digest is None else None
        if kept is None:
            if self._place.version(RECORD_FILE) != self._expected:  # before anything can be seen
                raise self._lost()
            interruption.last_look()
            self._make_version(str(staged.folder), record)
            if staged.model_digest is not None and overtaken(self._place, record.version):
                raise self._lost()
        final = kept or record
        if self._expected is None or not self._place.write(RECORD_FILE, record_bytes(final), self._expected):
            raise self._lost()
        return final

    def _upload(
        self, folder: str, model: Path | None, kept: Mapping[str, bytes], statistics: Path | None
    ) -> str | None:
        """Upload everything below `folder` and verify it; the model's digest."""
        sources = {f"{MODEL_FOLDER}/{name}": path for name, path in _files(model, "**/*").items()}
        for name, path in _files(statistics, f"{SPLIT_PREFIX}*/**/*").items():
            sources[f"{STAGED_EVIDENCE}/{STATISTICS_FOLDER}/{name}"] = path
        try:
            expected = {name: self._place.file_checksum(path) for name, path in sources.items()}
            digest = None if model is None else tree_digest(model)
            for number, (name, path) in enumerate(sources.items(), start=1):
                progress.report(f"uploading file {number} of {len(sources)}")
                self._place.upload(path, f"{folder}/{name}")
        except OSError as error:
            raise UsageError(f"{error.filename or 'A file'} cannot be read: {error.strerror or error}") from error
        for name, data in kept.items():
            self._place.write(f"{folder}/{STAGED_EVIDENCE}/{name}", data)
            expected[f"{STAGED_EVIDENCE}/{name}"] = self._place.bytes_checksum(data)
        found = self._place.checksums(folder)
        if found != expected:
            changed = sorted(name for name in expected | found if expected.get(name) != found.get(name))
            raise InfrastructureError(f"{', '.join(changed[:3])} changed while it was uploaded", "Run again.")
        self._uploaded[folder] = expected
        return digest

    def _make_version(self, folder: str, record: ProductionRecord) -> None:
        """Claim the number of `record` and make its version and evidence of what lies in `folder`."""
        claim = Claim(staged=folder, objects=self._uploaded[folder], record=record)
        self._claimed.add(folder)  # already now: whether a request that failed was served, nobody knows
        if not write_claim(self._place, claim):
            self._claimed.discard(folder)
            raise self._lost()
        if outrun(self._place, record.version, self._began):
            self._place.remove(evidence(record.version))
            self._claimed.discard(folder)
            raise self._lost()
        if not finish(self._place, claim):
            raise InfrastructureError(
                f"Somebody else, who is not a Pusher, wrote to {self.path(record.version)} just now",
                "Run again: the next free number will be used.",
            )
        self._claimed.discard(folder)

    def _kept_record(self, wanted: ProductionRecord) -> ProductionRecord | None:
        name = evidence(wanted.version, KEPT_RECORD_FILE)
        data, path = self._place.read(name), self._place.path(name)
        return None if data is None else same_version(parse_record(data, path), wanted, path)

    def _remove_leftovers(self) -> None:
        """Remove what killed pushes staged: what is young may be a push that is still going on."""
        oldest = datetime.now(UTC) - LEFTOVER_AGE
        for name in self._place.folders():
            if name.startswith(files.STAGED_PREFIX) and self._older(name, oldest):
                self._place.remove(name)

    def _older(self, folder: str, oldest: datetime) -> bool:
        return all(stored.created < oldest for stored in self._place.objects(folder).values())

    def _lost(self) -> InfrastructureError:
        return InfrastructureError(f"Another push changed {self._place.path(RECORD_FILE)} just now", "Run again.")


def _files(folder: Path | None, pattern: str) -> dict[str, Path]:
    if folder is None:
        return {}
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.glob(pattern)) if path.is_file()}
