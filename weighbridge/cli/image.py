"""`weighbridge image`: one's own pipeline in the image that steps on Kubeflow run in."""

import shlex
from typing import Annotated

import typer

from weighbridge.cli.options import JsonOption, PipelineArgument
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import UsageError


def image(
    pipeline: PipelineArgument,
    base: Annotated[
        str,
        typer.Option("--base", envvar="WEIGHBRIDGE_BASE_IMAGE", help="Weighbridge's own image, best by its digest."),
    ] = "weighbridge",
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="FOLDER", help="Another package of yours; repeatable.")
    ] = None,
    requirements: Annotated[
        str, typer.Option("--requirements", "-r", metavar="FILE", help="Libraries of yours, installed by pip.")
    ] = "",
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Write the Dockerfile there.")] = "",
    build: Annotated[bool, typer.Option("--build", help="Build it, with podman or docker.")] = False,
    tag: Annotated[
        str, typer.Option("--tag", "-t", metavar="NAME", help="Name of the image; else that of the pipeline.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Print, write or build the Dockerfile that brings PIPELINE's code into the image that steps on Kubeflow run in.

    It copies the pipeline's package below /own, which is on PYTHONPATH there. Compile from the very files that are
    copied: a step refuses to run under other thresholds than those of the package.
    """
    import tempfile
    from pathlib import Path

    from weighbridge.common import files
    from weighbridge.definition import load
    from weighbridge.kubeflow.image import build as build_image
    from weighbridge.kubeflow.image import find_engine, own_image

    definition = load(pipeline)
    made = own_image(definition, base, add or (), requirements)
    text = made.dockerfile()
    name = tag or definition.name.lower().replace("_", "-")
    try:
        if output:
            files.write_text(output, text)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}", "Choose another file with -o.") from error
    command = made.build_command(Path(output or "Dockerfile"), name, find_engine() if build else "podman")
    if build:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(output) if output else files.write_text(Path(folder, "Dockerfile"), text)
            build_image(made.build_command(file, name, command[0]))
    if as_json:
        print_json(
            {"dockerfile": text, "file": output or None, "context": str(made.root), "command": command, "built": build}
        )
        return
    if not (output or build):
        print_line(text.rstrip("\n"))
    if not made.by_digest:
        typer.echo(f"note: {base} has no digest, so it may change: --base {base}@sha256:…", err=True)
    if build:
        print_line(f"Built {name}. Push it, then compile from the same files, by the digest that the push tells:")
        print_line(f"  {command[0]} push {shlex.quote(name)}")
        print_line(f"  weighbridge compile {shlex.quote(pipeline)} --image {name}@sha256:… -o {definition.name}.yaml")
    elif output:
        print_line(f"{output}\nBuild it: {shlex.join(command)}")
