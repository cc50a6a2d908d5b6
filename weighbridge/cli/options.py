"""Options that several commands share."""

from typing import Annotated

import typer

PipelineArgument = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A pipeline's name, or your own module by its file or import path.")
]
DataOption = Annotated[
    str | None, typer.Option("--data", envvar="WEIGHBRIDGE_DATA", help="Input data: file, folder, glob or pattern.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter of the pipeline; repeatable.")
]
WorkdirOption = Annotated[
    str, typer.Option("--workdir", envvar="WEIGHBRIDGE_WORKDIR", help="Folder that keeps runs and artifacts.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
RunArgument = Annotated[
    str | None, typer.Argument(metavar="RUN", help="A run's id, its beginning, or its folder; the latest if left out.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Start the run even if nothing changed since the last.")]
ToOption = Annotated[str, typer.Option("--to", metavar="STEP", help="End after this step, e.g. DataValidator.")]
SampleOption = Annotated[
    float,
    typer.Option("--sample", metavar="FRACTION", help="Rehearse on this share of the data, apart; nothing is pushed."),
]
DeliverOption = Annotated[
    str, typer.Option("--deliver-to", metavar="STAGE", help="Push to this stage, e.g. staging, not to production.")
]
DestinationsOption = Annotated[
    str, typer.Option("--destinations", metavar="FILE", help="YAML that maps stages to folders or gs://bucket/prefix.")
]

ReportsOption = Annotated[
    str,
    typer.Option(
        "--reports", envvar="WEIGHBRIDGE_REPORTS", metavar="FOLDER", help="Copy the verdict and its reports there, too."
    ),
]
WORKDIR = "work"
ImageOption = Annotated[
    str,
    typer.Option("--image", envvar="WEIGHBRIDGE_IMAGE", help="Image that the steps run in, by digest: NAME@sha256:…"),
]
PipelineRootOption = Annotated[
    str, typer.Option("--pipeline-root", metavar="URI", help="Where artifacts go; else the server's own default.")
]
DestinationOption = Annotated[
    str,
    typer.Option("--destination", metavar="URI", help="Where models are pushed to; else a folder in a volume."),
]
VolumesOption = Annotated[
    bool,
    typer.Option(
        "--volumes/--no-volumes",
        help="Keep production, checkpoints and earlier statistics in volumes of the cluster, or nothing between runs.",
    ),
]
AllowTagOption = Annotated[
    bool, typer.Option("--allow-tag", help="Accept an image by tag, although its content may change.")
]
