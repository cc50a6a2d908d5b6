"""`weighbridge schema`: a first schema to review, and how data differ from the reviewed one."""

import json
import sys
from typing import Annotated

import typer

from weighbridge.cli.options import WORKDIR, DataOption, JsonOption, PipelineArgument, SetOption, WorkdirOption
from weighbridge.common.errors import ExitCode


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
    from weighbridge.definition import load
    from weighbridge.local.output_capture import captured_output
    from weighbridge.local.schema import infer
    from weighbridge.runs.explain import explain
    from weighbridge.runs.workspace import Workspace

    definition = load(pipeline)
    parameters = definition.parameters(data, settings or ())
    workspace = Workspace(workdir, definition.name)
    context = workspace.context(definition)
    with workspace.lock():
        look = workspace.scratch(definition)
        with captured_output(look.log, verbose=False) as terminal:
            display = ConsoleDisplay(terminal, silent=as_json)
            try:
                inferred = infer(definition, parameters, context, look, workspace.code_file, display)
            except Exception as error:
                raise explain(error, look) from error
    if write:
        files.write_text(context.schema, inferred.text)
    if as_json:
        document = {"schema": inferred.text, "differences": inferred.differences, "file": str(context.schema)}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    out = console()
    if inferred.differences is None and not write:
        out.print(inferred.text, markup=False, end="")
        console(stderr=True).print(
            f"No schema is reviewed yet at {context.schema}; --write puts this one there.", markup=False
        )
    elif inferred.differences is not None:
        for difference in inferred.differences:
            out.print(f"- {difference}", markup=False)
        count = len(inferred.differences)
        told = f"{count} differences from" if count else "The data suggest exactly"
        out.print(f"{told} {context.schema}", markup=False)
    if write:
        out.print(f"Wrote {context.schema}. Review it, then commit it.", markup=False)
    raise typer.Exit(int(ExitCode.PASSED))
