"""Pushes in processes of their own, to be killed or to race."""

import multiprocessing
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from weighbridge.components.pusher import push

_FORK = multiprocessing.get_context("fork")


def start(work: Callable[[], object]) -> BaseProcess:
    """Call `work` in a forked process, which is quick and shares no lock."""
    process = _FORK.Process(target=_quietly, args=(work,))
    process.start()
    return process


def exit_code(work: Callable[[], object]) -> int | None:
    """Exit code of a process that calls `work`; minus the signal if it was killed."""
    process = start(work)
    process.join()
    return process.exitcode


def push_killed_at(step: int, model: Path, evaluation: Path, destination: Path) -> bool:
    """Push in a process that kills itself right before its `step`-th filesystem call below `destination`.

    Returns:
        Whether it was killed; False if it had fewer steps and ended well.
    """

    def work() -> None:
        sys.addaudithook(_Killer(step, str(destination)))
        push(model, evaluation, destination)

    code = exit_code(work)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def push_killed_within_file(number: int, model: Path, evaluation: Path, destination: Path) -> bool:
    """Push in a process that kills itself when it has copied half of the `number`-th file."""
    copied = []

    def copy_half(source: Path, target: Path) -> None:
        copied.append(source)
        data = Path(source).read_bytes()
        torn = len(copied) == number
        Path(target).write_bytes(data[: len(data) // 2] if torn else data)
        if torn:
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        shutil.copyfile = copy_half  # type: ignore[assignment]
        push(model, evaluation, destination)

    code = exit_code(work)
    assert code in (0, -signal.SIGKILL)
    return code != 0


class _Killer:
    """An audit hook: the interpreter calls it before every call that opens, makes, renames, lists or removes."""

    def __init__(self, step: int, folder: str) -> None:
        self.left = step
        self.folder = folder

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if any(isinstance(argument, str | os.PathLike) and self._inside(argument) for argument in arguments):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def _inside(self, path: "str | os.PathLike[str]") -> bool:
        return os.fspath(path).startswith(self.folder)


def _quietly(work: Callable[[], object]) -> None:
    """End at once: a forked test runner must not run its own exit handlers."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
