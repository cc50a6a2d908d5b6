"""The `weighbridge` command. Loads nothing heavy: each command imports what it needs when it runs."""

import os
import signal
import sys
from typing import Annotated, Any, NoReturn

import typer

from weighbridge import __version__
from weighbridge.cli import (
    backtest,
    catalogue,
    ci,
    data,
    gc,
    kubeflow,
    plan,
    promote,
    reports,
    run,
    schedule,
    schema,
    submit,
    trend,
)
from weighbridge.cli import compile as compiling
from weighbridge.cli.output import EXIT_CODES
from weighbridge.common.errors import ExitCode, WeighbridgeError
from weighbridge.common.fast_exit import fast_exit

app = typer.Typer(
    name="weighbridge",
    help="Weigh data, model and latency before a model reaches production.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},  # of every command: they inherit it
    rich_markup_mode="markdown",  # paragraphs fit the window
    pretty_exceptions_enable=False,
)


def _show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"weighbridge {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


app.command("run", epilog=EXIT_CODES)(run.run)
app.command("plan", epilog=EXIT_CODES)(plan.plan)
app.command("backtest", epilog=EXIT_CODES)(backtest.backtest)
app.command("promote", epilog=EXIT_CODES)(promote.promote)
app.command("runs", epilog=EXIT_CODES)(reports.runs)
app.command("show", epilog=EXIT_CODES)(reports.show)
app.command("report", epilog=EXIT_CODES)(reports.report)
app.command("gc", epilog=EXIT_CODES)(gc.gc)
app.command("trend", epilog=EXIT_CODES)(trend.trend)
app.command("schema", epilog=EXIT_CODES)(schema.schema)
app.command("compile", epilog=EXIT_CODES)(compiling.compile_pipeline)
app.command("component", epilog=EXIT_CODES)(compiling.component)
app.command("components", epilog=EXIT_CODES)(catalogue.components)
app.command("submit", epilog=EXIT_CODES)(submit.submit)
app.command("status", epilog=EXIT_CODES)(kubeflow.status)
app.command("logs", epilog=EXIT_CODES)(kubeflow.logs)
app.command("cancel", epilog=EXIT_CODES)(kubeflow.cancel)
app.add_typer(schedule.app, name="schedule")
app.add_typer(data.app, name="data")
app.add_typer(ci.app, name="ci")

# Typer brings its own copy of click from 0.20 on; this is the base of usage errors in either.
_UsageProblem: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

# What Typer makes of Ctrl-C.
_SIGINT_CODE = 130


def main() -> NoReturn:
    """Run the command; every error ends in one clear message, and everything in one of the four exit codes."""
    # A user's own pipeline module lies beside where the command is typed.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109, Path.cwd() would import pathlib for nothing
    command = typer.main.get_command(app)
    try:
        code = command.main(prog_name="weighbridge", standalone_mode=False)
        if code == _SIGINT_CODE:
            raise typer.Abort
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


def run_and_exit() -> NoReturn:
    """The `weighbridge` program: `main`, and the end of the process."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        main()
    except SystemExit as end:
        fast_exit(int(end.code or 0))


def _interrupt(*_: object) -> NoReturn:
    """SIGTERM, as build servers send it, is like Ctrl-C; a second one does not disturb what is being saved."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _fail(message: str, hint: str, code: ExitCode) -> ExitCode:
    typer.secho(f"error: {message}", fg="red", err=True)
    if hint:
        typer.echo(f"       {hint}", err=True)
    return code


if __name__ == "__main__":
    run_and_exit()
