"""Options that several commands share."""

from typing import Annotated

import typer

from weighbridge.cli import completion

WORKDIR = "work"

# What a command works on.
PipelineArgument = Annotated[
    str,
    typer.Argument(
        metavar="PIPELINE",
        help="A pipeline's name, or your own module by its file or import path.",
        autocompletion=completion.pipelines,
    ),
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
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict alone; errors all the same.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show what the libraries print, too.")]
RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="A run's id, its beginning or folder, latest, production, or taxi@-2; the latest if left out.",
        autocompletion=completion.runs,
    ),
]

# How far, on how much, to where.
ForceOption = Annotated[bool, typer.Option("--force", help="Start the run even if nothing changed since the last.")]
ToOption = Annotated[str, typer.Option("--to", metavar="STEP", help="End after this step, e.g. DataValidator.")]
SampleOption = Annotated[
    float,
    typer.Option("--sample", metavar="FRACTION", help="Rehearse on this share of the data, apart; nothing is pushed."),
]
DeliverOption = Annotated[
    str, typer.Option("--deliver-to", metavar="STAGE", help="Push to this stage, e.g. staging, not to production.")
]
ProductionOption = Annotated[
    str,
    typer.Option(
        "--destination",
        metavar="FOLDER|URI",
        help="Where production lies and is pushed to, e.g. gs://models/taxi or git+https://host/config.git//taxi.",
    ),
]

DestinationsOption = Annotated[
    str,
    typer.Option(
        "--destinations",
        envvar="WEIGHBRIDGE_DESTINATIONS",
        metavar="FILE",
        help="Where stages lie that do not lie in the store: YAML that maps them to folders or addresses.",
    ),
]
StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="WEIGHBRIDGE_STORE",
        metavar="FOLDER|URI",
        help="What builds on all machines share: stages, runs, results of steps. A folder, or e.g. gs://models.",
    ),
]

ReportsOption = Annotated[
    str,
    typer.Option(
        "--reports", envvar="WEIGHBRIDGE_REPORTS", metavar="FOLDER", help="Copy the verdict and its reports there, too."
    ),
]

# A package for Kubeflow Pipelines.
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
FuseOption = Annotated[
    bool,
    typer.Option("--fuse", help="Let steps that want the same machine share a pod: half the pods, less waiting."),
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

# Kubeflow.
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", metavar="URL", help="Kubeflow's address; else WEIGHBRIDGE_KFP_ENDPOINT.")
]
NamespaceOption = Annotated[
    str | None, typer.Option("--namespace", help="Your namespace; else WEIGHBRIDGE_KFP_NAMESPACE.")
]
ServiceAccountOption = Annotated[
    str,
    typer.Option(
        "--service-account",
        envvar="WEIGHBRIDGE_KFP_SERVICE_ACCOUNT",
        help="Account of the run's pods, e.g. weighbridge-push for a run that pushes; else the server's own.",
    ),
]
ExperimentOption = Annotated[str, typer.Option("--experiment", help="Experiment on Kubeflow; made where missing.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for the end: a line per step, then the verdict.")]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", min=0, metavar="SECONDS", help="Wait no longer; the run goes on.")
]
RunIdArgument = Annotated[str, typer.Argument(metavar="RUN_ID", help="Id of a run on Kubeflow, or its address there.")]
