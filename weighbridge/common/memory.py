"""What large libraries do to a process' memory, and how steps that share one process keep out of each other's way."""

import contextlib
import ctypes
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """Collect no garbage inside the block; what it made is never looked at again.

    Importing TensorFlow and TFX makes a million objects that all stay. Looking through them again and again while
    more come costs a third of the imports' time, and each later collection would go through them once more.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


def release_memory() -> None:
    """Collect garbage and give freed memory back to the system: the next step's peak is its own."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
