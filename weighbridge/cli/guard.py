"""The process that the shell sees: it waits for the one that works, so that no end of that passes for a success.

A pipeline's own code runs inside the command. It may end the process behind its back: `os._exit(0)`, a crash in a
library, the system's hand where memory ran out. So `fork` starts the work in a child before anything of a user is
loaded, for about a millisecond; the child leaves a mark with its exit code when the command is really done, and a child
that ends without one has not passed.

Ctrl-C reaches both processes, as they are one job of the terminal; a signal that only the parent got is passed on, and
`weighbridge.common.interruption` takes two of a kind for one. A killed parent takes the child along, so that no run
goes on unseen.
"""

import contextlib
import ctypes
import os
import signal
from collections.abc import Callable
from typing import NoReturn

from weighbridge.common.errors import ExitCode

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_INTERRUPTIONS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SHOW_CURSOR = "\x1b[?25h"
_SEE = "`weighbridge runs` says how far it came; finished steps are kept."


def fork(fail: Callable[[str, str, ExitCode], ExitCode]) -> Callable[[int], None]:
    """Go on in a child process; the parent waits for it and never returns.

    Args:
        fail: prints what went wrong and what to do, returns the exit code.

    Returns:
        To be called with the exit code when the command is done, by the same process.
    """
    reader, writer = os.pipe()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever started us may ignore it: ended children would vanish
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, *_FORWARDED})
    parent = os.getpid()
    child = os.fork()
    if child:
        os.close(writer)
        _wait(child, reader, fail)
    _die_with(parent)
    os.close(reader)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    worker = os.getpid()

    def done(code: int) -> None:
        if os.getpid() == worker:  # and not a process that a pipeline forked
            os.write(writer, bytes([code]))

    return done


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was killed before
        os._exit(ExitCode.INFRASTRUCTURE)


def _wait(child: int, reader: int, fail: Callable[[str, str, ExitCode], ExitCode]) -> NoReturn:
    while True:
        received = signal.sigwait({signal.SIGCHLD, *_FORWARDED})
        if received == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, received)
    os.set_blocking(reader, False)
    try:
        mark = os.read(reader, 1)
    except BlockingIOError:  # a process that the pipeline forked holds the other end
        mark = b""
    os._exit(mark[0] if mark else _without_mark(status, fail))


def _without_mark(status: int, fail: Callable[[str, str, ExitCode], ExitCode]) -> ExitCode:
    """What the command exits with whose process ended before it was done, having said so."""
    if os.isatty(1):
        os.write(1, _SHOW_CURSOR.encode())  # a line that was being updated had hidden it
    code = os.waitstatus_to_exitcode(status)
    if -code in _INTERRUPTIONS:
        return fail("Interrupted", "Run again: finished steps are kept.", ExitCode.INFRASTRUCTURE)
    if code == -signal.SIGKILL:
        return fail(
            "The process was killed (SIGKILL), as the system does where memory runs out",
            f"Run again, with more memory if that was it. {_SEE}",
            ExitCode.INFRASTRUCTURE,
        )
    if code < 0:
        name = signal.Signals(-code).name
        return fail(
            f"The process crashed ({name})", f"The run's log has its last words. {_SEE}", ExitCode.INFRASTRUCTURE
        )
    return fail(
        f"The pipeline's own code ended the process, with exit code {code}, before there was a verdict",
        f"Look for os._exit in it, or in what it calls. {_SEE}",
        ExitCode.USAGE,
    )
