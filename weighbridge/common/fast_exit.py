"""The end of a process that loaded TensorFlow."""

import atexit
import contextlib
import os
import sys
from typing import NoReturn


def fast_exit(code: int) -> NoReturn:
    """End the process with an exit code, at once where TensorFlow is loaded.

    Python would take TensorFlow's and TFX's objects apart one by one, for two seconds. All that a command leaves is
    written and synced by now; what asked to be called at the end is called.
    """
    if "tensorflow" in sys.modules:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # nobody reads, or it is closed
                stream.flush()
        os._exit(code)
    sys.exit(code)
