"""`weighbridge submit`: compile, upload and run a pipeline on Kubeflow."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli.compile import compiled
from weighbridge.cli.kubeflow import (
    EndpointOption,
    NamespaceOption,
    TimeoutOption,
    WaitOption,
    connect,
    finish,
    print_json,
    run_json,
    tell,
)
from weighbridge.cli.options import (
    AllowTagOption,
    DataOption,
    DestinationOption,
    ImageOption,
    JsonOption,
    PipelineArgument,
    PipelineRootOption,
    ReportsOption,
    SetOption,
    VolumesOption,
)

if TYPE_CHECKING:
    from weighbridge.kubeflow.compile.package import Package

ServiceAccountOption = Annotated[
    str,
    typer.Option(
        "--service-account",
        envvar="WEIGHBRIDGE_KFP_SERVICE_ACCOUNT",
        help="Account of the run's pods, e.g. weighbridge-push for a run that pushes; else the server's own.",
    ),
]
ExperimentOption = Annotated[str, typer.Option("--experiment", help="Experiment on Kubeflow; made where missing.")]


def submit(
    pipeline: PipelineArgument,
    image: ImageOption,
    data: DataOption = None,
    settings: SetOption = None,
    pipeline_root: PipelineRootOption = "",
    destination: DestinationOption = "",
    volumes: VolumesOption = True,
    allow_tag: AllowTagOption = False,
    experiment: ExperimentOption = "weighbridge",
    service_account: ServiceAccountOption = "",
    endpoint: EndpointOption = None,
    namespace: NamespaceOption = None,
    force: Annotated[bool, typer.Option("--force", help="Start a run even if the same one is there already.")] = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
    reports: ReportsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Run PIPELINE on Kubeflow; the run's address is printed first.

    Submitting the same data, code, parameters and thresholds again finds the run that is there: one that goes on,
    passed or was refused; one that was cancelled or failed otherwise is run again. With --wait the exit code is the
    run's: 0 passed, 1 a gate refused, 2 usage or configuration error, 3 infrastructure failure (safe to retry).
    """
    from weighbridge.kubeflow.client import submit as kubeflow

    api = connect(endpoint, namespace)
    api.check()  # compiling loads TFX, which takes many seconds
    options = {
        "image": image,
        "pipeline_root": pipeline_root,
        "destination": destination,
        "volumes": volumes,
        "allow_tag": allow_tag,
    }
    with packaged(pipeline, data, settings, **options) as package:
        submission = kubeflow.submit(
            api,
            package,
            experiment=experiment,
            pipeline_root=pipeline_root,
            service_account=service_account,
            force=force,
        )
    run, reused = submission.run, submission.reused
    if not as_json:
        tell(run.url)
        if reused:
            tell(f"The same run is there already: {run.run_id}, {run.state or 'just made'} (--force starts another).")
    if wait or run.ended:
        finish(api, run, wait=wait, timeout=timeout, reports=reports, as_json=as_json, extra={"reused": reused})
    elif as_json:
        print_json({"run": run_json(run), "reused": reused})
    else:
        tell(f"Submitted {run.pipeline} as run {run.run_id}. Wait for it: weighbridge status {run.run_id} --wait")


@contextmanager
def packaged(pipeline: str, data: str | None, settings: list[str] | None, **options: Any) -> "Iterator[Package]":
    """The pipeline as a package in a folder of its own, which goes when the block ends; see `compiled`."""
    from weighbridge.definition import load

    definition = load(pipeline)
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
        yield compiled(definition, data, settings, Path(folder, f"{definition.name}.yaml"), **options)
