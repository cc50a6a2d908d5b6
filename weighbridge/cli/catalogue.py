"""`weighbridge components`: all our components in the form of the Kubeflow community's catalogue."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from weighbridge.cli.options import AllowTagOption, ImageOption, JsonOption
from weighbridge.cli.output import print_json, print_line, without_output


def components(
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where components/ is made, e.g. a checkout.")
    ],
    image: ImageOption,
    owners: Annotated[
        list[str], typer.Option("--owner", metavar="NAME", help="Who approves changes, on GitHub; repeatable.")
    ],
    verified: Annotated[
        datetime.datetime | None,
        typer.Option("--verified", formats=["%Y-%m-%d"], help="Day on which they were seen to work; else today."),
    ] = None,
    allow_tag: AllowTagOption = False,
    as_json: JsonOption = False,
) -> None:
    """Export all our components in the form of `kubeflow/pipelines-components`.

    A folder for each: component.py, metadata.yaml, README, OWNERS, tests and an example pipeline. Whoever uses them
    needs kfp alone.
    """
    from weighbridge.kubeflow.catalogue.write import write_catalogue

    day = (verified or datetime.datetime.now(datetime.UTC)).date()
    with without_output():
        written = write_catalogue(folder, image=image, owners=owners, verified=day, allow_tag=allow_tag)
    if as_json:
        print_json({"path": str(folder), "components": written})
        return
    for component in written:
        print_line(str(folder / component))
