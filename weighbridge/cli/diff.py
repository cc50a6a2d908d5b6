"""`weighbridge diff`: two runs side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import completion
from weighbridge.cli.options import WORKDIR, JsonOption, StoreOption, WorkdirOption
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    from weighbridge.runs.record import Run

_NAMED = "A run's id, its beginning or folder, latest, production, or taxi@-2"


def diff(
    before: Annotated[
        str | None,
        typer.Argument(
            metavar="BEFORE", help=f"{_NAMED}; the last but one if left out.", autocompletion=completion.runs
        ),
    ] = None,
    after: Annotated[
        str | None,
        typer.Argument(
            metavar="AFTER", help="Likewise; the latest of its pipeline if left out.", autocompletion=completion.runs
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show also what is the same, and all slices.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page of it, too.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write it as Markdown, too, e.g. for a comment.")
    ] = None,
    workdir: WorkdirOption = WORKDIR,
    store: StoreOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show two runs side by side: data, code, parameters, thresholds, gates, metrics, slices and latency.

    What changed is marked; of what was measured, what differs by more than chance. `weighbridge diff production latest`
    compares the last run with the one whose model is in production, and `weighbridge diff` the last two runs. The exit
    code is 0 whatever differs.
    """
    from weighbridge.runs.comparison import compare_runs

    compared = compare_runs(*_runs(before, after, workdir, store))
    written = [path for path in (html, markdown) if path]
    if html:
        from weighbridge.report.comparison_page import render_comparison

        _write(html, render_comparison(compared), "--html")
    if markdown:
        from weighbridge.report.comparison_page import render_comparison_markdown

        _write(markdown, render_comparison_markdown(compared), "--markdown")
    if as_json:
        print_json(compared.model_dump(mode="json"))
        return
    from weighbridge.cli.display import console
    from weighbridge.report.comparison_card import print_comparison

    print_comparison(console(), compared, everything=everything)
    for path in written:
        print_line(f"written: {path}")


def _runs(before: str | None, after: str | None, workdir: str, store: str) -> "tuple[Run, Run]":
    """The two runs; each may be named relative to the other's pipeline."""
    from weighbridge.runs.store import find_shared_run

    if before is None:
        last = find_shared_run(store, workdir, after)
        return _before(last, workdir), last
    if before in ("production", "latest") and after is not None:
        # `production 2026…`: that of the other run's pipeline.
        second = find_shared_run(store, workdir, after)
        first = find_shared_run(store, workdir, before, second.record.pipeline)
    else:
        first = find_shared_run(store, workdir, before)
        second = find_shared_run(store, workdir, after, first.record.pipeline)
    if after is None and first.folder == second.folder:
        return _before(first, workdir), first
    if first.folder.resolve() == second.folder.resolve():
        raise UsageError(
            f"Both are run {first.record.run_id}",
            f"Name another, e.g. {first.record.pipeline}@-2 for the last but one. See: weighbridge runs",
        )
    return first, second


def _before(last: "Run", workdir: str) -> "Run":
    """The run before the latest that came to a verdict as it did, of the same pipeline and kind."""
    from weighbridge.runs.workspace import Workspace

    space = Workspace(workdir, last.record.pipeline, rehearsal=last.record.kind in ("rehearsal", "experiment"))
    for run in space.newest_first():
        if run.record.started < last.record.started and run.record.kind == last.record.kind:
            return run
    raise UsageError(
        f"There is no {last.record.kind} of {last.record.pipeline} before {last.record.run_id}",
        f"Start one: weighbridge run {last.record.pipeline}, or name two. See: weighbridge runs",
    )


def _write(path: Path, text: str, option: str) -> None:
    from weighbridge.common import files

    try:
        files.write_text(path, text)
    except OSError as error:
        raise UsageError(f"{option} {path} cannot be written: {error.strerror}", "Name another file.") from error
