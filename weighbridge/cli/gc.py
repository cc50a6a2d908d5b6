"""`weighbridge gc`: what the work directory keeps and nobody needs."""

from contextlib import ExitStack
from typing import Annotated, Any

import typer

from weighbridge.cli.options import (
    WORKDIR,
    DestinationsOption,
    JsonOption,
    PipelineArgument,
    StoreOption,
    WorkdirOption,
)
from weighbridge.cli.output import print_json, print_line

KeepOption = Annotated[int, typer.Option("--keep", min=0, metavar="N", help="Keep the last N runs, whatever they are.")]
RemoveOption = Annotated[bool, typer.Option("--remove", help="Remove it; without this it is only shown.")]


def gc(
    pipeline: PipelineArgument,
    keep: KeepOption = 20,
    remove: RemoveOption = False,
    destinations: DestinationsOption = "",
    store: StoreOption = "",
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Show what the work directory keeps of PIPELINE that nothing needs, or remove it.

    Kept are the last runs and rehearsals, the last outcome of each kind, what made and checked the models in production
    and at the stages, and all artifacts of these. Models at stages, statistics of earlier spans, checkpoints and
    backtests are left alone. A step whose cached result was removed runs again when it is needed.
    """
    from weighbridge.definition import load
    from weighbridge.runs.explain import explain_outside_run
    from weighbridge.runs.garbage import find_garbage, remove_garbage
    from weighbridge.runs.stages import delivery_policy, stage_destinations
    from weighbridge.runs.workspace import Workspace

    definition = load(pipeline)
    found: list[tuple[Workspace, Any]] = []
    with ExitStack() as held:
        for rehearsal in (False, True):
            workspace = Workspace(workdir, definition.name, rehearsal)
            if not workspace.folder.is_dir():
                continue
            held.enter_context(workspace.lock())
            stages = stage_destinations(workspace, delivery_policy(definition.folder)[0], destinations, store)
            found.append((workspace, find_garbage(workspace, {} if rehearsal else stages, keep)))
        size = sum(garbage.size() for _, garbage in found)
        if remove:
            for workspace, garbage in found:
                try:
                    remove_garbage(workspace, garbage)
                except OSError as error:
                    raise explain_outside_run(error, f"{workspace.folder} cannot be cleared") from error
    if as_json:
        print_json(
            {
                "pipeline": definition.name,
                "removed": remove,
                "bytes": size,
                "runs": [path.name for _, garbage in found for path in garbage.runs],
                "paths": [str(path) for _, garbage in found for path in garbage.paths],
            }
        )
        return
    runs = sum(len(garbage.runs) for _, garbage in found)
    folders = sum(len(garbage.paths) for _, garbage in found) - runs
    if not runs and not folders:
        print_line("Nothing to remove.")
        return
    for path in (path for _, garbage in found for path in garbage.paths):
        print_line(str(path))
    what = f"{runs} {'run' if runs == 1 else 'runs'} and {folders} folders of artifacts, {size / 1e6:,.1f} MB"
    print_line(f"Removed {what}." if remove else f"{what} can go: weighbridge gc {pipeline} --keep {keep} --remove")
