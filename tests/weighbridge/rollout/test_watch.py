"""What a look sees: windows of increments, and everything that may be missing from them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.weighbridge.rollout.doubles import gates
from tests.weighbridge.rollout.prometheus_double import Samples, prometheus
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.rollout.prometheus import Prometheus
from weighbridge.rollout.watch import Seen, Watch
from weighbridge.thresholds.canary import CanaryGates, CanaryStep

NOW = 1_767_225_600.0
START = datetime.fromtimestamp(NOW - 60, UTC)
VERSIONS = {"canary": "7", "stable": "6"}


@pytest.fixture
def samples() -> Samples:
    return Samples(clock=lambda: NOW)


@pytest.fixture
def server(samples: Samples) -> Iterator[Prometheus]:
    with prometheus(samples) as address:
        yield Prometheus(address, timeout_s=5, pause=lambda seconds: None)


def watch(server: Prometheus, section: CanaryGates | None = None, skew_s: float = 0.0, lag_s: float = 0.0) -> Watch:
    clock = datetime.fromtimestamp(NOW - skew_s, UTC)
    return Watch(server, section or gates(), "taxi", VERSIONS, lambda: clock, lag_s)


def scraped(samples: Samples, version: str, until: float = NOW, per_s: float = 10, started: float = 5.0) -> None:
    """A server that answers so many requests a second, a tenth of them slowly, and fails one of a hundred."""
    labels = {"model": "taxi", "version": version, "instance": f"server-{version}:8080"}
    for number in range(25):
        at = NOW - 120 + 5 * number
        if at > until:
            break
        total = per_s * 5 * number
        samples.add("weighbridge_requests_total", total * 0.99, at, code="200", **labels)
        samples.add("weighbridge_requests_total", total * 0.01, at, code="503", **labels)
        for le, share in (("0.01", 0.9), ("0.1", 1.0), ("+Inf", 1.0)):
            samples.add("weighbridge_request_seconds_bucket", total * share, at, le=le, **labels)
            samples.add("weighbridge_prediction_bucket", total * share, at, le=le, output="fare", **labels)
        samples.add("weighbridge_memory_bytes", 1e8 + number, at, **labels)
        samples.add("weighbridge_started_seconds", started, at, **labels)


def test_a_window_has_what_both_did_since_the_last_look(server: Prometheus, samples: Samples) -> None:
    scraped(samples, "6", per_s=90)
    scraped(samples, "7", per_s=10)
    seen = watch(server).look(START, 1)
    assert seen.problems == ()
    assert seen.window is not None
    assert (seen.window.step, seen.window.seconds) == (1, 60)
    assert (seen.window.canary.requests, seen.window.canary.errors) == (600, 6)
    assert (seen.window.stable.requests, seen.window.stable.errors) == (5400, 54)
    assert seen.window.canary.seconds.counts == (540, 60, 0)
    assert seen.window.canary.predictions["fare"].counts == (540, 60, 0)
    assert seen.window.canary.memory_bytes == 1e8 + 24
    assert seen.window.canary.restarts == 0


def test_looks_one_after_the_other_count_everything_once(server: Prometheus, samples: Samples) -> None:
    scraped(samples, "6")
    scraped(samples, "7")
    looking = watch(server)
    whole = looking.again(datetime.fromtimestamp(NOW - 100, UTC), datetime.fromtimestamp(NOW, UTC), 0)
    parts = [
        looking.again(datetime.fromtimestamp(NOW - 100 + at, UTC), datetime.fromtimestamp(NOW - 100 + at + 20, UTC), 0)
        for at in range(0, 100, 20)
    ]
    assert sum(window.canary.requests for [window] in parts) == sum(window.canary.requests for window in whole) == 1000


def test_a_canary_that_nobody_scrapes_is_missing(server: Prometheus, samples: Samples) -> None:
    scraped(samples, "6")
    seen = watch(server).look(START, 0)
    assert seen.window is not None
    assert seen.window.canary.requests == 0
    [problem] = seen.problems
    assert "no samples of version 7, the canary, at all" in problem
    assert 'weighbridge_requests_total{model="taxi",version="7"}' in problem
    assert seen.gone == ""  # it was never there


def test_servers_that_are_gone_are_told_apart_from_a_prometheus_that_sees_nobody(
    server: Prometheus, samples: Samples
) -> None:
    scraped(samples, "6")
    scraped(samples, "7", until=NOW - 45)
    seen = watch(server).look(START, 1)
    assert "no samples of version 7, the canary, since 4" in seen.problems[0]
    assert seen.gone == "No server of version 7 answers Prometheus any more, while production's do."
    samples.series.clear()
    scraped(samples, "6", until=NOW - 45)
    scraped(samples, "7", until=NOW - 45)
    seen = watch(server).look(START, 1)
    assert len(seen.problems) == 2
    assert seen.gone == ""


def test_a_clock_that_is_wrong_is_told(server: Prometheus, samples: Samples) -> None:
    scraped(samples, "6")
    scraped(samples, "7")
    assert watch(server, skew_s=29).look(START, 0).problems == ()
    for skew, word in ((95, "95 s ahead of"), (-95, "95 s behind")):
        [problem] = watch(server, skew_s=skew).look(START, 0).problems
        assert word in problem


def test_a_clock_that_went_back_makes_no_window(server: Prometheus) -> None:
    seen = watch(server).look(datetime.fromtimestamp(NOW + 5, UTC), 0)
    assert seen.window is None


def test_requests_without_times_are_missing_data(server: Prometheus, samples: Samples) -> None:
    scraped(samples, "6")
    scraped(samples, "7")
    section = gates().model_copy(
        update={"queries": gates().queries.model_copy(update={"latency": 'mistyped{version="$version"}'})}
    )
    problems = watch(server, section).look(START, 0).problems
    assert [problem.partition(":")[0] for problem in problems] == [
        "Prometheus has no times of the 600 requests of canary",
        "Prometheus has no times of the 600 requests of stable",
    ]


def test_other_servers_are_asked_as_gates_yaml_says(server: Prometheus, samples: Samples) -> None:
    for version in ("6", "7"):
        for number in range(25):
            at = NOW - 120 + 5 * number
            labels = {"destination_version": f"v{version}", "pod": version}
            samples.add("istio_requests_total", 50 * number, at, response_code="200", **labels)
            samples.add("istio_requests_total", 5 * number, at, response_code="502", **labels)
            for le, share in (("5", 0.5), ("50", 1.0), ("+Inf", 1.0)):
                samples.add("istio_request_duration_milliseconds_bucket", 55 * number * share, at, le=le, **labels)
    queries = {
        "requests": 'istio_requests_total{destination_version="v$version"}',
        "errors": 'istio_requests_total{destination_version="v$version",response_code=~"[45].."}',
        "latency": 'istio_request_duration_milliseconds_bucket{destination_version="v$version"}',
        "latency_unit": "ms",
    }
    section = CanaryGates.model_validate({"queries": queries})
    seen = watch(server, section).look(START, 0)
    assert seen.problems == ()
    assert seen.window is not None
    assert (seen.window.canary.requests, seen.window.canary.errors) == (660, 60)
    assert seen.window.canary.seconds.edges[:2] == (0.005, 0.05)
    assert seen.window.canary.memory_bytes is None


def test_metrics_of_the_business(server: Prometheus, samples: Samples) -> None:
    scraped(samples, "6")
    scraped(samples, "7")
    for version, bought in (("6", 2), ("7", 3)):
        for number in range(25):
            at = NOW - 120 + 5 * number
            samples.add("shown_total", 100 * number, at, version=version, instance="shop")
            samples.add("bought_total", bought * number, at, version=version, instance="shop")
    metric = {
        "successes": 'bought_total{version="$version"}',
        "trials": 'shown_total{version="$version"}',
        "rate": {"min_change": -0.01},
    }
    section = CanaryGates.model_validate({"business": {"bought": metric}})
    seen = watch(server, section).look(START, 0)
    assert seen.window is not None
    assert seen.window.canary.business == {"bought": (1200, 36)}
    assert seen.window.stable.business == {"bought": (1200, 24)}


def test_a_restart_is_counted_and_loses_nothing_that_was_sampled(server: Prometheus, samples: Samples) -> None:
    scraped(samples, "6")
    scraped(samples, "7", until=NOW - 30)
    labels = {"model": "taxi", "version": "7", "instance": "server-7:8080"}
    for number in range(6):
        at = NOW - 25 + 5 * number
        samples.add("weighbridge_requests_total", 50.0 * number, at, code="200", **labels)
        samples.add("weighbridge_started_seconds", NOW - 26, at, **labels)
        samples.add("weighbridge_memory_bytes", 1e8, at, **labels)
    seen = watch(server).look(START, 1)
    assert seen.window is not None
    assert seen.window.canary.restarts == 1
    assert seen.window.canary.requests == 300 + 250


def test_what_the_canary_refuses_it_fails(server: Prometheus, samples: Samples) -> None:
    scraped(samples, "6")
    scraped(samples, "7")
    for number in range(25):
        labels = {"model": "taxi", "version": "7", "instance": "server-7:8080"}
        for code in ("400", "429"):
            samples.add("weighbridge_requests_total", 20.0 * number, NOW - 120 + 5 * number, code=code, **labels)
    seen = watch(server).look(START, 1)
    assert seen.window is not None
    assert (seen.window.canary.requests, seen.window.canary.errors) == (600 + 480, 6 + 480)
    assert (seen.window.stable.requests, seen.window.stable.errors) == (600, 6)


def restarting(samples: Samples, *ages: float) -> None:
    """Servers of both that answer for two minutes; the canary's is started again so long ago."""
    scraped(samples, "6")
    labels = {"model": "taxi", "version": "7", "instance": "server-7:8080"}
    for number in range(25):
        at = NOW - 120 + 5 * number
        started = max((NOW - age for age in ages if NOW - age <= at), default=5.0)
        samples.add("weighbridge_started_seconds", started, at, **labels)
        total = 10.0 * (at - max(started, NOW - 120))
        samples.add("weighbridge_requests_total", total, at, code="200", **labels)
        samples.add("weighbridge_request_seconds_bucket", total, at, le="+Inf", **labels)


def looks(server: Prometheus, samples: Samples, section: CanaryGates, *at: tuple[float, int]) -> list[Seen]:
    """Look at so many seconds before now, in a step each."""
    found: list[Seen] = []
    looking, start = watch(server, section), datetime.fromtimestamp(NOW - 120, UTC)
    for age, step in at:
        samples.clock = lambda age=age: NOW - age  # type: ignore[misc]
        looking.clock = lambda age=age: datetime.fromtimestamp(NOW - age, UTC)  # type: ignore[misc]
        found.append(looking.look(start, step))
        assert found[-1].window is not None
        start = found[-1].window.end
    return found


def test_in_a_step_after_a_restart_nothing_passes_and_a_second_one_ends_it(
    server: Prometheus, samples: Samples
) -> None:
    restarting(samples, 71, 11)
    before, once, still, twice = looks(server, samples, gates(), (90, 1), (60, 1), (30, 1), (0, 1))
    assert (before.problems, before.gone) == ((), "")
    assert "started again once in this step" in once.problems[0]
    assert (still.problems, still.gone) == (once.problems, "")
    assert "started again 2 times in this step" in twice.gone
    assert twice.problems == (twice.gone,)


def test_each_step_counts_its_own_restarts(server: Prometheus, samples: Samples) -> None:
    restarting(samples, 71, 11)
    found = looks(server, samples, gates(), (90, 0), (60, 0), (30, 1), (0, 1))
    assert [len(seen.problems) for seen in found] == [0, 1, 0, 1]
    assert "once" in found[-1].problems[0]
    assert not any(seen.gone for seen in found)


def test_a_canary_that_is_rolled_out_or_settles_was_not_ended_by_anybody(server: Prometheus, samples: Samples) -> None:
    restarting(samples, 101, 71)
    settling = gates([CanaryStep(percent=1, minutes=1, settle_s=50)])
    assert all(seen.problems == () for seen in looks(server, samples, settling, (90, 0), (60, 0), (30, 0)))
    samples.series.clear()
    restarting(samples, 101, 71)
    for key, values in samples.series.items():  # nobody asks it yet
        if key[0] == "weighbridge_requests_total" and ("version", "7") in key[1]:
            samples.series[key] = [(at, 0.0) for at, _ in values]
    at_once = gates([CanaryStep(percent=1, minutes=1, settle_s=0)])
    assert all(seen.problems == () for seen in looks(server, samples, at_once, (90, 0), (60, 0), (30, 0)))


def test_one_more_server_is_no_restart(server: Prometheus, samples: Samples) -> None:
    restarting(samples)
    for number in range(6):
        labels = {"model": "taxi", "version": "7", "instance": "another-7:8080"}
        samples.add("weighbridge_started_seconds", NOW - 27, NOW - 25 + 5 * number, **labels)
        samples.add("weighbridge_requests_total", 9.0 * number, NOW - 25 + 5 * number, code="200", **labels)
    found = looks(server, samples, gates(), (60, 1), (30, 1), (0, 1))
    assert all((seen.problems, seen.gone) == ((), "") for seen in found)


def test_a_restart_that_two_tell_of_is_one(server: Prometheus, samples: Samples) -> None:
    restarting(samples, 31)
    for number in range(25):
        samples.add("kube_restarts", float(number >= 20), NOW - 120 + 5 * number, pod="taxi-v7-1", instance="state")
    section = gates()
    queries = section.queries.model_copy(update={"restarts": 'kube_restarts{pod=~"taxi-v$version-.*"}'})
    found = looks(server, samples, section.model_copy(update={"queries": queries}), (60, 1), (0, 1))
    assert found[-1].window is not None
    assert found[-1].window.canary.restarts == 1
    assert found[-1].gone == ""


def test_requests_that_all_fail_have_no_times_and_none_are_missed(server: Prometheus, samples: Samples) -> None:
    scraped(samples, "6")
    for number in range(25):
        labels = {"model": "taxi", "version": "7", "instance": "server-7:8080"}
        samples.add("weighbridge_requests_total", 50.0 * number, NOW - 120 + 5 * number, code="400", **labels)
    assert watch(server).look(START, 1).problems == ()


def test_an_answer_that_is_not_whole_makes_no_window(server: Prometheus, samples: Samples) -> None:
    scraped(samples, "6")
    scraped(samples, "7")
    samples.warnings = ["store gateway-1: connection refused"]
    with pytest.raises(InfrastructureError, match="store gateway-1: connection refused"):
        watch(server).look(START, 0)


def test_a_wrong_query_is_an_error_and_not_silence(server: Prometheus, samples: Samples) -> None:
    section = CanaryGates.model_validate({"queries": {"latency": 'rate(requests{version="$version"}'}})
    with pytest.raises(UsageError, match="parse error"):
        watch(server, section).look(START, 0)


def test_what_scrapes_have_not_ended_is_left_for_the_next_look(server: Prometheus, samples: Samples) -> None:
    scraped(samples, "6")
    scraped(samples, "7")
    seen = watch(server, lag_s=2.0).look(START, 0)
    assert seen.window is not None
    assert seen.window.end == seen.now - timedelta(seconds=2)
