"""Whether the files that models were trained on still are what they were."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from weighbridge.common.errors import UsageError
from weighbridge.evidence.base import Document
from weighbridge.evidence.summary import InputFile
from weighbridge.storage import inputs

State = Literal["same", "changed", "gone"]


class CheckedFile(Document):
    """A file as it is now.

    Attributes:
        file: as it was used.
        state: `same`, `changed`, or `gone`, which it also is where it cannot be read.
        now: digest of its bytes; empty where it is gone.
        kept: where a copy of what was used is; empty for nowhere, or where none is needed.
    """

    file: InputFile
    state: State
    now: str = ""
    kept: str = ""


def check_files(
    files: Iterable[InputFile],
    kept: Callable[[str], Path | None] = lambda digest: None,
    digest_of: Callable[[str], str] = inputs.digest,
) -> list[CheckedFile]:
    """Read files again and hold their bytes against what was used.

    Args:
        files: as they were used; of one that was used with several bytes each is held against what is there.
        kept: where a copy of the bytes of a digest is; None for nowhere.
        digest_of: digest of the bytes at a path; raises a UsageError where they cannot be read.

    Raises:
        InfrastructureError: a store cannot be reached.
    """
    found = []
    for file in files:
        try:
            now = digest_of(file.path)
        except UsageError:
            now = ""
        same = now == file.sha256
        copy = None if same else kept(file.sha256)
        state: State = "same" if same else "changed" if now else "gone"
        found.append(CheckedFile(file=file, state=state, now=now, kept=str(copy or "")))
    return found
