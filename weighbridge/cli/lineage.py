"""`weighbridge lineage`: what made a model, and which models data, a span or a commit touched."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import completion
from weighbridge.cli.options import WORKDIR, DestinationsOption, JsonOption, StoreOption, WorkdirOption
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from weighbridge.lineage.checked import CheckedFile
    from weighbridge.lineage.origins import Origins
    from weighbridge.lineage.touched import Touched


def lineage(
    asked: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|DATA|COMMIT",
            help="A pipeline's name, a pushed version, a model's digest or run; a file, its digest, `span:17`, a day; "
            "a commit.",
            autocompletion=completion.pipelines,
        ),
    ],
    destination: Annotated[
        list[str] | None,
        typer.Option("--destination", metavar="FOLDER|URI", help="Look there too, e.g. gs://models/taxi; repeatable."),
    ] = None,
    pipeline: Annotated[
        str, typer.Option("--pipeline", metavar="NAME", help="Only this one's runs and destinations.")
    ] = "",
    check: Annotated[bool, typer.Option("--check", help="Read the data again: are they what they were?")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show all files and all earlier models.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page of it, too.")] = None,
    workdir: WorkdirOption = WORKDIR,
    store: StoreOption = "",
    destinations: DestinationsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what made a model, or which models data, a span or a commit touched.

    Of a model: data, code, parameters, thresholds, software, what it started from and was weighed against, and the same
    of these, as far as it was recorded. Of data, a span or a commit: every model that they went into, what started from
    such a model, and where one of them is in production now.

    With --check the exit code is 1 where data are not what they were.
    """
    from weighbridge.lineage.checked import check_files
    from weighbridge.lineage.origins import Origins
    from weighbridge.runs.lineage import lineage as find
    from weighbridge.runs.snapshots import snapshot_path

    found = find(asked, workdir, destination or (), pipeline=pipeline, stages=destinations, store=store)
    files = (
        [file for origin in found.model.data for file in origin.files] if isinstance(found, Origins) else found.files
    )
    checked = check_files(files, lambda digest: snapshot_path(workdir, digest)) if check else []
    if html:
        _write(html, found, checked)
    code = ExitCode.REFUSED if any(each.state != "same" for each in checked) else ExitCode.PASSED
    if as_json:
        print_json(_document(found, checked if check else None) | {"exit_code": int(code)})
    else:
        _print(found, checked, everything)
        if html:
            print_line(f"written: {html}")
    raise typer.Exit(int(code))


def _document(found: "Origins | Touched", checked: "list[CheckedFile] | None") -> dict[str, Any]:
    document = found.model_dump(mode="json")
    return document if checked is None else document | {"checked": [each.model_dump(mode="json") for each in checked]}


def _print(found: "Origins | Touched", checked: "list[CheckedFile]", everything: bool) -> None:
    from weighbridge.cli.display import console
    from weighbridge.lineage.origins import Origins
    from weighbridge.report.lineage_card import print_lineage
    from weighbridge.report.lineage_rows import check_branches, origin_branches, touched_branches

    if isinstance(found, Origins):
        trees = [origin_branches(found, everything=everything)]
        trees += [check_branches(checked)] if checked else []
    else:
        trees = [touched_branches(found, checked, everything=everything)]
    print_lineage(console(), trees, found.notes)


def _write(path: Path, found: "Origins | Touched", checked: "list[CheckedFile]") -> None:
    from weighbridge.common import files
    from weighbridge.report.lineage_page import render_lineage

    try:
        files.write_text(path, render_lineage(found, checked))
    except OSError as error:
        raise UsageError(f"--html {path} cannot be written: {error.strerror}", "Name another file.") from error
