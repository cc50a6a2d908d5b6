"""The data that a model was trained on: found again, verified by digest, and laid where nothing else is read."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.example_gen.resolve import located
from weighbridge.evidence.provenance import DataOrigin
from weighbridge.evidence.summary import InputFile
from weighbridge.storage import inputs
from weighbridge.storage.schemes import is_address

_WILD = re.compile(r"[*?\[{]")
_MOST_NAMED = 5


@dataclass(frozen=True)
class VerifiedFile:
    """A file whose bytes are the recorded ones.

    Attributes:
        recorded: the file as the training read it.
        path: where its bytes are now.
    """

    recorded: InputFile
    path: str


def verify(data: Sequence[DataOrigin], given: str, other: str = "", bases: Sequence[Path] = ()) -> list[VerifiedFile]:
    """Find every file that a model was trained on, and compare its bytes with what was recorded.

    Args:
        data: of the model's provenance.
        given: the pipeline's parameter `data`; empty for none.
        other: a file, folder or pattern that holds files of the same names now; empty for where they were.
        bases: folders that a relative path may have begun at, besides the working directory.

    Raises:
        UsageError: files are missing or have other bytes; names each of the first.
        InfrastructureError: a store cannot be reached.
    """
    files = [file for origin in data for file in origin.files]
    found, problems = [], []
    for number, file in enumerate(files, 1):
        progress.report(f"reading the data: file {number} of {len(files)}, {PurePosixPath(file.path).name}")
        candidates = list(_candidates(file.path, given, other, bases))
        there = [path for path in candidates if inputs.is_file(path)]
        if not there:
            problems.append(f"{candidates[0]} is not there")
            continue
        digests = {path: inputs.digest(path).removeprefix("sha256:") for path in there}
        wanted = file.sha256.removeprefix("sha256:")
        if (path := next((path for path, digest in digests.items() if digest == wanted), None)) is None:
            path, digest = next(iter(digests.items()))
            problems.append(f"{path} was changed: its SHA-256 is {digest}, the model was trained on {wanted}")
        else:
            found.append(VerifiedFile(file, path))
    if problems:
        more = f", and {len(problems) - _MOST_NAMED} more" if len(problems) > _MOST_NAMED else ""
        raise UsageError(
            f"The model cannot be made again, since its data are not what they were: "
            f"{'; '.join(problems[:_MOST_NAMED])}{more}",
            "Restore the files, or name a folder that holds them, under the same names: --data FOLDER.",
        )
    return found


def _candidates(recorded: str, given: str, other: str, bases: Sequence[Path]) -> Iterator[str]:
    """Where a file may be, the likeliest first."""
    if not other:
        yield recorded
        if not is_address(recorded):
            yield from (str(base / recorded) for base in bases)
        return
    below = below_root(recorded, given)
    root = _join(fixed_part(other), "") if _WILD.search(other) else other
    if inputs.is_file(other):
        yield other
        return
    parts = PurePosixPath(below).parts
    for length in range(len(parts), 0, -1):
        yield _join(root, "/".join(parts[-length:]))


def fixed_part(pattern: str) -> str:
    """The folder above everything that a pattern matches; of a plain path the path itself."""
    match = _WILD.search(pattern)
    return pattern if match is None else pattern[: match.start()].rpartition("/")[0] or "."


def below_root(path: str, given: str) -> str:
    """A file's path below what a pipeline was given as its data; its name where it lies elsewhere."""
    root = fixed_part(located(given)) if given else ""
    for base in (root, str(Path(root).absolute()) if root and not is_address(root) else ""):
        if base and path.startswith(base.rstrip("/") + "/"):
            return path[len(base.rstrip("/")) + 1 :]
    return PurePosixPath(path).name


@dataclass(frozen=True)
class Laid:
    """Data as a pipeline is to be given it.

    Attributes:
        data: for `--data`; None to leave it to the pipeline, which reads its data from where they are.
        described: how much it is, in words.
    """

    data: str | None
    described: str


def lay(found: Sequence[VerifiedFile], given: str, folder: Path) -> Laid:
    """Lay verified files into a folder in which there is nothing else, as a pipeline's data lay.

    What was added to a folder or a pattern since then is so not read. Files on the same disk are linked.

    Args:
        found: the files.
        given: the pipeline's parameter `data`; empty where it has none.
        folder: to be made.

    Raises:
        UsageError: a pipeline without `data` was given files that are elsewhere now.
        InfrastructureError: the disk is full, or a file changed while it was copied.
    """
    size = sum(file.recorded.bytes for file in found)
    described = f"{len(found)} file{'s' * (len(found) != 1)}, {size:,} bytes"
    if not given or not found:
        moved = [file for file in found if file.path != file.recorded.path]
        if moved:
            raise UsageError(
                f"The pipeline has no parameter data: it reads {moved[0].recorded.path} wherever it is told to",
                "Restore the files to where they were.",
            )
        return Laid(None, described)
    names = [below_root(file.recorded.path, given) for file in found]
    if len(set(names)) < len(names):  # of several inputs: they are read where they are
        return Laid(None, described)
    for file, name in zip(found, names, strict=True):
        _copy(file, folder / name)
    return Laid(_moved(given, folder, names), described)


def _moved(given: str, folder: Path, names: Sequence[str]) -> str:
    """What a pipeline is told in place of its data."""
    given = located(given)
    match = _WILD.search(given)
    if match is not None and not (inputs.is_file(given) or inputs.is_folder(given)):
        root = fixed_part(given)
        return str(folder / given[len(root) :].lstrip("/")) if root != "." else str(folder / given)
    one = len(names) == 1 and names[0] == PurePosixPath(given).name
    return str(folder / names[0]) if one and not inputs.is_folder(given) else str(folder)


def _copy(file: VerifiedFile, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with inputs.local_file(file.path) as path:
            try:
                os.link(Path(path).resolve(), target)
            except OSError:
                shutil.copyfile(path, target)
    except OSError as error:
        raise InfrastructureError(
            f"{file.path} cannot be copied to {target}: {error.strerror}", "Free or add disk, then run again."
        ) from error


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if name else folder
