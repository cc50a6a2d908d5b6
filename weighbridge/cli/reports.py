"""`weighbridge runs`, `show` and `report`: what happened in earlier runs."""

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli.options import WORKDIR, JsonOption, RunArgument, StoreOption, WorkdirOption
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from weighbridge.runs.record import Run, RunRecord

_LAST = 30


def runs(
    pipeline: Annotated[str | None, typer.Argument(metavar="[PIPELINE]", help="Only runs of this pipeline.")] = None,
    last: Annotated[
        int | None, typer.Option("--last", min=1, metavar="N", help=f"The latest N: {_LAST}, or with --json all.")
    ] = None,
    workdir: WorkdirOption = WORKDIR,
    store: StoreOption = "",
    as_json: JsonOption = False,
) -> None:
    """List runs, the latest last: on what data, the key metric, and what refused or why it failed."""
    from weighbridge.runs.store import stores_of
    from weighbridge.runs.workspace import latest_runs

    for shared in stores_of(store, workdir, pipeline) if store else ():
        shared.bring()
    found, earlier = latest_runs(workdir, pipeline, last or (None if as_json else _LAST))
    if as_json:
        print_json([run.record.public_json() for run in found])
        return
    if not found:
        raise UsageError(f"No runs of {pipeline or 'any pipeline'} in {workdir}", "Start one: weighbridge run taxi")
    from weighbridge.cli.display import console
    from weighbridge.cli.runs_table import PIPED_WIDTH, runs_table

    out = console()
    in_window = out.is_terminal
    out.print(runs_table(found, out.width if in_window else PIPED_WIDTH, one_line=not in_window))
    if earlier:
        every = f"--last {len(found) + earlier} shows all"
        console(stderr=True).print(f"{earlier} earlier {'run is' if earlier == 1 else 'runs are'} left out: {every}.")


def show(
    run: RunArgument = None, workdir: WorkdirOption = WORKDIR, store: StoreOption = "", as_json: JsonOption = False
) -> None:
    """Show a run: its steps and its verdict. The exit code is the run's."""
    from weighbridge.cli.display import ConsoleDisplay, console, outcome_json, print_outcome, print_warnings
    from weighbridge.runs.hooks import read_warnings
    from weighbridge.runs.outcome import RunOutcome
    from weighbridge.runs.own_verdict import read_verdict
    from weighbridge.runs.store import find_shared_run
    from weighbridge.runs.tracked import told
    from weighbridge.verdict.verdict import VERDICT_FILE

    found = find_shared_run(store, workdir, run)
    record = found.record
    ended = record.state != "running"  # else the file may be there, and not yet be what the run came to
    verdict = read_verdict(found) if ended and (found.folder / VERDICT_FILE).exists() else None
    tracking = told(found.folder)
    warnings = (*read_warnings(found.folder), *tracking.warnings)
    outcome = RunOutcome(found, verdict, warnings=warnings, tracking=tracking.line)
    code = ExitCode.INFRASTRUCTURE if record.exit_code is None else ExitCode(record.exit_code)
    if as_json:
        print_json(outcome_json(outcome) | {"exit_code": int(code)})
        raise typer.Exit(int(code))
    display = ConsoleDisplay(sys.stdout)
    display.started(found, [step.name for step in record.steps])
    for step in record.steps:
        display.step_ended(step)
    if outcome.verdict:
        print_outcome(outcome)
    else:
        out = console()
        out.print(f"{record.display_state}, no verdict. {record.error}".strip(), markup=False)
        if record.display_state == "killed":
            out.print(_kept(record), markup=False)
        out.print(f"log: {found.log}", markup=False)
        print_warnings(outcome.warnings)
    raise typer.Exit(int(code))


def report(
    run: RunArgument = None,
    workdir: WorkdirOption = WORKDIR,
    store: StoreOption = "",
    open_it: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print where a run's HTML report is."""
    from weighbridge.report.write import HTML_FILE, JUNIT_FILE, MARKDOWN_FILE
    from weighbridge.runs.store import find_shared_run
    from weighbridge.verdict.verdict import VERDICT_FILE

    found = find_shared_run(store, workdir, run)
    path = found.folder / HTML_FILE
    if not path.exists():
        raise _no_report(found)
    if as_json:
        names = (HTML_FILE, MARKDOWN_FILE, JUNIT_FILE, VERDICT_FILE)
        print_json({name: str(found.folder / name) for name in names if (found.folder / name).exists()})
    else:
        print_line(str(path))
    if open_it:
        typer.launch(path.as_uri())


def _no_report(run: "Run") -> UsageError:
    """Why a run has no report, and what to run next."""
    record, state = run.record, run.record.display_state
    hint = f"See 'weighbridge show {record.run_id}' and {run.log}"
    if state == "running":
        return UsageError(f"Run {record.run_id} has no report yet: it is running", hint)
    if state != "killed":
        return UsageError(f"Run {record.run_id} has no report: it is {state}", hint)
    ended = [step.name for step in record.steps]
    came = f"after {ended[-1]}" if ended else "before any step ended"
    return UsageError(
        f"Run {record.run_id} has no report: it was killed {came}",
        f"{_kept(record)}\nIts log is {run.log}",
    )


def _kept(record: "RunRecord") -> str:
    """What is left of a killed run, and what to run next."""
    words, address = record.delivered.told(passed=True) if record.delivered else ("", "")
    pushed = f"Its model is {words} {address}. " if address else ""
    return f"{pushed}Finished steps are kept. With the same options as then, run: {_again(record)}"


def _again(record: "RunRecord") -> str:
    """The command that a run was started by, without options."""
    from weighbridge.definition import available

    pipeline = record.pipeline if record.pipeline in available() else record.module
    if record.kind == "rollback":
        to = ["--to", str(record.parameters["to"])] if record.parameters.get("to") else []
        return shlex.join(["weighbridge", "rollback", pipeline, *to])
    if record.kind != "promotion":
        return shlex.join(["weighbridge", "run", pipeline])
    source, target = (str(record.parameters.get(end, "")) for end in ("from", "to"))
    return shlex.join(["weighbridge", "promote", pipeline, "--from", source, "--to", target])
