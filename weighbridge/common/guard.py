"""The process that a shell or Kubeflow sees: it waits for the one that works, and no end of that passes for a success.

A pipeline's own code runs inside the command, or inside a step. It may end the process behind its back: `os._exit(0)`,
a crash in a library, the system's hand where memory ran out. So `fork` starts the work in a child before anything of a
user is loaded, for about a millisecond; the child leaves a mark with its exit code when the work is really done, and a
child that ends without one has not passed.

Ctrl-C reaches both processes, as they are one job of the terminal; a signal that only the parent got is passed on, and
`weighbridge.common.interruption` takes two of a kind for one. A killed parent takes the child along, so that no run
goes on unseen.
"""

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from weighbridge.common.errors import ExitCode
from weighbridge.common.parent import die_with

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_INTERRUPTIONS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_SHOW_CURSOR = "\x1b[?25h"


@dataclass(frozen=True)
class Guarded:
    """How to say of some work that it ended before it was done.

    Attributes:
        fail: prints what went wrong and what to do, returns the exit code.
        code: whose code ran in it.
        unfinished: what was not there yet.
        again: what to do where it was interrupted.
        see: where to look, and what is kept.
    """

    fail: Callable[[str, str, ExitCode], ExitCode]
    code: str
    unfinished: str
    again: str
    see: str


def fork(work: Guarded) -> Callable[[int], None]:
    """Go on in a child process; the parent waits for it and never returns.

    Args:
        work: what the child does, as messages call it.

    Returns:
        To be called with the exit code when the work is done, by the same process.
    """
    reader, writer = os.pipe()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever started us may ignore it: ended children would vanish
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, *_FORWARDED})
    parent = os.getpid()
    child = os.fork()
    if child:
        os.close(writer)
        _wait(child, reader, work)
    die_with(parent, ExitCode.INFRASTRUCTURE)
    os.close(reader)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    worker = os.getpid()

    def done(code: int) -> None:
        if os.getpid() == worker:  # and not a process that a pipeline forked
            os.write(writer, bytes([code]))

    return done


def _wait(child: int, reader: int, work: Guarded) -> NoReturn:
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
    os._exit(mark[0] if mark else _without_mark(status, work))


def _without_mark(status: int, work: Guarded) -> ExitCode:
    """What is exited with where the work's process ended before it was done, having said so."""
    if os.isatty(1):
        os.write(1, _SHOW_CURSOR.encode())  # a line that was being updated had hidden it
    code = os.waitstatus_to_exitcode(status)
    if -code in _INTERRUPTIONS:
        return work.fail("Interrupted", work.again, ExitCode.INFRASTRUCTURE)
    if code == -signal.SIGKILL:
        return work.fail(
            "The process was killed (SIGKILL), as the system does where memory runs out",
            f"Run again, with more memory if that was it. {work.see}",
            ExitCode.INFRASTRUCTURE,
        )
    if code < 0:
        name = signal.Signals(-code).name
        return work.fail(
            f"The process crashed ({name})", f"The log has its last words. {work.see}", ExitCode.INFRASTRUCTURE
        )
    return work.fail(
        f"{work.code} ended the process, with exit code {code}, before {work.unfinished}",
        f"Look for os._exit in it, or in what it calls. {work.see}",
        ExitCode.USAGE,
    )
