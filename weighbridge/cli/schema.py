"""`weighbridge schema`: a first schema to review, and what of later data departs from the reviewed one."""

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli.options import WORKDIR, DataOption, JsonOption, PipelineArgument, SetOption, WorkdirOption
from weighbridge.cli.output import print_json

if TYPE_CHECKING:
    from pathlib import Path

    from weighbridge.local.request import RunRequest
    from weighbridge.local.schema import Comparison, FirstSchema


def schema(
    pipeline: PipelineArgument,
    data: DataOption = None,
    settings: SetOption = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Write a first schema.pbtxt; to a reviewed one only features are added."),
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="FEATURE", help="Take this feature's change over; repeatable."),
    ] = None,
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Infer a schema from PIPELINE's data, or show what of the data a run would refuse by the reviewed one.

    Without a reviewed schema the inferred one is printed, and `--write` writes it. To a reviewed one `--write` adds the
    features that it does not know yet, and `--accept` takes over how a feature has changed; ranges, lists, comments
    and the order of all others stay as they were reviewed. With neither, nothing is written.
    """
    from weighbridge.cli.display import ConsoleDisplay
    from weighbridge.local.output_capture import captured_output
    from weighbridge.local.request import make_request
    from weighbridge.local.schema import FirstSchema, look
    from weighbridge.runs.explain import explain

    request = make_request(pipeline, data, settings, workdir)
    with request.workspace.lock():
        scratch = request.workspace.scratch(request.definition)
        with captured_output(scratch.log, verbose=False) as terminal:
            try:
                seen = look(request, scratch, ConsoleDisplay(terminal, silent=as_json), accept or ())
            except Exception as error:
                raise explain(error, scratch) from error
    if isinstance(seen, FirstSchema):
        _first(seen, request.context.schema, request, write or bool(accept), as_json)
    else:
        _compared(seen, request, write, accept or [], as_json)


def _first(seen: "FirstSchema", path: "Path", request: "RunRequest", write: bool, as_json: bool) -> None:
    from weighbridge.cli.display import console
    from weighbridge.common import files

    if write:
        files.write_text(path, seen.text)
    if as_json:
        print_json({"schema": seen.text, "differences": None, "file": str(path)})
    elif write:
        console().print(f"Wrote {path}. Review it, then commit it.", markup=False)
    else:
        console().print(seen.text, markup=False, end="")
        command = _command(request, "--write")
        console(stderr=True).print(f"No schema is reviewed yet at {path}; this puts one there: {command}", markup=False)


def _compared(seen: "Comparison", request: "RunRequest", write: bool, accept: list[str], as_json: bool) -> None:
    from weighbridge.cli.display import console
    from weighbridge.common import files

    path = request.context.schema
    seen.check(accept)
    features = seen.departures.features
    taken = [name for name in features if name in accept or (write and name in seen.departures.added)]
    left = [name for name in features if name not in taken]
    if taken:
        files.write_text(path, seen.text(taken))
    if as_json:
        print_json(
            {
                "schema": seen.text(),
                "differences": seen.differences(),
                "taken_over": taken,
                "left": left,
                "diff": seen.diff(path),
                "file": str(path),
            }
        )
        return
    out = console()
    for difference in seen.differences(taken) if taken else []:
        out.print(f"- {difference}", markup=False)
    if taken:
        out.print(f"Took this over into {path}. Review it, then commit it.", markup=False)
    for difference in seen.differences(left) if left else []:
        out.print(f"- {difference}", markup=False)
    if left:
        if not taken:
            out.print(seen.diff(path), markup=False, highlight=False, soft_wrap=True, end="")
        command = _command(request, *(word for name in left for word in ("--accept", name)))
        what = f"{len(left)} feature{'s' * (len(left) > 1)} of the data depart{'s' * (len(left) == 1)} from {path}"
        out.print(f"{what}. Correct the data, or take over what is right: {command}", markup=False, soft_wrap=True)
    elif not taken:
        out.print(f"The data are as {path} says.", markup=False)


def _command(request: "RunRequest", *options: str) -> str:
    from weighbridge.common import invocation

    with invocation.of(*request.words):
        return invocation.command("schema", *options)
