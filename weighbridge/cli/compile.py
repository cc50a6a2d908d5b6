"""`weighbridge compile` and `weighbridge component`: what Kubeflow Pipelines takes."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli.kubeflow import print_json
from weighbridge.cli.options import (
    AllowTagOption,
    DataOption,
    DestinationOption,
    ImageOption,
    JsonOption,
    PipelineArgument,
    PipelineRootOption,
    SetOption,
    VolumesOption,
)

if TYPE_CHECKING:
    from weighbridge.definition import Definition
    from weighbridge.kubeflow.compile.package import Package

OutputOption = Annotated[Path, typer.Option("--output", "-o", help="YAML file to write.")]


def compile_pipeline(
    pipeline: PipelineArgument,
    output: OutputOption,
    image: ImageOption,
    data: DataOption = None,
    settings: SetOption = None,
    pipeline_root: PipelineRootOption = "",
    destination: DestinationOption = "",
    volumes: VolumesOption = True,
    allow_tag: AllowTagOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compile PIPELINE into a package for open-source Kubeflow Pipelines 2.

    The same pipeline, data and image always give the same bytes. --data and --set are the defaults of the package's
    parameters, which a run can change.
    """
    from weighbridge.definition import load

    options = {
        "image": image,
        "pipeline_root": pipeline_root,
        "destination": destination,
        "volumes": volumes,
        "allow_tag": allow_tag,
    }
    package = compiled(load(pipeline), data, settings, output, **options)
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
    typer.echo(f"{package.path}  {package.digest}")
    typer.echo(f"steps: {' → '.join(package.steps)}")
    typer.echo(f"parameters: {', '.join(each.name for each in package.parameters)}")


def component(
    name: Annotated[str, typer.Argument(help="Component: a folder under components/, e.g. evaluator.")],
    output: OutputOption,
    image: ImageOption,
    allow_tag: AllowTagOption = False,
) -> None:
    """Export one of our components as a KFP component, for a plain KFP pipeline."""
    from weighbridge.kubeflow.compile.component import export_component

    with _quietly():
        inputs, outputs = export_component(name, output, image=image, allow_tag=allow_tag)
    typer.echo(f"{output}: {', '.join(inputs) or 'nothing'} → {', '.join(outputs)}")


def compiled(
    definition: "Definition", data: str | None, settings: list[str] | None, output: Path, **options: Any
) -> "Package":
    """The pipeline as a package at `output`.

    Args:
        definition: the pipeline.
        data: `--data`.
        settings: `--set`.
        output: file to write.
        options: of `compile_package`.
    """
    from weighbridge.kubeflow.compile.package import compile_package

    parameters = definition.parameters(data, settings or ())
    with _quietly():
        return compile_package(definition, parameters, output, **options)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep back what TFX prints while it loads: it is not part of what a command says."""
    from weighbridge.local.output_capture import captured_output

    with tempfile.TemporaryDirectory() as folder, captured_output(Path(folder, "log.txt"), verbose=False):
        yield
