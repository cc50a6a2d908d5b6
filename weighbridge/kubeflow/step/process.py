"""What every process in a step's container does: arguments in JSON, errors as exit codes, the log's last lines."""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from weighbridge.common import guard
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError, WeighbridgeError
from weighbridge.common.fast_exit import fast_exit
from weighbridge.common.machine import is_machine_failure
from weighbridge.common.text import mask
from weighbridge.kubeflow.step import termination_message


def run_and_exit(main: Callable[[list[str]], ExitCode]) -> NoReturn:
    """The program of a step's container: `main` in a process of its own, whose end is looked at.

    Kubeflow takes exit code 0 for a step that is done, and code of a user may end the process with it.
    """
    done = guard.fork(_STEP)
    try:
        code = int(main(sys.argv[1:]))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    done(code)
    fast_exit(code)


def run_main(work: Callable[[], ExitCode]) -> ExitCode:
    """Do the work; how it ended is the last thing on stderr, and the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("apache_beam").setLevel(logging.WARNING)  # writes hundreds of lines while it loads
    try:
        return work()
    except WeighbridgeError as error:
        write_last_lines(termination_message.of_error(error))
        return error.exit_code
    except BaseException as error:  # sys.exit(0) somewhere is no success
        if isinstance(error, SystemExit) and isinstance(error.code, int) and error.code > max(ExitCode):
            raise  # ended by a signal, as 143 says
        print(mask(traceback.format_exc()), file=sys.stderr)  # noqa: T201, as it would be printed
        passing = isinstance(error, OSError | KeyboardInterrupt) or is_machine_failure(error)
        known = (InfrastructureError if passing else UsageError)(f"{type(error).__name__}: {error}")
        write_last_lines(termination_message.of_error(known))
        return known.exit_code


def read_json(text: str, argument: str) -> Any:
    """A JSON object or list that came as an argument.

    Raises:
        UsageError: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{argument} is not a JSON object: {error}", "Compile the pipeline again.") from error
    if not isinstance(found, dict | list):
        raise UsageError(f"{argument} is {text[:80]!r}, not a JSON object", "Compile the pipeline again.")
    return found


def write_last_lines(lines: list[str]) -> None:
    """Plain lines, last in the log; and in the pod's termination message, where there is one."""
    lines = [mask(line) for line in lines]
    print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201, the end of the log is read
    message = Path("/dev/termination-log")
    if message.exists():
        with message.open("w") as file:
            file.write("\n".join(line for line in lines if not line.startswith(termination_message.GATES_LINE))[:4000])


def _failed(message: str, hint: str, code: ExitCode) -> ExitCode:
    kind = InfrastructureError if code == ExitCode.INFRASTRUCTURE else UsageError
    write_last_lines(termination_message.of_error(kind(message, hint)))
    return code


_STEP = guard.Guarded(
    fail=_failed,
    code="The step's own code",
    unfinished="the step was done",
    again="It is safe to run again.",
    see="It left no outputs; what it said is above in its log.",
)
