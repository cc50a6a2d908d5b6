"""Loading large libraries without the garbage collector's help."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
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
