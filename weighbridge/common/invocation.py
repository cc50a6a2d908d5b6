"""What the current run was told on the command line, so that messages deep inside name a whole command to run next."""

import contextlib
import shlex
from collections.abc import Iterator, Sequence

_current: list[tuple[str, ...]] = []
_UNKNOWN = "PIPELINE"


@contextlib.contextmanager
def of(*words: str) -> Iterator[None]:
    """Inside the block commands are about this pipeline.

    Args:
        words: the pipeline as the user named it, and the options that say on which data it runs.
    """
    _current.append(words)
    try:
        yield
    finally:
        _current.pop()


def command(name: str, *options: str, pipeline: str = _UNKNOWN) -> str:
    """A command that a shell takes as it is.

    Args:
        name: of the command: `schema`.
        options: of the command, behind those of the current run.
        pipeline: stands where nobody said which pipeline runs.
    """
    words: Sequence[str] = _current[-1] if _current else (pipeline,)
    return shlex.join(["weighbridge", name, *words, *options])
