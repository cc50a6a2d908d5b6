"""How every command ends: one sentence about what went wrong, what to do, and one of the four exit codes."""

import contextlib
import os
import sys
import traceback
from types import TracebackType
from typing import Any

import typer

from weighbridge.common import interruption, machine, streams
from weighbridge.common.errors import ExitCode, WeighbridgeError
from weighbridge.common.text import clean, mask

# Typer brings its own copy of click from 0.20 on; this is the base of usage errors in either.
_UsageProblem: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

INTERRUPTED = ("Interrupted", "Run again: finished steps are kept.")


def fail(message: str, hint: str, code: ExitCode) -> ExitCode:
    """Print what went wrong and what to do on stderr; returns the exit code."""
    typer.secho(f"error: {clean(mask(message))}", fg="red", err=True)
    if hint:
        typer.echo("\n".join(f"       {line}" for line in clean(mask(hint)).splitlines()), err=True)
    return code


def failed(error: BaseException) -> int:
    """Say in one sentence what a command ended in, whatever that is; returns the exit code."""
    if "--verbose" in sys.argv and not isinstance(error, (WeighbridgeError, typer.Abort, _UsageProblem)):
        typer.echo(clean(mask("".join(traceback.format_exception(error)))), err=True)
    if isinstance(error, WeighbridgeError):
        return fail(error.message, error.hint, error.exit_code)
    if isinstance(error, (typer.Abort, KeyboardInterrupt)) or interruption.asked():
        return fail(*INTERRUPTED, ExitCode.INFRASTRUCTURE)
    if isinstance(error, _UsageProblem):
        message = clean(mask(error.format_message()))
        error.format_message = lambda: message
        error.show()
        return ExitCode.USAGE
    if isinstance(error, SystemExit):
        if _of_typer(error):  # what shells ask for, to complete words
            return int(error.code or 0)
        error = error.__context__ if isinstance(error.__context__, OSError) else error
    reason = f"{type(error).__name__}: {machine.first_line(error)}".rstrip(": ")
    if machine.is_machine_failure(error) or isinstance(error, BrokenPipeError):
        return fail(f"The machine failed: {reason}", "Mend that, then run again.", ExitCode.INFRASTRUCTURE)
    what = "The pipeline's own code called sys.exit" if isinstance(error, SystemExit) else "The command failed"
    hints = [_place(error.__traceback__)]
    if isinstance(error, ImportError):
        hints.append("Is a library missing, or another than the tested one? See: weighbridge doctor")
    return fail(f"{what}: {reason}", "\n       ".join(filter(None, hints)), ExitCode.USAGE)


def shown(code: int) -> int:
    """The exit code of a command that is done, once all it printed is written: what nobody could see is not passed."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads, or a pipeline's code closed it
            stream.flush()
    failure = streams.failure()
    if failure is None or code in (ExitCode.USAGE, ExitCode.INFRASTRUCTURE):
        return code
    return fail(
        f"What was to be shown cannot be written: {failure.strerror}",
        "What the command did is done; `weighbridge show` has the latest run.",
        ExitCode.INFRASTRUCTURE,
    )


def _of_typer(end: SystemExit) -> bool:
    return (
        not end.code and _last_module(end.__traceback__).startswith("typer.")
    ) or "_WEIGHBRIDGE_COMPLETE" in os.environ


def _last_module(trace: TracebackType | None) -> str:
    name = ""
    while trace is not None:
        name, trace = str(trace.tb_frame.f_globals.get("__name__", "")), trace.tb_next
    return name


def _place(trace: TracebackType | None) -> str:
    """Where it was raised, as far as that is in a file."""
    frames = [frame for frame in traceback.extract_tb(trace) if not frame.filename.startswith("<")]
    return f"Raised in {frames[-1].filename}, line {frames[-1].lineno}." if frames else ""
