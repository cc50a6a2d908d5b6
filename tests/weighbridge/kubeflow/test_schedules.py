import pytest

from weighbridge.common.errors import UsageError
from weighbridge.kubeflow.client import schedules


def test_create_list_pause_resume_delete(kubeflow, api, package):
    made = schedules.create(api, package, cron="0 6 * * 1-5", at_once=2)
    [sent] = kubeflow.recurring.values()
    assert sent["no_catchup"] is True
    assert sent["max_concurrency"] == "2"
    assert sent["trigger"]["cron_schedule"]["cron"] == "0 0 6 * * 1-5"
    assert sent["pipeline_version_reference"]["pipeline_version_id"] in kubeflow.versions
    assert (made.name, made.enabled, made.when) == ("tiny", True, "0 0 6 * * 1-5")
    for name in ("b", "c"):  # more than one page
        schedules.create(api, package, name=name, every="6h")
    assert [schedule.when for schedule in schedules.schedules(api)] == [
        "0 0 6 * * 1-5",
        "every 21600 s",
        "every 21600 s",
    ]
    assert not schedules.pause(api, "tiny").enabled
    assert schedules.resume(api, made.schedule_id).enabled
    schedules.delete(api, "tiny")
    assert [schedule.name for schedule in schedules.schedules(api)] == ["b", "c"]


def test_a_name_is_taken_once(api, package):
    schedules.create(api, package, every="1d")
    with pytest.raises(UsageError, match="already: every 86400 s"):
        schedules.create(api, package, every="1d")


def test_a_schedule_that_is_not_there_or_not_alone(api, package):
    with pytest.raises(UsageError, match="no schedule 'x'") as raised:
        schedules.pause(api, "x")
    assert "none yet" in raised.value.hint
    schedules.create(api, package, name="a", every="1d")
    schedules.create(api, package, name="b", every="1d")
    with pytest.raises(UsageError, match="2 schedules are called 'recurringruns'"):
        schedules.pause(api, "recurringruns")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either --cron or --every"),
        ({"cron": "0 6 * * *", "every": "1d"}, "either --cron or --every"),
        ({"cron": "0 6 * *"}, "not a cron expression"),
        ({"cron": "0 6 * * $(x)"}, "not a cron expression"),
        ({"cron": "@sometimes"}, "not a cron expression"),
        ({"every": "5s"}, "not an interval"),
        ({"every": "often"}, "not an interval"),
        ({"every": "1d", "at_once": 11}, "Allowed|not allowed"),
    ],
)
def test_times_that_cannot_be_are_told_before_anything_is_asked(kubeflow, api, package, options, message):
    with pytest.raises(UsageError, match=message):
        schedules.create(api, package, **options)
    assert kubeflow.requests == []


def test_cron_as_kubeflow_reads_it():
    assert schedules.cron_expression("@daily") == "@daily"
    assert schedules.cron_expression("*/5 * * * MON") == "0 */5 * * * MON"
    assert schedules.cron_expression("30 0 6 ? * 2-6") == "30 0 6 ? * 2-6"
