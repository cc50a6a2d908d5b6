"""`weighbridge sbom`: the bill of materials of this environment or of a model, and the licences in it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import completion
from weighbridge.cli.options import WORKDIR, JsonOption, WorkdirOption
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighbridge.sbom.listing import Listed


def sbom(
    model: Annotated[
        str,
        typer.Argument(
            metavar="[MODEL]",
            help="A version's folder, a destination (folder or address, @3 for version 3), a pipeline's name, "
            "sha256:…; this environment if left out.",
            autocompletion=completion.pipelines,
        ),
    ] = "",
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Write it there.")] = "",
    licences: Annotated[
        bool, typer.Option("--licences", help="List each distribution with its licence; those not told come first.")
    ] = False,
    system: Annotated[
        bool | None,
        typer.Option(
            "--system/--no-system", help="List the Debian packages; by default where the command runs in a container."
        ),
    ] = None,
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Print or write the bill of materials of this environment, or of MODEL: a CycloneDX 1.6 document.

    It lists the installed distributions with versions, licences, what needs what and the archives that the lock allows,
    the Python, and inside an image that image and its Debian packages. The same environment gives the same bytes.

    That of MODEL was attested when it was pushed: the model with its data, metrics and libraries, and the environment
    that pushed it. It is read, not verified.
    """
    from weighbridge.common import files
    from weighbridge.sbom import document
    from weighbridge.sbom.listing import listed

    bom = _bom(model, system, workdir)
    text = document.text_of(bom)
    if output:
        try:
            files.write_text(output, text)
        except OSError as error:
            raise UsageError(f"{error.filename or output}: {error.strerror}", "Choose another file with -o.") from error
    if licences:
        _print_licences(listed(bom), as_json)
    elif as_json and output:
        print_json({"file": output, "serial_number": bom["serialNumber"], "components": len(bom["components"])})
    elif output:
        print_line(f"{output}  {len(bom['components'])} components, CycloneDX {bom['specVersion']}")
    else:
        print_json(bom)


def _bom(model: str, system: bool | None, workdir: str) -> "Mapping[str, Any]":
    if not model:
        from weighbridge.sbom import environment_bom

        return environment_bom(with_system=system)
    if system is not None:
        raise UsageError(
            f"--{'' if system else 'no-'}system is for this environment: what {model} is made of was stated with it",
            "Leave the option or MODEL out.",
        )
    from weighbridge.runs.materials import attested_materials

    return attested_materials(model, workdir)


def _print_licences(rows: "list[Listed]", as_json: bool) -> None:
    if as_json:
        print_json([_row(each) for each in rows])
        return
    from rich.table import Table
    from rich.text import Text

    from weighbridge.cli.display import console

    out = console()
    table = Table(
        "distribution", "version", "licence", "asks", "told by", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in table.columns:
        column.overflow = "fold"
    for each in rows:
        style = "" if each.settled else "yellow"
        cells = (each.name, each.version, each.licence, each.kind, each.source or "–")
        table.add_row(*(Text(cell, style=style) for cell in cells))
    out.print(table)


def _row(each: "Listed") -> dict[str, Any]:
    return {
        "name": each.name,
        "version": each.version,
        "licence": each.licence,
        "kind": each.kind,
        "told_by": each.source,
        "purl": each.purl,
    }
