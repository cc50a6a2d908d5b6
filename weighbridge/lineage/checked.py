"""Whether the files that models were trained on still are what they were."""

from collections.abc import Callable, Iterable
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
    """

    file: InputFile
    state: State
    now: str = ""


def check_files(files: Iterable[InputFile], digest_of: Callable[[str], str] = inputs.digest) -> list[CheckedFile]:
    """Read files again and hold their bytes against what was used.

    Args:
        files: as they were used; of one that was used with several bytes each is held against what is there.
        digest_of: digest of the bytes at a path; raises a UsageError where they cannot be read.

    Raises:
        InfrastructureError: a store cannot be reached.
    """
    found = []
    for file in files:
        try:
            now = digest_of(file.path)
        except UsageError:
            found.append(CheckedFile(file=file, state="gone"))
            continue
        found.append(CheckedFile(file=file, state="same" if now == file.sha256 else "changed", now=now))
    return found
