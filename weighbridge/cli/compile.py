"""`weighbridge compile` and `weighbridge component`: packages for Kubeflow Pipelines."""

from pathlib import Path
from typing import Annotated

import typer

from weighbridge.cli.options import (
    AllowTagOption,
    DataOption,
    DeliverOption,
    DestinationOption,
    DestinationsOption,
    FuseOption,
    ImageOption,
    JsonOption,
    PipelineArgument,
    PipelineRootOption,
    SetOption,
    StoreOption,
    VolumesOption,
)
from weighbridge.cli.output import print_json, print_line, without_output

OutputOption = Annotated[Path, typer.Option("--output", "-o", help="YAML file to write.")]


def compile_pipeline(
    pipeline: PipelineArgument,
    output: OutputOption,
    image: ImageOption,
    data: DataOption = None,
    settings: SetOption = None,
    pipeline_root: PipelineRootOption = "",
    destination: DestinationOption = "",
    deliver_to: DeliverOption = "",
    destinations: DestinationsOption = "",
    store: StoreOption = "",
    volumes: VolumesOption = True,
    fuse: FuseOption = False,
    allow_tag: AllowTagOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compile PIPELINE into a package for open-source Kubeflow Pipelines 2.

    The same pipeline, data and image always give the same bytes. --data and --set are the defaults of the package's
    parameters, which a run can change.
    """
    from weighbridge.kubeflow.request import PackageRequest

    request = PackageRequest(
        pipeline,
        data,
        settings,
        image,
        pipeline_root,
        destination,
        volumes,
        allow_tag,
        fuse,
        deliver_to,
        destinations,
        store,
    )
    package = request.compile(output)
    if as_json:
        print_json(
            {
                "path": str(package.path),
                "digest": package.digest,
                "key": package.key,
                "steps": list(package.steps),
                "parameters": {each.name: each.default for each in package.parameters},
            }
        )
        return
    print_line(f"{package.path}  {package.digest}")
    print_line(f"steps: {' → '.join(package.steps)}")
    print_line(f"parameters: {', '.join(each.name for each in package.parameters)}")


def component(
    name: Annotated[str, typer.Argument(help="Component: a folder under components/, e.g. evaluator; or verify.")],
    output: OutputOption,
    image: ImageOption,
    allow_tag: AllowTagOption = False,
    as_json: JsonOption = False,
) -> None:
    """Export one of our components as a KFP component, for a plain KFP pipeline."""
    from weighbridge.kubeflow.compile.component import export_component

    with without_output():
        inputs, outputs = export_component(name, output, image=image, allow_tag=allow_tag)
    if as_json:
        print_json({"path": str(output), "inputs": list(inputs), "outputs": list(outputs)})
    else:
        print_line(f"{output}: {', '.join(inputs) or 'nothing'} → {', '.join(outputs) or 'nothing'}")
