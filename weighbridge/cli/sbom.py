"""`weighbridge sbom`: the bill of materials of this environment or of a model, and the licences in it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli.options import JsonOption
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    from weighbridge.sbom.listing import Listed


def sbom(
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
    as_json: JsonOption = False,
) -> None:
    """Print or write the bill of materials of this environment: a CycloneDX 1.6 document.

    It lists the installed distributions with versions, licences, what needs what and the archives that the lock allows,
    the Python, and inside an image that image and its Debian packages. The same environment gives the same bytes.
    """
    from weighbridge.common import files
    from weighbridge.sbom import document, environment_bom
    from weighbridge.sbom.listing import listed

    bom = environment_bom(with_system=system)
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
