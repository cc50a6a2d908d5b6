"""`weighbridge backtest`: history replayed span by span, as production would have lived it."""

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli.options import (
    WORKDIR,
    DataOption,
    ForceOption,
    JsonOption,
    PipelineArgument,
    SetOption,
    WorkdirOption,
)
from weighbridge.cli.output import print_json

if TYPE_CHECKING:
    from pathlib import Path

    from weighbridge.backtest.record import Backtest
    from weighbridge.backtest.replay import Replay


def backtest(
    pipeline: PipelineArgument,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First span: a month, 2010-06, or a day.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last span, included: a month or a day.")],
    step: Annotated[str, typer.Option("--step", help="Length of a span: week or month.")] = "month",
    metric: Annotated[str, typer.Option("--metric", help="Metric to show; by default the first of gates.yaml.")] = "",
    data: DataOption = None,
    settings: SetOption = None,
    workdir: WorkdirOption = WORKDIR,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Replay PIPELINE's history: validate, train, weigh, push or refuse, for each span in turn.

    Each model is trained on what was known before its span and weighed on the span, side by side with the model that
    was in production then. The backtest has a production of its own, and calls no hooks. Interrupted, it goes on where
    it was. The exit code is 0 when the whole history was replayed, whatever was pushed or refused.
    """
    from weighbridge.backtest.pages import write_pages
    from weighbridge.backtest.record import Backtest, held
    from weighbridge.backtest.replay import Replay
    from weighbridge.backtest.spans import spans
    from weighbridge.definition import load
    from weighbridge.runs.workspace import Workspace
    from weighbridge.thresholds.gates_file import load_gates

    definition = load(pipeline)
    replay = Replay(
        reference=pipeline,
        definition=definition,
        data=data,
        settings=tuple(settings or ()),
        spans=spans(first, last, step),
    )
    identity = replay.asked()
    folder = Workspace(workdir, definition.name).folder / "backtests" / identity.removeprefix("sha256:")[:12]
    metric = metric or next(iter(load_gates(definition.folder / "gates.yaml").quality.metrics))
    with held(folder, anew=force):
        found = Backtest.read(folder) or Backtest(
            pipeline=definition.name,
            asked=identity,
            settings=list(replay.settings),
            step=step,
            metric=metric,
            total=len(replay.spans),
        )
        found.metric = metric
        try:
            _run(replay, found, folder, silent=as_json)
        finally:
            page = write_pages(found, folder) if found.spans else None
    if as_json:
        print_json(found.model_dump(mode="json") | {"folder": str(folder), "page": str(page)})
        return
    _print(found, str(page))


def _run(replay: "Replay", found: "Backtest", folder: "Path", *, silent: bool) -> None:
    from weighbridge.backtest.record import SpanRecord
    from weighbridge.backtest.show import interval_text
    from weighbridge.backtest.spans import Span
    from weighbridge.cli.display import console

    out = console(stderr=True)
    out.quiet = silent
    if found.spans:
        out.print(f"{len(found.spans)} of {found.total} spans were done before")

    def started(span: Span) -> None:
        out.print(f"{span.name}: weighing {span.start} to {span.end} with what was known before …", markup=False)

    def ended(record: SpanRecord) -> None:
        metric = record.metrics.get(found.metric)
        value = f" · {found.metric} {interval_text(metric.candidate)}" if metric else ""
        out.print(f"{record.span}: {record.decision}{value} · {record.seconds:.0f} s", markup=False)

    replay.run(found, folder, started, ended)


def _print(found: "Backtest", page: str) -> None:
    from rich import box
    from rich.table import Table

    from weighbridge.backtest.show import HEADS, summary, table
    from weighbridge.cli.display import console

    out = console()
    rows = Table(box=box.SIMPLE, pad_edge=False)
    for head in HEADS.values():
        rows.add_column(head, overflow="fold")
    for row in table(found):
        rows.add_row(*(row[name] for name in HEADS))
    out.print(rows)
    out.print(summary(found), markup=False)
    out.print(f"report: {page}", markup=False)
