"""`weighbridge schema`: a first schema to review, and how data differ from the reviewed one."""

from typing import Annotated

import typer

from weighbridge.cli.options import WORKDIR, DataOption, JsonOption, PipelineArgument, SetOption, WorkdirOption
from weighbridge.cli.output import print_json


def schema(
    pipeline: PipelineArgument,
    data: DataOption = None,
    settings: SetOption = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write schema.pbtxt beside the pipeline, to be reviewed.")
    ] = False,
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Infer a schema from PIPELINE's data, and show how it differs from the reviewed one.

    Without a reviewed schema the inferred one is printed. `--write` replaces the reviewed schema by what the data
    suggest; look at the difference before you commit it.
    """
    from weighbridge.cli.display import ConsoleDisplay, console
    from weighbridge.common import files
    from weighbridge.local.output_capture import captured_output
    from weighbridge.local.request import make_request
    from weighbridge.local.schema import infer
    from weighbridge.runs.explain import explain

    request = make_request(pipeline, data, settings, workdir)
    path = request.context.schema
    with request.workspace.lock():
        scratch = request.workspace.scratch(request.definition)
        with captured_output(scratch.log, verbose=False) as terminal:
            try:
                inferred = infer(request, scratch, ConsoleDisplay(terminal, silent=as_json))
            except Exception as error:
                raise explain(error, scratch) from error
    if write:
        files.write_text(path, inferred.text)
    if as_json:
        print_json({"schema": inferred.text, "differences": inferred.differences, "file": str(path)})
        return
    out = console()
    if inferred.differences is None and not write:
        out.print(inferred.text, markup=False, end="")
        console(stderr=True).print(f"No schema is reviewed yet at {path}; --write puts this one there.", markup=False)
    elif inferred.differences is not None:
        for difference in inferred.differences:
            out.print(f"- {difference}", markup=False)
        count = len(inferred.differences)
        out.print(f"{f'{count} differences from' if count else 'The data suggest exactly'} {path}", markup=False)
    if write:
        out.print(f"Wrote {path}. Review it, then commit it.", markup=False)
