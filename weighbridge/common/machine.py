"""Which errors come from the machine and not from code, data or a model: safe to retry, and never an outcome."""

import errno

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
_ERRNOS = FULL_DISK | {
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EAGAIN,
    errno.ESTALE,
    errno.ECONNRESET,
    errno.ETIMEDOUT,
}
# How TensorFlow, sqlite and Python's own imports put the same in errors of their own.
FULL_DISK_WORDS = ("No space left on device", "disk is full")
_WORDS = (
    *FULL_DISK_WORDS,
    "Too many open files",
    "Cannot allocate memory",
    "OOM when allocating",
    "std::bad_alloc",
    "database is locked",
)
# TensorFlow's errors by name: looking at one is no reason to load it.
_TENSORFLOW = {"ResourceExhaustedError", "UnavailableError", "AbortedError"}


def causes(error: BaseException | None) -> list[BaseException]:
    """An error and what caused it, the outermost first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def first_line(error: BaseException) -> str:
    """The first line of an error's message; empty where it has none."""
    return (str(error).strip().splitlines() or [""])[0]


def is_machine_failure(error: BaseException) -> bool:
    """Whether the machine failed, or a thing that the process has too little of: disk, memory, files, network."""
    return any(map(_failed, causes(error)))


def _failed(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _ERRNOS):
        return True
    if any(kind.__name__ in _TENSORFLOW and kind.__module__.startswith("tensorflow") for kind in type(error).__mro__):
        return True
    return any(words in str(error) for words in _WORDS)
