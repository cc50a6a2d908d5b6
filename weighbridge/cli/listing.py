"""`weighbridge list`: the pipelines that can be run from here, and how each last ended."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from weighbridge.cli.options import WORKDIR, JsonOption, StoreOption, WorkdirOption
from weighbridge.cli.output import print_json

if TYPE_CHECKING:
    from weighbridge.runs.listing import Listed
    from weighbridge.runs.record import Run


def list_pipelines(workdir: WorkdirOption = WORKDIR, store: StoreOption = "", as_json: JsonOption = False) -> None:
    """List the pipelines that can be run: those that come with Weighbridge, and those in the working directory.

    A module is a pipeline if it defines create_pipeline(parameters, context); nothing is imported to find out.
    """
    from pathlib import Path

    from weighbridge.runs.listing import pipelines
    from weighbridge.runs.store import stores_of

    for shared in stores_of(store, workdir) if store else ():
        shared.bring()
    found = pipelines(Path.cwd(), workdir)
    if as_json:
        print_json([_document(each) for each in found])
    else:
        _print(found)


def _document(listed: "Listed") -> dict[str, Any]:
    last = listed.last
    return {
        "name": listed.name,
        "reference": listed.reference,
        "description": listed.description,
        "file": str(listed.module) if listed.module else None,
        "problem": listed.problem,
        "last_run": None
        if last is None
        else {
            "run_id": last.record.run_id,
            "state": last.record.display_state,
            "started": last.record.started.isoformat(),
            "metric": _weighed(last)[0],
            "why": _weighed(last)[1],
        },
    }


def _weighed(run: "Run") -> tuple[str, str]:
    from weighbridge.runs.brief import weighed

    return weighed(run)


def _print(found: "list[Listed]") -> None:
    from rich.table import Table
    from rich.text import Text

    from weighbridge.cli.display import console

    out = console()
    wide = out.is_terminal
    table = Table("pipeline", "run it as", "last run", "what it is", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns:
        column.overflow = "fold"
    table.columns[3].min_width = 20
    for each in found:
        cells = (each.name, each.reference, _last(each.last, short=wide), each.description)
        about = Text(each.problem, style="red") if each.problem else Text(cells[3])
        table.add_row(*map(Text, cells[:3]), about)
    if wide:
        out.print(table, width=out.width, soft_wrap=False)
    else:
        out.print(table)
    errors = console(stderr=True)
    if not any(each.reference.startswith(".") for each in found):
        errors.print("No pipeline of your own is below this folder.", markup=False)
    for name, several in Counter(each.name for each in found).items():
        if several > 1:
            errors.print(
                f"warning: {several} pipelines are called {name}: they share runs and production. Give one a NAME.",
                markup=False,
            )


def _last(run: "Run | None", *, short: bool) -> str:
    if run is None:
        return "–"
    metric, why = _weighed(run)
    told = why if run.record.display_state in ("refused", "failed") else metric
    started = f"{run.record.started:%m-%d %H:%M}" if short else f"{run.record.started:%Y-%m-%d %H:%M}"
    return " ".join(filter(None, [run.record.display_state, started, told]))
