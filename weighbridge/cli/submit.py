"""`weighbridge submit`: compile, upload and run a pipeline on Kubeflow."""

from typing import Annotated

import typer

from weighbridge.cli.kubeflow import connect, finish, run_json
from weighbridge.cli.options import (
    AllowTagOption,
    DataOption,
    DeliverOption,
    DestinationOption,
    DestinationsOption,
    EndpointOption,
    ExperimentOption,
    FuseOption,
    ImageOption,
    JsonOption,
    NamespaceOption,
    PipelineArgument,
    PipelineRootOption,
    ReportsOption,
    ServiceAccountOption,
    SetOption,
    StoreOption,
    TimeoutOption,
    VolumesOption,
    WaitOption,
)
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import UsageError

IfChangedOption = Annotated[
    bool,
    typer.Option(
        "--if-changed",
        help="Start a run only if something changed since the same one, production and the stage included.",
    ),
]


def submit(
    pipeline: PipelineArgument,
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
    experiment: ExperimentOption = "weighbridge",
    service_account: ServiceAccountOption = "",
    endpoint: EndpointOption = None,
    namespace: NamespaceOption = None,
    force: Annotated[bool, typer.Option("--force", help="Start a run even if the same one is there already.")] = False,
    if_changed: IfChangedOption = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
    reports: ReportsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Run PIPELINE on Kubeflow; the run's address is printed first.

    Submitting the same data, code, parameters and thresholds again finds the run that is there: one that goes on,
    passed or was refused; one that was cancelled or failed otherwise is run again. With --wait the exit code is the
    run's. With --deliver-to the model goes to a stage on the way to production; see `weighbridge promote`.
    """
    from weighbridge.kubeflow.client import submit as kubeflow
    from weighbridge.kubeflow.client.standing import unseen_places
    from weighbridge.kubeflow.request import PackageRequest

    if force and if_changed:
        raise UsageError("--force and --if-changed exclude each other", "--force starts a run whatever is there.")
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
    api = connect(endpoint, namespace)
    api.check()  # compiling loads TFX, which takes many seconds
    with request.compiled() as package:
        submission = kubeflow.submit(
            api,
            package,
            experiment=experiment,
            pipeline_root=pipeline_root,
            service_account=service_account,
            force=force,
            if_changed=if_changed,
        )
        unseen = unseen_places(package) if if_changed else []
    run, reused = submission.run, submission.reused
    reuse = {"reused": reused, "changed": submission.changed}
    if not as_json:
        print_line(run.url)
        if submission.changed:
            print_line(f"The same run is there already, but {submission.changed}: another is started.")
        if reused:
            state = run.state or "just made"
            said = "Nothing changed since the same run" if if_changed else "The same run is there already"
            print_line(f"{said}: {run.run_id}, {state} (--force starts another).")
            for place in unseen:
                print_line(f"{place} is in a volume of the cluster: whether it changed since cannot be seen from here.")
    if wait or run.ended:
        finish(api, run, wait=wait, timeout=timeout, reports=reports, as_json=as_json, extra=reuse)
    elif as_json:
        print_json({"run": run_json(run)} | reuse)
    else:
        print_line(f"Submitted {run.pipeline} as run {run.run_id}. Wait for it: weighbridge status {run.run_id} --wait")
