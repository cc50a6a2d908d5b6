"""The files of an input are read as they were found: no row twice, and no file that changes meanwhile. No tfx."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.example_gen import formats
from weighbridge.components.example_gen.feature_types import FeatureTypes
from weighbridge.components.example_gen.resolve import Resolved
from weighbridge.storage import inputs
from weighbridge.storage.inputs import Identity


@dataclass(frozen=True)
class Found:
    """A file before it was read."""

    identity: Identity
    digest: str


@contextmanager
def unchanged(resolved: Resolved) -> Iterator[dict[str, Found]]:
    """What the files are before they are read; behind the block they must be the same.

    A file that was touched has other times and the same bytes: that is no change.

    Args:
        resolved: the files.

    Returns:
        What each file is, by path.

    Raises:
        UsageError: a file cannot be read, or its rows would count twice.
        InfrastructureError: a file changed, whatever reading it ended in.
    """
    found = {}
    for path in resolved.files:
        identity = inputs.identity(path)  # first, so that a change while the digest is made shows, too
        found[path] = Found(identity, inputs.digest(path))
    _no_file_twice(found, lambda path: _has_rows(path, resolved.format))
    try:
        yield found
    except Exception as error:
        _compare(found, error)
        raise
    _compare(found, None)


def _compare(found: dict[str, Found], cause: Exception | None) -> None:
    for path, before in found.items():
        if not _is_same(path, before):
            raise InfrastructureError(
                f"{path} changed while it was read", "Run again once nothing writes to it any more."
            ) from cause


def _is_same(path: str, before: Found) -> bool:
    try:
        return inputs.identity(path) == before.identity or inputs.digest(path) == before.digest
    except UsageError:  # it is gone
        return False


def _no_file_twice(found: dict[str, Found], has_rows: Callable[[str], bool]) -> None:
    """Links to one file, and copies of it, would double its rows; copies of a mere header do not.

    Raises:
        UsageError: names two such files.
    """
    hint = "Remove one of them, or name the files with a glob that leaves it out."
    for first, second in pairwise(sorted(found, key=lambda path: (found[path].digest, path))):
        if found[first].digest != found[second].digest:
            continue
        if found[first].identity.place == found[second].identity.place:
            raise UsageError(f"{first} and {second} are one file: each of its rows would count twice", hint)
        if has_rows(first):
            raise UsageError(f"{first} and {second} hold the same bytes: each row would count twice", hint)


def _has_rows(path: str, format_: str) -> bool:
    malformed: list[int] = []
    batches = formats.read(
        path, format_, FeatureTypes(inferring=True), lambda row, _reason, _line: malformed.append(row)
    )
    return any(batch.num_rows or malformed for batch in batches) or bool(malformed)
