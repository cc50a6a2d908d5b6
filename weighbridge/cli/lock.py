"""`weighbridge lock`: the libraries as they are tested, for a repository of one's own."""

import shlex
from typing import Annotated

import typer

from weighbridge.cli.options import JsonOption
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import UsageError


def lock(
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Write it there.")] = "",
    constraints: Annotated[
        bool, typer.Option("--constraints", help="Versions alone, to resolve libraries of your own beside them.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print or write the lock file that this version is tested with: every library, its version and its hashes.

    It is for the Python that runs the command. Commit it to your repository and install from it there, in CI and in
    images. To add libraries of your own, resolve them with --constraints.
    """
    from weighbridge.common import files, pinned

    path = pinned.lock_of()
    try:
        text = path.read_text(encoding="utf-8")
        content = pinned.constraints(text) if constraints else text
        if output:
            files.write_text(output, content)
    except OSError as error:
        raise UsageError(f"{error.filename or output}: {error.strerror}", "Choose another file with -o.") from error
    if as_json:
        print_json({"lock": path.name, "file": output or None, "libraries": pinned.pins(text)})
    elif not output:
        print_line(content.rstrip("\n"))
    elif constraints:
        print_line(f"{output}  {len(pinned.pins(text))} versions of {path.name}")
        command = f"uv pip compile --generate-hashes --constraints {shlex.quote(output)} requirements.in -o own.lock"
        print_line(f"With libraries of your own: {command}")
    else:
        print_line(f"{output}  {len(pinned.pins(text))} libraries of {path.name}")
        print_line(f"Install them: uv pip install --require-hashes -r {shlex.quote(output)}")
