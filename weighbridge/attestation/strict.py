"""Reading evidence that anybody may have written: plain files of bounded size, and JSON that means one thing only."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.machine import is_machine_failure

# Far above an attestation with the files of a large data set and a bill of materials, far below what fills a machine.
MAX_BYTES = 64 << 20
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_plain(path: str | Path, limit: int = MAX_BYTES) -> bytes | None:
    """The bytes of a plain file; None where there is none. Nothing is followed or waited for.

    Raises:
        UsageError: it is a link, a pipe or something else that is no plain file, is too large, or may not be read.
        InfrastructureError: the disk fails.
    """
    try:
        descriptor = os.open(path, _FLAGS)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(f"{path} is no plain file")
            data = file.read(limit + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        if is_machine_failure(error):  # says nothing of the file
            raise InfrastructureError(f"{path} cannot be read: {error.strerror}", "Run again.") from error
        if Path(path).is_symlink():
            raise UsageError(f"{path} is a link: what it leads to may be something else for the next reader") from error
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise UsageError(f"{path} is larger than {limit >> 20} MiB: no attestation is")
    return data


def parse_json(data: bytes) -> Any:
    """A JSON document in UTF-8 in which no key is twice and no number is NaN or infinite: all readers read the same.

    Raises:
        ValueError: it is none.
        RecursionError: it is nested deeper than anything that is attested.
    """
    return json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")
