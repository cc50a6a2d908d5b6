"""The `weighbridge` command. Loads nothing heavy: each command imports what it needs when it runs."""

import os
import sys
from typing import Annotated, NoReturn

import typer

from weighbridge import __version__
from weighbridge.cli import (
    backtest,
    canary,
    catalogue,
    check,
    ci,
    data,
    diff,
    doctor,
    gates,
    gc,
    image,
    init,
    kubeflow,
    lineage,
    listing,
    load,
    lock,
    logs,
    plan,
    production,
    promote,
    reports,
    reproduce,
    rollback,
    run,
    sbom,
    schedule,
    schema,
    serve,
    submit,
    sync,
    trend,
    verify,
)
from weighbridge.cli import compile as compiling
from weighbridge.cli.ending import INTERRUPTED, fail, failed, shown
from weighbridge.cli.output import EXIT_CODES
from weighbridge.common import guard, interruption, streams
from weighbridge.common.errors import UsageError
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
app.command("check", epilog=EXIT_CODES)(check.check)
app.command("plan", epilog=EXIT_CODES)(plan.plan)
app.command("backtest", epilog=EXIT_CODES)(backtest.backtest)
app.command("promote", epilog=EXIT_CODES)(promote.promote)
app.command("rollback", epilog=EXIT_CODES)(rollback.rollback)
app.command("canary", epilog=EXIT_CODES)(canary.canary)
app.command("verify", epilog=EXIT_CODES)(verify.verify)
app.command("serve", epilog=EXIT_CODES)(serve.serve)
app.command("production", epilog=EXIT_CODES)(production.production)
app.command("lineage", epilog=EXIT_CODES)(lineage.lineage)
app.command("list", epilog=EXIT_CODES)(listing.list_pipelines)
app.command("runs", epilog=EXIT_CODES)(reports.runs)
app.command("show", epilog=EXIT_CODES)(reports.show)
app.command("report", epilog=EXIT_CODES)(reports.report)
app.command("reproduce", epilog=EXIT_CODES)(reproduce.reproduce)
app.command("gc", epilog=EXIT_CODES)(gc.gc)
app.command("diff", epilog=EXIT_CODES)(diff.diff)
app.command("trend", epilog=EXIT_CODES)(trend.trend)
app.command("sync", epilog=EXIT_CODES)(sync.sync)
app.command("schema", epilog=EXIT_CODES)(schema.schema)
app.command("gates", epilog=EXIT_CODES)(gates.gates)
app.command("load", epilog=EXIT_CODES)(load.load)
app.command("doctor", epilog=EXIT_CODES)(doctor.doctor)
app.command("lock", epilog=EXIT_CODES)(lock.lock)
app.command("sbom", epilog=EXIT_CODES)(sbom.sbom)
app.command("image", epilog=EXIT_CODES)(image.image)
app.command("compile", epilog=EXIT_CODES)(compiling.compile_pipeline)
app.command("component", epilog=EXIT_CODES)(compiling.component)
app.command("components", epilog=EXIT_CODES)(catalogue.components)
app.command("submit", epilog=EXIT_CODES)(submit.submit)
app.command("status", epilog=EXIT_CODES)(kubeflow.status)
app.command("logs", epilog=EXIT_CODES)(logs.logs)
app.command("cancel", epilog=EXIT_CODES)(kubeflow.cancel)
app.command("init", epilog=EXIT_CODES)(init.init)
app.add_typer(schedule.app, name="schedule")
app.add_typer(data.app, name="data")
app.add_typer(ci.app, name="ci")

# What Typer makes of Ctrl-C.
_SIGINT_CODE = 130

_COMMAND = guard.Guarded(
    fail=fail,
    code="The pipeline's own code",
    unfinished="there was a verdict",
    again=INTERRUPTED[1],
    see="`weighbridge runs` says how far it came; finished steps are kept.",
)


def main() -> NoReturn:
    """Run the command; every error ends in one clear message, and everything in one of the four exit codes."""
    try:
        _check_arguments()
        _import_from_here()
        code = typer.main.get_command(app).main(prog_name="weighbridge", standalone_mode=False)
        if code == _SIGINT_CODE:
            raise typer.Abort
    except BaseException as error:  # code of users raises what it likes
        code = failed(error)
    sys.exit(shown(int(code or 0)))


def run_and_exit() -> NoReturn:
    """The `weighbridge` program: `main` in a process of its own, whose end is looked at."""
    streams.prepare()
    os.umask(os.umask(0o022) | 0o022)  # what a run keeps is for others to read, at most
    try:
        done = guard.fork(_COMMAND)
    except OSError as error:
        fast_exit(failed(error))
    interruption.listen()
    try:
        main()
    except SystemExit as end:
        done(int(end.code or 0))
        fast_exit(int(end.code or 0))


def _check_arguments() -> None:
    """What is kept and shown is UTF-8; an argument that is not could be neither."""
    for word in sys.argv[1:]:
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                f"The argument {word!a} is not UTF-8", "Rename the file, or give another value."
            ) from error


def _import_from_here() -> None:
    """A user's own pipeline module lies beside where the command is typed."""
    try:
        here = os.getcwd()  # noqa: PTH109, Path.cwd() would import pathlib for nothing
    except FileNotFoundError as error:
        raise UsageError("The working directory is gone", "cd to one that is there.") from error
    sys.path.insert(0, here)


if __name__ == "__main__":
    run_and_exit()
