"""Recurring runs: a package that Kubeflow starts again and again, by cron or by interval."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.client.runs import describe
from weighbridge.kubeflow.client.submit import EXPERIMENT, experiment_id, marks, upload

if TYPE_CHECKING:
    from weighbridge.kubeflow.compile.package import Package

_CRON_FIELD = re.compile(r"[\d*/,\-?LW#A-Za-z]+")
_DESCRIPTOR = re.compile(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly)")
_INTERVAL = re.compile(r"(\d+)\s*([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SHORTEST = 60
# What Kubeflow's API server accepts.
_MOST_AT_ONCE = 10
_PAGE = 100


@dataclass(frozen=True)
class Schedule:
    """A recurring run.

    Attributes:
        schedule_id: its id.
        name: its display name.
        when: the cron expression (six fields, seconds first), or `every 3600 s`.
        enabled: whether it starts runs; a paused one does not.
        at_once: how many of its runs may go on at the same time.
        created: when it was made.
        url: its page in the UI.
    """

    schedule_id: str
    name: str
    when: str
    enabled: bool
    at_once: int
    created: datetime | None
    url: str


def create(
    api: Api,
    package: "Package",
    *,
    name: str = "",
    cron: str | None = None,
    every: str | None = None,
    at_once: int = 1,
    experiment: str = "",
    parameters: Mapping[str, Any] | None = None,
    pipeline_root: str = "",
    service_account: str = "",
) -> Schedule:
    """Make a recurring run of a package.

    What was missed while it was paused or the cluster was down is not caught up: of a daily training the latest counts.

    Args:
        api: the server.
        package: what `compile_package` made.
        name: its name; by default the pipeline's.
        cron: five fields as in crontab, six with seconds first, or @hourly, @daily, @weekly, @monthly, @yearly; UTC.
        every: an interval instead: 30m, 6h, 1d.
        at_once: how many runs may go on at the same time, 1 to 10.
        experiment: name of the experiment; by default `weighbridge`.
        parameters: values of the package's runtime parameters.
        pipeline_root: where artifacts go; by default what the package or the server sets.
        service_account: that all pods of its runs have; by default the server's own.

    Raises:
        UsageError: the times cannot be read, a schedule of this name is there, or the server refuses something.
    """
    check_times(cron, every, at_once)
    models = api.models
    if cron is not None:
        trigger = models.V2beta1Trigger(cron_schedule=models.V2beta1CronSchedule(cron=cron_expression(cron)))
    else:
        interval = str(seconds(every or ""))
        trigger = models.V2beta1Trigger(periodic_schedule=models.V2beta1PeriodicSchedule(interval_second=interval))
    name = name or package.pipeline
    same = [schedule for schedule in schedules(api) if schedule.name == name]
    if same:
        raise UsageError(
            f"There is a schedule {name!r} already: {same[0].when}, {same[0].schedule_id}",
            f"Give another --name, or first: weighbridge schedule delete {same[0].schedule_id}",
        )
    pipeline_id, version_id = upload(api, package)
    body = models.V2beta1RecurringRun(
        display_name=name,
        description=describe(marks(package, package.key)),
        experiment_id=experiment_id(api, experiment or EXPERIMENT),
        pipeline_version_reference=models.V2beta1PipelineVersionReference(
            pipeline_id=pipeline_id, pipeline_version_id=version_id
        ),
        runtime_config=models.V2beta1RuntimeConfig(
            parameters=dict(parameters or {}), pipeline_root=pipeline_root or None
        ),
        service_account=service_account or None,
        trigger=trigger,
        mode="ENABLE",
        max_concurrency=str(at_once),
        no_catchup=True,
    )
    method = api.client.recurring_runs.recurring_run_service_create_recurring_run
    try:
        return _read(api, api.call(f"schedule {name}", method, body))
    except InfrastructureError as error:
        # Kubeflow makes the cluster's own object first and stores the schedule then.
        adopted = [schedule for schedule in schedules(api) if schedule.name == name]
        if adopted:
            return adopted[0]
        space = api.endpoint.namespace or "kubeflow"
        raise InfrastructureError(
            f"{error.message}. The schedule is not listed, but Kubeflow may start its runs all the same",
            f"Before you create it again, look for it: kubectl get scheduledworkflows -n {space}; and end it: "
            f"kubectl delete scheduledworkflow -n {space} NAME.",
        ) from error


def check_times(cron: str | None, every: str | None, at_once: int) -> None:
    """Refuse what `create` would refuse, before anything is compiled or asked.

    Raises:
        UsageError: not exactly one of `cron` and `every` is given, or one of the three cannot be used.
    """
    if (cron is None) == (every is None):
        raise UsageError("A schedule needs either --cron or --every", "E.g. --cron '0 6 * * *' or --every 6h.")
    if not 1 <= at_once <= _MOST_AT_ONCE:
        raise UsageError(f"{at_once} runs at once is not allowed", f"Allowed: 1 to {_MOST_AT_ONCE}.")
    if cron is not None:
        cron_expression(cron)
    else:
        seconds(every or "")


def schedules(api: Api) -> list[Schedule]:
    """All schedules, of the endpoint's namespace where it has one."""
    space = {"namespace": api.endpoint.namespace} if api.endpoint.namespace else {}
    found: list[Schedule] = []
    token = ""
    while True:
        method = api.client.recurring_runs.recurring_run_service_list_recurring_runs
        answer = api.call("the schedules", method, page_size=_PAGE, page_token=token, **space)
        found += [_read(api, raw) for raw in answer.recurring_runs or []]
        token = answer.next_page_token or ""
        if not token:
            return found


def find(api: Api, reference: str) -> Schedule:
    """The schedule of this name, or whose id begins so.

    Raises:
        UsageError: there is none, or there are several.
    """
    listed = schedules(api)
    matching = [schedule for schedule in listed if reference in (schedule.name, schedule.schedule_id)] or [
        schedule for schedule in listed if reference and schedule.schedule_id.startswith(reference)
    ]
    if len(matching) == 1:
        return matching[0]
    if matching:
        ids = ", ".join(schedule.schedule_id for schedule in matching)
        raise UsageError(f"{len(matching)} schedules are called {reference!r}", f"Name one by its id: {ids}.")
    known = ", ".join(schedule.name for schedule in listed) or "none yet"
    raise UsageError(f"There is no schedule {reference!r} at {api.endpoint.url}", f"Known: {known}.")


def pause(api: Api, reference: str) -> Schedule:
    """Let a schedule start no more runs; those that go on are not touched."""
    return _switch(api, reference, "recurring_run_service_disable_recurring_run")


def resume(api: Api, reference: str) -> Schedule:
    """Let a paused schedule start runs again, from now on."""
    return _switch(api, reference, "recurring_run_service_enable_recurring_run")


def delete(api: Api, reference: str) -> Schedule:
    """Remove a schedule; its runs stay. Returns what it was."""
    schedule = find(api, reference)
    method = api.client.recurring_runs.recurring_run_service_delete_recurring_run
    api.call(f"schedule {schedule.name}", method, schedule.schedule_id)
    return schedule


def _switch(api: Api, reference: str, method: str) -> Schedule:
    schedule = find(api, reference)
    runs = api.client.recurring_runs
    api.call(f"schedule {schedule.name}", getattr(runs, method), schedule.schedule_id)
    get = runs.recurring_run_service_get_recurring_run
    return _read(api, api.call(f"schedule {schedule.name}", get, schedule.schedule_id))


def cron_expression(text: str) -> str:
    """A cron expression as Kubeflow reads it: six fields, seconds first.

    Raises:
        UsageError: it has another number of fields, or one that no cron knows.
    """
    fields = text.split()
    if len(fields) == 1 and _DESCRIPTOR.fullmatch(text.strip()):
        return text.strip()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6 or not all(_CRON_FIELD.fullmatch(field) for field in fields):
        raise UsageError(
            f"{text!r} is not a cron expression",
            "Give five fields (minute hour day month weekday), e.g. '0 6 * * 1-5'.",
        )
    return " ".join(fields)


def seconds(text: str) -> int:
    """Seconds of an interval such as 30m, 6h or 1d.

    Raises:
        UsageError: it is not an interval, or shorter than a minute.
    """
    match = _INTERVAL.fullmatch(text.strip())
    value = int(match[1]) * _UNITS[match[2]] if match else 0
    if value < _SHORTEST:
        raise UsageError(f"{text!r} is not an interval", "Give minutes, hours or days: 30m, 6h, 1d; at least a minute.")
    return value


def _read(api: Api, raw: Any) -> Schedule:
    trigger = raw.trigger
    cron = trigger.cron_schedule.cron if trigger and trigger.cron_schedule else None
    interval = trigger.periodic_schedule.interval_second if trigger and trigger.periodic_schedule else None
    return Schedule(
        schedule_id=str(raw.recurring_run_id),
        name=raw.display_name or "",
        when=cron or (f"every {interval} s" if interval else "never"),
        # Servers differ in which of the two they fill.
        enabled=raw.status == "ENABLED" if raw.status else raw.mode == "ENABLE",
        at_once=int(raw.max_concurrency or 1),
        created=raw.created_at,
        url=api.endpoint.page(f"recurringrun/details/{raw.recurring_run_id}"),
    )
