"""A process that ends with the one that started it, however that ends."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None)


def die_with(parent: int, code: int) -> None:
    """Let the system kill this process as soon as its parent has ended, also across `exec`.

    Args:
        parent: id of the parent.
        code: to exit with where it has ended already.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(code)
