"""`weighbridge run`: the whole pipeline here, a line per step, then the verdict card."""

import sys
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from pipelines.cli.options import WORKDIR, DataOption, JsonOption, PipelineArgument, SetOption, WorkdirOption

if TYPE_CHECKING:
    from pipelines.local.run import Outcome

VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show what the libraries print, too.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Start the run even if nothing changed since the last.")]


def run(
    pipeline: PipelineArgument,
    data: DataOption = None,
    settings: SetOption = None,
    workdir: WorkdirOption = WORKDIR,
    verbose: VerboseOption = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run PIPELINE on this machine and weigh its model.

    Steps whose inputs did not change are taken from the cache. Exit code: 0 passed, 1 a gate refused,
    2 usage or configuration error, 3 infrastructure failure (safe to retry).
    """
    from pipelines.definition import load
    from pipelines.local import run as local
    from pipelines.local.quiet import captured_output
    from pipelines.workspace import Workspace

    definition = load(pipeline)
    parameters = definition.parameters(data, settings or ())
    workspace = Workspace(workdir, definition.name)
    context = workspace.context(definition)
    with workspace.lock():
        outcome = None if force else local.earlier_outcome(definition, parameters, workspace, context)
        if outcome is None:
            new = workspace.new_run(definition, parameters.model_dump(mode="json"))
            with captured_output(new.log, verbose) as terminal:
                outcome = local.execute(
                    definition, parameters, context, new, workspace.folder / "code.json", _display(terminal, as_json)
                )
    _print(outcome, as_json)
    raise typer.Exit(int(outcome.exit_code))


def _display(terminal: TextIO, as_json: bool) -> "local.Display":  # type: ignore[name-defined]  # noqa: F821
    from pipelines.cli.display import ConsoleDisplay

    return ConsoleDisplay(sys.stderr if as_json else terminal, silent=as_json)


def _print(outcome: "Outcome", as_json: bool) -> None:
    from pipelines.cli.display import console, print_outcome, print_outcome_json

    if as_json:
        print_outcome_json(outcome)
    else:
        print_outcome(console(), outcome)
