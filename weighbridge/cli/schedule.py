"""`weighbridge schedule`: recurring runs on Kubeflow."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli.kubeflow import connect
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
    ServiceAccountOption,
    SetOption,
    StoreOption,
    VolumesOption,
)
from weighbridge.cli.output import EXIT_CODES, print_json, print_line

if TYPE_CHECKING:
    from weighbridge.kubeflow.client.schedules import Schedule

app = typer.Typer(no_args_is_help=True, help="Recurring runs on Kubeflow.")

ScheduleArgument = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its name, its id, or the beginning of it.")]


@app.command("create", epilog=EXIT_CODES)
def create(
    pipeline: PipelineArgument,
    image: ImageOption,
    cron: Annotated[
        str | None, typer.Option("--cron", help="When, in UTC, as in crontab: '0 6 * * 1-5', or @daily.")
    ] = None,
    every: Annotated[str | None, typer.Option("--every", help="An interval instead: 30m, 6h, 1d.")] = None,
    name: Annotated[str, typer.Option("--name", help="The schedule's name; the pipeline's if left out.")] = "",
    at_once: Annotated[
        int, typer.Option("--max-concurrency", help="How many of its runs may go on at the same time, 1 to 10.")
    ] = 1,
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
    as_json: JsonOption = False,
) -> None:
    """Let Kubeflow run PIPELINE again and again. What was missed is not caught up."""
    from weighbridge.kubeflow.client import schedules
    from weighbridge.kubeflow.request import PackageRequest

    schedules.check_times(cron, every, at_once)  # before anything is compiled
    api = connect(endpoint, namespace)
    api.check()  # compiling loads TFX, which takes many seconds
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
    with request.compiled(pin_data=False) as package:  # the next run is for the data that will be there then
        schedule = schedules.create(
            api,
            package,
            name=name,
            cron=cron,
            every=every,
            at_once=at_once,
            experiment=experiment,
            pipeline_root=pipeline_root,
            service_account=service_account,
        )
    _print(schedule, as_json, "runs")


@app.command("list", epilog=EXIT_CODES)
def list_schedules(
    endpoint: EndpointOption = None, namespace: NamespaceOption = None, as_json: JsonOption = False
) -> None:
    """List schedules."""
    from weighbridge.kubeflow.client.schedules import schedules

    found = schedules(connect(endpoint, namespace))
    if as_json:
        print_json([_json(schedule) for schedule in found])
        return
    if not found:
        print_line("No schedules yet. Make one: weighbridge schedule create PIPELINE --cron '0 6 * * *'")
        return
    from rich.markup import escape
    from rich.table import Table

    from weighbridge.cli.display import console

    table = Table("schedule", "when (UTC)", "state", "at once", "id", box=None)
    for schedule in found:
        state = "enabled" if schedule.enabled else "paused"
        cells = (schedule.name, schedule.when, state, str(schedule.at_once), schedule.schedule_id)
        table.add_row(*map(escape, cells))
    console().print(table)


@app.command("pause", epilog=EXIT_CODES)
def pause(
    schedule: ScheduleArgument,
    endpoint: EndpointOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a schedule start no more runs until it is resumed."""
    from weighbridge.kubeflow.client import schedules

    _print(schedules.pause(connect(endpoint, namespace), schedule), as_json, "is paused:")


@app.command("resume", epilog=EXIT_CODES)
def resume(
    schedule: ScheduleArgument,
    endpoint: EndpointOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a paused schedule start runs again."""
    from weighbridge.kubeflow.client import schedules

    _print(schedules.resume(connect(endpoint, namespace), schedule), as_json, "runs")


@app.command("delete", epilog=EXIT_CODES)
def delete(
    schedule: ScheduleArgument,
    endpoint: EndpointOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a schedule. Its runs stay."""
    from weighbridge.kubeflow.client import schedules

    _print(schedules.delete(connect(endpoint, namespace), schedule), as_json, "is deleted; it was")


def _print(schedule: "Schedule", as_json: bool, state: str) -> None:
    if as_json:
        print_json(_json(schedule))
        return
    print_line(schedule.url)
    print_line(f"Schedule {schedule.name} {state} {schedule.when} ({schedule.schedule_id})")


def _json(schedule: "Schedule") -> dict[str, Any]:
    return {
        "schedule_id": schedule.schedule_id,
        "name": schedule.name,
        "when": schedule.when,
        "enabled": schedule.enabled,
        "max_concurrency": schedule.at_once,
        "created": schedule.created.isoformat() if schedule.created else None,
        "url": schedule.url,
    }
