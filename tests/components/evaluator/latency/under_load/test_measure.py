"""Real load on real servers whose answers are known: what passes, what refuses, and what is no number."""

from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest

from tests.components.evaluator.helpers import latency_gates
from tests.load_server import load_server
from weighbridge.components.evaluator.latency.under_load.judge import judge
from weighbridge.components.evaluator.latency.under_load.measure import Contender, UnderLoad, judge_rate, measure
from weighbridge.components.evaluator.latency.under_load.size import cost_per_million, max_rate, sizing
from weighbridge.components.evaluator.latency.under_load.weigh import bodies_of, refusal, report
from weighbridge.components.evaluator.served_gates import ServedGates
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.evidence.served import ServedReport
from weighbridge.load.answers import Answers
from weighbridge.load.knee import Knee
from weighbridge.load.target import Target
from weighbridge.load.usage import Usage
from weighbridge.verdict import Gate

BODIES = [b'{"instances":[{"x":%d}]}' % number for number in range(16)]
# A test's machine is busy: what is asked here of the generator is that it measures, not that nothing disturbs it.
LENIENT = {"max_lag": 1.0, "load_s": 10, "error_rate": {"max": 0.05}}


def gates(**served: object):
    return latency_gates(served={"rate_rps": 150, **LENIENT, **served})


def loaded(section, load_s: float = 2.0, **servers: dict) -> UnderLoad:
    """What servers show, in less time than a pipeline may ask for."""
    section = section.model_copy(update={"served": section.served.model_copy(update={"load_s": load_s})})
    with ExitStack() as stack:
        contenders = {
            name: Contender(Target(stack.enter_context(load_server(**options))), BODIES)
            for name, options in servers.items()
        }
        return measure(section.served, contenders, section.confidence)


def statuses(judged: list[Gate]) -> dict[str, str]:
    return {gate.name.removeprefix("latency.served."): gate.status for gate in judged}


@pytest.fixture(scope="module")
def two() -> UnderLoad:
    """A candidate that takes three times as long as production."""
    return loaded(gates(), candidate={"service_ms": 3}, production={"service_ms": 1})


def test_a_slower_candidate_is_refused_beside_production_and_passes_a_limit_that_it_keeps(two: UnderLoad) -> None:
    section = gates(p50_ms={"max": 2000, "max_ratio": 1.3}, p99_ms={"max": 9000})
    found = statuses(judge(section, two, in_production=True))
    assert found["p50_ms.max"] == "passed"
    assert found["p50_ms.max_ratio"] == "refused"
    assert found["error_rate.max"] == "passed"
    ratio = two.estimates["ratio"]["p50_ms"]
    assert 1.3 < ratio.low < ratio.value < ratio.high


def test_both_get_the_same_plans_and_every_request_of_them_counts(two: UnderLoad) -> None:
    ours, theirs = two.responses["candidate"], two.responses["production"]
    assert len(ours) == len(theirs)
    assert (ours.segments == theirs.segments).all()
    assert (ours.bodies == theirs.bodies).all()
    assert len(ours.seconds) == 20
    assert ours.seconds.sum() == pytest.approx(0.8 * 2)
    assert len(ours) == pytest.approx(150 * 0.8 * 2, rel=0.3)


def test_what_was_measured_is_kept(two: UnderLoad, tmp_path) -> None:
    section = gates()
    made = report(section.served, two, section.confidence, "a double")
    made.write(tmp_path)
    kept = ServedReport.require(tmp_path)
    assert kept == made
    assert kept.candidate.requests == sum(kept.candidate.histogram.counts) == len(two.responses["candidate"])
    assert kept.production.p99_ms.value < kept.candidate.p99_ms.value
    assert (kept.candidate.max_rate_rps, kept.candidate.rates, kept.candidate.cpu_ms) == (None, [], None)


def test_a_server_that_fails_is_refused_by_the_share_and_its_words_are_told() -> None:
    section = gates(p99_ms={"max": 5000})
    found = loaded(section, candidate={"every": 3, "fault": "error"})
    judged = {gate.name.removeprefix("latency.served."): gate for gate in judge(section, found, in_production=False)}
    assert judged["error_rate.max"].status == "refused"
    assert "Failed: 503:" in judged["error_rate.max"].message
    assert "predictions" in judged["error_rate.max"].message
    # One in three has not been answered: the 99th percentile is no shorter than the time-out.
    assert judged["p99_ms.max"].status == "refused"
    assert judged["p99_ms.max"].observed == section.served.timeout_ms


def test_a_generator_that_was_late_measured_itself_which_is_no_number(two: UnderLoad, tmp_path) -> None:
    slow = replace(two.responses["candidate"], lag=two.responses["candidate"].times * 0.9)
    late = UnderLoad({"candidate": slow, "production": two.responses["production"]}, two.estimates)
    section = latency_gates(served={"rate_rps": 60, "p50_ms": {"max": 9000, "max_ratio": 5}, "max_lag": 0.5})
    judged = judge(section, late, in_production=True)
    found = statuses(judged)
    assert found["generator.candidate.kept_plan"] == found["p50_ms.max"] == found["p50_ms.max_ratio"] == "unmeasured"
    assert "90% of the response time" in judged[0].message
    kept = report(section.served, late, section.confidence, "a double")
    assert (kept.candidate.p50_ms.value, kept.ratio.p50_ms.value) == (None, None)
    assert kept.production.p50_ms.value is not None


def test_nothing_in_production_is_not_compared_and_one_that_cannot_be_served_is_not_measured(two: UnderLoad) -> None:
    alone = UnderLoad({"candidate": two.responses["candidate"]}, {"candidate": two.estimates["candidate"]})
    section = gates(p50_ms={"max_ratio": 1.3})
    assert statuses(judge(section, alone, in_production=False))["p50_ms.max_ratio"] == "not_compared"
    assert statuses(judge(section, alone, in_production=True))["p50_ms.max_ratio"] == "unmeasured"


@pytest.mark.parametrize(
    ("ours", "status"),
    [
        (Knee(108.0, 105.0, 112.0, ()), "passed"),
        (Knee(100.0, 80.0, 118.0, ()), "inconclusive"),
        (Knee(50.0, 48.0, 53.0, ()), "refused"),
        (Knee(108.0, 105.0, float("inf"), ()), "inconclusive"),  # how much more than production's, nobody knows
    ],
)
def test_highest_rates_are_compared_by_both_intervals(two: UnderLoad, ours: Knee, status: str) -> None:
    found = replace(two, knees={"candidate": ours, "production": Knee(110.0, 107.0, 113.0, ())})
    section = gates(max_rate_rps={"min": 40, "min_ratio": 0.9})
    judged = statuses(judge(section, found, in_production=True))
    assert judged["max_rate_rps.min"] == "passed"
    assert judged["max_rate_rps.min_ratio"] == status


@pytest.mark.slow
def test_the_knee_of_a_server_is_where_it_can_do_no_more() -> None:
    # It sleeps for 5 ms a request, one after the other: 200 a second at the very most, fewer on a busy machine.
    ramp = {"start_rps": 60, "growth": 2, "resolution": 0.3, "load_s": 1, "limit_ms": 200, "tries": 7}
    section = gates(ramp=ramp, max_rate_rps={"min": 20})
    found = loaded(section, 0.5, candidate={"service_ms": 5})
    knee = found.knees["candidate"]
    assert 20 < knee.rate_rps < 210
    assert knee.low <= knee.rate_rps <= knee.high
    assert max(each.rate_rps for each in knee.tried) > knee.rate_rps
    kept = report(section.served, found, section.confidence, "a double")
    assert len(kept.candidate.rates) == len(knee.tried)
    assert statuses(judge(section, found, in_production=False))["max_rate_rps.min"] in ("passed", "inconclusive")


def answers(
    latency_s: float, seconds: float = 5.0, rate: float = 400, failed: float = 0.0, late: float = 0.0
) -> Answers:
    planned = np.arange(0, seconds, 1 / rate)
    rng = np.random.default_rng(0)
    times = rng.exponential(latency_s, len(planned)) + late * planned
    return Answers(
        planned=planned,
        sent=planned,
        free=planned,
        done=planned + times,
        status=np.where(rng.random(len(planned)) < failed, 503, 200).astype(np.int16),
        bodies=np.zeros(len(planned), np.intp),
        timeout_s=10.0,
        lasted_s=seconds,
        cpu_s=0.1,
    )


@pytest.mark.parametrize(
    ("made", "held", "surely"),
    [
        ({"latency_s": 0.004}, True, True),
        ({"latency_s": 0.009}, True, False),  # a 99th percentile of 41 ms: chance decides
        ({"latency_s": 0.03}, False, True),
        ({"latency_s": 0.001, "failed": 0.05}, False, True),
        ({"latency_s": 0.001, "late": 0.2}, False, True),  # requests pile up
    ],
)
def test_a_rate_holds_for_certain_breaks_for_certain_or_neither(made: dict, held: bool, surely: bool) -> None:
    section = gates(p99_ms={"max": 50}, ramp={})
    found = judge_rate(section.served, answers(**made), 400, 5.0, 0.025 / 20)
    assert (found.held, found.surely, found.limited) == (held, surely, False)


def test_without_a_limit_a_rate_ends_where_requests_pile_up() -> None:
    section = gates(ramp={})
    assert judge_rate(section.served, answers(0.03), 400, 5.0, 0.00125).held
    assert not judge_rate(section.served, answers(0.001, late=0.2), 400, 5.0, 0.00125).held


SIZED = ServedGates.model_validate({"rate_rps": 200, "cost_per_hour": 0.36, "headroom": 0.3, "rows": 2, "ramp": {}})


def measured(knee: Knee | None = None) -> UnderLoad:
    found = UnderLoad(cpu_s={"candidate": 0.004}, memory_bytes={"candidate": 500 << 20})
    return replace(found, knees={"candidate": knee} if knee else {})


def test_a_cluster_is_sized_by_what_was_measured() -> None:
    found = sizing(SIZED, measured(Knee(310.0, 290.0, 330.0, ())))
    assert found is not None
    assert found.cpu_millicores == 870  # 4 ms of each of 217 requests a second
    assert found.memory_bytes == 650 << 20
    assert (found.rate_rps, found.max_rps_per_replica, found.replicas) == (200, 310, 2)
    # 217 requests a second of two rows: 1,562,400 predictions an hour for 0.36.
    assert found.cost_per_million == pytest.approx(0.2304, rel=1e-3)


@pytest.mark.parametrize(("knee_rps", "replicas"), [(310, 2), (200, 2), (100, 3), (20, 15)])
def test_as_many_replicas_as_the_rate_needs_with_headroom_and_two_at_least(knee_rps: float, replicas: int) -> None:
    found = sizing(SIZED, measured(Knee(knee_rps, knee_rps, knee_rps, ())))
    assert found is not None
    assert found.replicas == replicas
    assert found.replicas * found.max_rps_per_replica * 0.7 >= 200


def test_without_a_ramp_the_declared_rate_is_what_was_shown() -> None:
    found = sizing(ServedGates(rate_rps=200), measured())
    assert found is not None
    assert (found.max_rps_per_replica, found.replicas, found.cost_per_million) == (200, 2, None)


def test_what_is_not_known_is_not_sized() -> None:
    assert sizing(SIZED, UnderLoad()) is None
    assert sizing(SIZED, measured(Knee(0.0, 0.0, 1.0, ()))) is None


def test_a_price_is_as_unsure_as_the_rate_that_it_follows_from() -> None:
    found = cost_per_million(SIZED, max_rate(Knee(310.0, 155.0, float("inf"), ())))
    assert found is not None
    assert found.high == pytest.approx(2 * found.value)
    assert found.low == 0


def test_a_process_tells_what_it_used() -> None:
    found = Usage(1.0, 2)
    assert Contender(Target("http://h:1"), BODIES).used() is None
    assert found.cpu_s == 1.0


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (200, b'{"predictions":[1]}', ""),
        (200, b'{"outputs":[{"data":[1]}]}', ""),
        (404, b"no such model", "404: no such model"),
        (200, b'{"predictions":[]}', "without predictions"),
        (200, b"<html>", "without predictions"),
    ],
)
def test_an_answer_is_looked_at_before_it_is_timed(status: int, answer: bytes, told: str) -> None:
    assert told in refusal(status, answer)
    assert bool(refusal(status, answer)) is bool(told)


def test_rows_that_v2_has_no_form_for_are_refused_with_what_to_say_instead() -> None:
    v2 = ServedGates(rate_rps=1, protocol="v2")
    assert bodies_of(v2, [{"x": 1.5, "y": "a"}]) == [
        b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1.5]},'
        b'{"name":"y","shape":[1],"datatype":"BYTES","data":["a"]}]}'
    ]
    with pytest.raises(Unmeasurable) as raised:
        bodies_of(replace_rows(v2, 2), [{"x": 1.5, "y": "a"}, {"x": 1.5}])
    assert "protocol: v1" in raised.value.message


def replace_rows(section: ServedGates, rows: int) -> ServedGates:
    return section.model_copy(update={"rows": rows})
