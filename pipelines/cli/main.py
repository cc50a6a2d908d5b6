"""The `weighbridge` command. Loads nothing heavy: each command imports what it needs when it runs."""

import atexit
import os
import sys
from typing import Any, NoReturn

import typer

from components.common.errors import ExitCode, WeighbridgeError
from pipelines.cli import reports, run, schema

app = typer.Typer(
    name="weighbridge",
    help="Weigh data, model and latency before a model reaches production.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("runs")(reports.runs)
app.command("show")(reports.show)
app.command("report")(reports.report)
app.command("schema")(schema.schema)

# Typer brings its own copy of click from 0.20 on; this is the base of usage errors in either.
_UsageProblem: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def main() -> NoReturn:
    """Run the command; every error ends in one clear message, and everything in one of the four exit codes."""
    # A user's own pipeline module lies beside where the command is typed.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109, Path.cwd() would import pathlib for nothing
    command = typer.main.get_command(app)
    try:
        code = command.main(standalone_mode=False)
    except WeighbridgeError as error:
        code = _fail(error.message, error.hint, error.exit_code)
    except typer.Abort:
        code = _fail("Interrupted", "Run again: finished steps are kept.", ExitCode.INFRASTRUCTURE)
    except _UsageProblem as error:
        error.show()
        code = ExitCode.USAGE
    except BrokenPipeError:  # e.g. `weighbridge runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = ExitCode.PASSED
    sys.exit(int(code or 0))


def run_and_leave() -> NoReturn:
    """The `weighbridge` program: `main`, and then the end of the process, at once where TensorFlow is loaded.

    Python would take TensorFlow's and TFX's objects apart one by one, for two seconds. All that a command leaves is
    written and synced by now; what asked to be called at the end is called.
    """
    try:
        main()
    except SystemExit as end:
        if "tensorflow" in sys.modules:
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(end.code or 0))
        raise


def _fail(message: str, hint: str, code: ExitCode) -> ExitCode:
    typer.secho(f"error: {message}", fg="red", err=True)
    if hint:
        typer.echo(f"       {hint}", err=True)
    return code


if __name__ == "__main__":
    run_and_leave()
