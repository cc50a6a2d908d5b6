"""Small input data kept by their digests, so that a model can be made again when the files are others or gone.

`<workdir>/<pipeline>/data/sha256/ab/cdef…`: each file's bytes once, whatever runs read them.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from weighbridge.common import files
from weighbridge.common.digests import file_digest
from weighbridge.common.errors import UsageError, WeighbridgeError
from weighbridge.evidence.summary import AnySummary, InputFile
from weighbridge.runs.record import Run
from weighbridge.runs.run_evidence import kept_folders
from weighbridge.storage import inputs

MEBIBYTE = 1 << 20
_FOLDER = Path("data/sha256")
_CHUNK = 1 << 22


def snapshot_path(workdir: str | Path, digest: str) -> Path | None:
    """The copy of a file that some run kept; None where there is none with these bytes.

    Args:
        workdir: the work directory; all its pipelines are looked at.
        digest: `sha256:…` of the file's bytes. The copy is read again: one that was changed is none.
    """
    digits = digest.removeprefix("sha256:")
    if len(digits) != hashlib.sha256().digest_size * 2 or not digits.isalnum():
        return None
    for home in sorted(Path(workdir).absolute().glob("*/")):
        path = _path(home, digits)
        if path.is_file() and file_digest(path) == f"sha256:{digits}":
            return path
    return None


def keep_snapshots(run: Run, most_mib: float) -> list[str]:
    """Keep the input files of a run, if they are small enough together.

    What cannot be kept costs the run nothing but a warning.

    Args:
        run: that ended.
        most_mib: MiB that all of its files may have together; none are kept of more.

    Returns:
        Warnings, one sentence each.
    """
    folder = kept_folders(run).get("examples")
    try:
        summary = AnySummary.read(folder) if folder else None
        read = summary.files if summary else []
        size = sum(file.bytes for file in read)
        if size > most_mib * MEBIBYTE:
            return [
                f"The data were not snapshotted: their {len(read)} files have {size / MEBIBYTE:,.1f} MiB, "
                f"and --snapshot-data allows {most_mib:g}. They stay where they are, with their digests."
            ]
        return list(_keep(run.folder.parents[1], read))
    except (WeighbridgeError, OSError) as error:
        return [f"The data were not snapshotted: {' '.join(str(error).split())}"]


def _keep(home: Path, read: Iterable[InputFile]) -> Iterable[str]:
    for file in read:
        digits = file.sha256.removeprefix("sha256:")
        path = _path(home, digits)
        if path.is_file() and file_digest(path) == file.sha256:
            continue
        try:
            _copy(file, path)
        except UsageError as error:
            yield f"{file.path} was not snapshotted: {error.message}."


def _copy(file: InputFile, path: Path) -> None:
    """Copy a file's bytes to `path`, which is there whole or not at all.

    Raises:
        UsageError: it cannot be read, or is not any more what the run read.
    """
    found = hashlib.sha256()
    with inputs.open_read(file.path) as source, files.staged_file(path) as staged:
        with staged.open("wb") as copy:
            while chunk := source.read(_CHUNK):
                found.update(chunk)
                copy.write(chunk)
        if f"sha256:{found.hexdigest()}" != file.sha256:
            raise UsageError("it changed since it was read")


def _path(home: Path, digits: str) -> Path:
    return home / _FOLDER / digits[:2] / digits[2:]
