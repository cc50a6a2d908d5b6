"""What a live canary's windows come to: proven, refused, open, or not measured and never passed."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.weighbridge.rollout.made_windows import LATENCY, Made, Traffic, Truth, made
from weighbridge.rollout.judge import judge
from weighbridge.rollout.observed import Counts, Histogram, Window
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.verdict import Bounds, Gate

BOUGHT = {"successes": 'a{v="$version"}', "trials": 'b{v="$version"}', "rate": {"min_ratio": 0.5, "min_change": -0.03}}
GATES = CanaryGates.model_validate(
    {
        "steps": [{"percent": 10, "requests": 4000, "minutes": 0}, {"percent": 50, "minutes": 0}],
        "p99_ms": {"max_ratio": 1.5},
        "business": {"bought": BOUGHT},
    }
)
NAMES = [
    "canary.p50_ms.max_ratio",
    "canary.p95_ms.max_ratio",
    "canary.p99_ms.max_ratio",
    "canary.error_rate.max_change",
    "canary.prediction_distance.tips.max",
    "canary.memory_ratio.max",
    "canary.business.bought.min_change",
    "canary.business.bought.min_ratio",
]
RELATIVE = [name for name in NAMES if not name.startswith("canary.memory")]


def judged(windows: list[Window], gates: CanaryGates = GATES, **options: Any) -> dict[str, Gate]:
    return {gate.name: gate for gate in judge(gates, windows, **options)}


def statuses(windows: list[Window], gates: CanaryGates = GATES, **options: Any) -> dict[str, str]:
    return {name: gate.status for name, gate in judged(windows, gates, **options).items()}


def only(*quantities: str, **sections: Any) -> CanaryGates:
    """Of the defaults those thresholds alone that decide; the others are only shown."""
    warned: dict[str, dict[str, Any]] = {
        "p50_ms": {"max_ratio": 9},
        "p95_ms": {"max_ratio": 9},
        "p99_ms": {"max_ratio": 9},
        "error_rate": {"max": 0.9},
        "prediction_distance": {"max": 0.9},
        "memory_ratio": {"max": 9},
    }
    shown = {name: rules | {"severity": "warning"} for name, rules in warned.items() if name not in quantities}
    return CanaryGates.model_validate({"steps": [{"percent": 10, "requests": 4000, "minutes": 0}], **shown, **sections})


@pytest.fixture(scope="module")
def equal() -> list[Window]:
    return made(1)


def test_a_canary_like_production_passes_and_says_by_how_much(equal: list[Window]) -> None:
    found = judged(equal)
    assert list(found) == NAMES
    assert {gate.status for gate in found.values()} == {"passed"}
    p99 = found["canary.p99_ms.max_ratio"]
    assert p99.interval is not None
    assert p99.rates is not None
    low, high = p99.interval
    assert low is not None
    assert high is not None
    assert low < 1 < high < 1.5
    assert p99.unit == "x"
    assert p99.rates.false_pass == 0.05
    assert p99.baseline == pytest.approx(1000 * 0.02 * math.exp(0.5 * 2.326), rel=0.1)
    assert "5,000 requests" in p99.message


@pytest.mark.parametrize(
    ("change", "refuses"),
    [
        ({"median_s": 0.026}, "canary.p50_ms.max_ratio"),
        ({"sd": 0.8}, "canary.p99_ms.max_ratio"),
        ({"errors": 0.025}, "canary.error_rate.max_change"),
        ({"spread": 0.01}, "canary.prediction_distance.tips.max"),
        ({"mean": 0.7}, "canary.prediction_distance.tips.max"),
        ({"leaks": 1e7}, "canary.memory_ratio.max"),
        ({"successes": 0.005}, "canary.business.bought.min_change"),
    ],
)
def test_a_worse_canary_is_refused_by_what_is_worse(change: dict[str, Any], refuses: str) -> None:
    found = judged(made(2, **change))
    assert found[refuses].status == "refused"
    assert "but must be" in found[refuses].message
    # The step is over long before that: most of it is found by few requests.
    windows = made(2, **change)
    assert any(judged(windows[:n])[refuses].status == "refused" for n in (10, 20, 30, 40, 50))


def test_little_is_proven_by_few_requests_and_how_many_more_is_said(equal: list[Window]) -> None:
    found = judged(equal[:8])
    assert {found[name].status for name in RELATIVE} == {"inconclusive"}
    assert "requests prove it" in found["canary.error_rate.max_change"].message
    assert "So far it is within, and passes with 4,000 requests." in found["canary.p50_ms.max_ratio"].message
    assert all(gate.rates is None or gate.rates.false_refusal == 1.0 for gate in found.values())


def test_how_slow_it_is_while_a_step_settles_does_not_count_and_failures_do(equal: list[Window]) -> None:
    begins = [*made(2, median_s=0.2, errors=0.5)[:6], *equal[6:]]
    steps = [{"percent": 10, "requests": 4000, "minutes": 15}]  # by default a tenth: 90 s, six windows
    settles = GATES.model_copy(update={"steps": CanaryGates.model_validate({"steps": steps}).steps})
    found = judged(begins, settles)
    assert found["canary.p95_ms.max_ratio"].status == found["canary.p99_ms.max_ratio"].status == "passed"
    assert "of 4,4" in found["canary.p95_ms.max_ratio"].message or "of 4,5" in found["canary.p95_ms.max_ratio"].message
    assert judged(begins)["canary.p95_ms.max_ratio"].status != "passed"
    nobody = without(begins[0].canary, requests=0, errors=0, seconds=EMPTY)
    waiting = replace(begins[0], canary=nobody, end=begins[0].end - timedelta(seconds=15))
    for windows in (begins[:5], [waiting, *begins[:5]]):  # it settles from its first answer on
        early = judged(windows, settles)
        assert early["canary.p95_ms.max_ratio"].status == "inconclusive"
        assert "does not count in the first 90 s of a step" in early["canary.p95_ms.max_ratio"].message
        assert early["canary.error_rate.max_change"].status == "refused"


def test_slow_spells_and_bursts_that_hit_both_are_nobodys_fault() -> None:
    traffic = Traffic(requests=8000, shared=0.5, bursts=0.7, lasting=0.9)
    assert statuses(made(3, traffic=traffic))["canary.p50_ms.max_ratio"] == "passed"
    alone = only("p50_ms", p50_ms={"max": 25.0})  # an absolute limit knows no production
    assert statuses(made(3, traffic=traffic), alone)["canary.p50_ms.max"] == "inconclusive"


def test_a_step_of_load_between_steps_is_not_taken_for_a_slow_canary() -> None:
    both = Made(np.random.default_rng(4)).step(0, Traffic(share=0.5, requests=4000))
    both.stable, both.canary = Truth(median_s=0.06), Truth(median_s=0.06)
    windows = both.step(1, Traffic(share=0.5, requests=6000)).windows
    gates = GATES.model_copy(update={"steps": GATES.steps})
    assert statuses(windows, gates)["canary.p50_ms.max_ratio"] == "passed"


def test_each_step_is_judged_by_its_own_requests(equal: list[Window]) -> None:
    before = Made(np.random.default_rng(5)).step(0, Traffic(requests=40000))
    before.canary = Truth(median_s=0.028)
    windows = before.step(1, Traffic(share=0.5, requests=3000)).windows
    assert statuses(windows)["canary.p50_ms.max_ratio"] == "refused"
    # Of a step that has just begun little is known, whatever the one before proved.
    assert statuses(windows[:63])["canary.p50_ms.max_ratio"] == "inconclusive"


def test_the_default_steps_bring_a_canary_like_production_to_all_users() -> None:
    gates = CanaryGates()
    both = Made(np.random.default_rng(8))
    for position, step in enumerate(gates.steps):
        share = 1.0 if step.shadow else step.percent / 100
        both.step(position, Traffic(share=share, requests=1.2 * step.requests, shared=0.3, bursts=0.3))
        assert set(statuses(both.windows, gates).values()) == {"passed"}, step.name


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ({"max": 30.0}, "passed"),
        ({"max": 18.0}, "refused"),
        ({"min": 15.0}, "passed"),
        ({"min": 25.0}, "refused"),
        ({"max_change": 3.0}, "passed"),
        ({"min_change": 3.0}, "refused"),
        ({"max_change": -3.0}, "refused"),
        ({"min_ratio": 0.8}, "passed"),
        ({"min_ratio": 1.2}, "refused"),
        ({"max_ratio": 0.8}, "refused"),
    ],
)
def test_every_rule_on_times(equal: list[Window], rules: dict[str, float], status: str) -> None:
    [rule] = rules
    gate = judged(equal, only("p50_ms", p50_ms=rules))[f"canary.p50_ms.{rule}"]
    assert gate.status == status
    assert gate.interval is not None
    low, high = gate.interval
    assert low is not None
    assert high is not None
    assert isinstance(gate.observed, float)
    assert low <= gate.observed <= high


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ({"max": 0.1}, "passed"),
        ({"max": 0.02}, "refused"),
        ({"min": 0.02}, "passed"),
        ({"min": 0.1}, "refused"),
        ({"max_change": 0.03}, "passed"),
        ({"min_change": 0.03}, "refused"),
        ({"max_ratio": 1.6}, "passed"),
        ({"max_ratio": 0.5}, "refused"),
        ({"min_ratio": 1.8}, "refused"),
    ],
)
def test_every_rule_on_a_rate(rules: dict[str, float], status: str) -> None:
    windows = made(6, traffic=Traffic(requests=8000))
    [rule] = rules
    gate = judged(windows, only(business={"bought": BOUGHT | {"rate": rules}}))[f"canary.business.bought.{rule}"]
    assert gate.status == status, gate.message


def test_a_first_model_has_nothing_to_be_compared_with(equal: list[Window]) -> None:
    nobody = Counts(0, 0, Histogram(LATENCY, (0,) * len(LATENCY)))
    alone = [replace(window, stable=nobody) for window in equal]
    gates = only("error_rate", error_rate={"max": 0.01, "max_change": 0.01}, p99_ms={"max": 200.0})
    found = statuses(alone, gates, first=True)
    assert found["canary.error_rate.max"] == found["canary.p99_ms.max"] == "passed"
    assert found["canary.error_rate.max_change"] == found["canary.prediction_distance.max"] == "not_compared"
    # Where something is in production and silent, that is no first model.
    found = statuses(alone, gates)
    assert found["canary.error_rate.max_change"] == "unmeasured"
    assert found["canary.error_rate.max"] == "passed"


def test_at_100_per_cent_only_absolute_thresholds_are_left(equal: list[Window]) -> None:
    nobody = Counts(0, 0, Histogram(LATENCY, (0,) * len(LATENCY)))
    alone = [replace(window, stable=nobody, step=1) for window in equal]
    gates = CanaryGates.model_validate(
        {"steps": [{"percent": 50}, {"percent": 100, "minutes": 0}], "error_rate": {"max": 0.01}}
    )
    found = statuses(alone, gates)
    assert found["canary.error_rate.max"] == "passed"
    assert found["canary.p99_ms.max_ratio"] == "not_compared"


def test_nobody_sees_what_a_shadow_answers(equal: list[Window]) -> None:
    gates = CanaryGates.model_validate(
        {"steps": [{"shadow": True, "requests": 4000}, {"percent": 10}], "business": {"bought": BOUGHT}}
    )
    windows = made(7, traffic=Traffic(share=1.0))
    found = statuses(windows, gates)
    assert found["canary.business.bought.min_ratio"] == "not_compared"
    assert found["canary.error_rate.max_change"] == "passed"


def without(counts: Counts, **changes: Any) -> Counts:
    return replace(counts, **changes)


EMPTY = Histogram((), ())


@pytest.mark.parametrize(
    ("broken", "names"),
    [
        (lambda each: replace(each, canary=without(each.canary, requests=0, errors=0, seconds=EMPTY)), ["canary"]),
        (lambda each: replace(each, canary=without(each.canary, requests=-1)), ["canary"]),
        (lambda each: replace(each, stable=without(each.stable, errors=math.nan)), ["canary"]),
        (lambda each: replace(each, seconds=math.nan), ["canary"]),
        (lambda each: replace(each, canary=without(each.canary, errors=each.canary.requests + 1)), ["error_rate"]),
        (lambda each: replace(each, canary=without(each.canary, seconds=EMPTY)), ["p50_ms", "p95_ms", "p99_ms"]),
        (lambda each: replace(each, stable=without(each.stable, seconds=EMPTY)), ["p50_ms", "p95_ms", "p99_ms"]),
        (lambda each: replace(each, canary=without(each.canary, predictions={})), ["prediction_distance"]),
        (lambda each: replace(each, stable=without(each.stable, predictions={})), ["prediction_distance"]),
        (lambda each: replace(each, canary=without(each.canary, memory_bytes=None)), ["memory_ratio"]),
        (lambda each: replace(each, canary=without(each.canary, memory_bytes=math.nan)), ["memory_ratio"]),
        (lambda each: replace(each, canary=without(each.canary, business={})), ["business"]),
        (lambda each: replace(each, stable=without(each.stable, business={})), ["business"]),
    ],
)
def test_what_is_missing_or_impossible_never_passes(equal: list[Window], broken: Any, names: list[str]) -> None:
    found = judged([broken(window) for window in equal])
    for name, gate in found.items():
        if any(part in name for part in names):
            assert gate.status == "unmeasured", gate.message
            assert gate.refuses
            assert gate.message.endswith("So it cannot pass.")
        else:
            assert gate.status == "passed", gate.message


def test_no_windows_are_no_proof() -> None:
    assert set(statuses([]).values()) == {"unmeasured"}


def test_a_clock_that_goes_back_is_not_believed(equal: list[Window]) -> None:
    back = [*equal[:30], replace(equal[30], end=equal[10].end), *equal[31:]]
    assert set(statuses(back).values()) == {"unmeasured"}
    overlapping = [*equal[:30], replace(equal[30], end=equal[29].end + timedelta(seconds=2)), *equal[31:]]
    assert set(statuses(overlapping).values()) == {"unmeasured"}
    assert "the monitoring's clock went back" in judged(back)[NAMES[0]].message


def test_a_step_that_is_none_is_not_judged(equal: list[Window]) -> None:
    for step in (-1, 2):
        assert set(statuses([replace(window, step=step) for window in equal]).values()) == {"unmeasured"}


def test_data_that_are_missing_for_a_while_count_and_a_look_or_two_without_do_not(equal: list[Window]) -> None:
    silent = [replace(each, stable=without(each.stable, requests=0, seconds=EMPTY)) for each in equal]
    assert statuses([*equal[:50], silent[50], *equal[51:]])["canary.p99_ms.max_ratio"] == "passed"
    assert statuses([*equal[:40], *silent[40:]])["canary.p99_ms.max_ratio"] == "unmeasured"
    gone = [replace(each, canary=without(each.canary, requests=0, errors=0, seconds=EMPTY)) for each in equal]
    later = statuses([*equal[:50], *gone[50:]])
    assert later["canary.error_rate.max_change"] == "unmeasured"
    untold = [replace(each, canary=without(each.canary, predictions={})) for each in equal]
    assert statuses([*equal[:40], *untold[40:]])["canary.prediction_distance.tips.max"] == "unmeasured"


def half(histogram: Histogram) -> Histogram:
    return replace(histogram, counts=tuple(count // 2 for count in histogram.counts))


def test_a_canary_that_predicts_for_some_alone_is_not_judged_by_those(equal: list[Window]) -> None:
    def silent(window: Window) -> Window:
        told = {name: half(each) for name, each in window.canary.predictions.items()}
        return replace(window, canary=without(window.canary, predictions=told))

    found = judged([silent(window) for window in equal])["canary.prediction_distance.tips.max"]
    assert found.status == "unmeasured"
    assert "requests of the canary are not told of" in found.message


def test_requests_that_fail_need_no_times_and_no_predictions_and_are_judged_as_failures(equal: list[Window]) -> None:
    def refuses(counts: Counts) -> Counts:
        """Half of those who ask; the others get what all got."""
        return without(counts, requests=2 * counts.requests, errors=counts.requests)

    canary_alone = statuses([replace(window, canary=refuses(window.canary)) for window in equal])
    assert canary_alone["canary.error_rate.max_change"] == "refused"
    both = [replace(each, canary=refuses(each.canary), stable=refuses(each.stable)) for each in equal]
    assert "unmeasured" not in statuses(both).values()
    assert "refused" not in statuses(both).values()


def test_servers_with_other_buckets_are_compared_by_the_edges_that_both_have(equal: list[Window]) -> None:
    def coarser(histogram: Histogram) -> Histogram:
        edges = (*LATENCY[:-1][::2], math.inf)
        upto = np.cumsum(histogram.counts)[[*range(0, len(LATENCY) - 1, 2), -1]]
        return Histogram(edges, tuple(np.diff(upto, prepend=0).tolist()))

    mixed = [replace(each, stable=without(each.stable, seconds=coarser(each.stable.seconds))) for each in equal]
    assert statuses(mixed)["canary.p50_ms.max_ratio"] == "passed"
    other = Histogram((0.123, math.inf), (7, 1))
    strange = [replace(each, stable=without(each.stable, seconds=other)) for each in equal]
    assert statuses(strange)["canary.p50_ms.max_ratio"] in ("unmeasured", "inconclusive")


def test_buckets_too_wide_for_a_threshold_are_said_to_be(equal: list[Window]) -> None:
    def wide(histogram: Histogram) -> Histogram:
        edges = (0.005, 0.1, 1.0, math.inf)
        upto = np.cumsum(histogram.counts)[np.searchsorted(np.array(LATENCY), edges, side="right") - 1]
        return Histogram(edges, tuple(np.diff(upto, prepend=0).tolist()))

    coarse = [
        Window(
            each.end,
            each.seconds,
            0,
            *(without(side, seconds=wide(side.seconds)) for side in (each.canary, each.stable)),
        )
        for each in equal
    ]
    gate = judged(coarse)["canary.p50_ms.max_ratio"]
    assert gate.status == "inconclusive"
    assert "buckets are too wide" in gate.message


def test_several_outputs_are_several_gates(equal: list[Window]) -> None:
    def doubled(counts: Counts) -> Counts:
        return without(counts, predictions={"tips": counts.predictions["tips"], "fare": counts.predictions["tips"]})

    windows = [replace(each, canary=doubled(each.canary), stable=doubled(each.stable)) for each in equal]
    names = [name for name in statuses(windows) if "prediction" in name]
    assert names == ["canary.prediction_distance.fare.max", "canary.prediction_distance.tips.max"]


def test_warnings_cost_nothing_of_the_risk_and_do_not_refuse() -> None:
    gates = only("error_rate", p50_ms={"max_ratio": 1.01, "severity": "warning"})
    gate = judged(made(2, median_s=0.026), gates)["canary.p50_ms.max_ratio"]
    assert (gate.status, gate.severity, gate.refuses) == ("refused", "warning", False)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("change", [{}, {"median_s": 0.024}, {"errors": 0.012}, {"mean": 0.55}, {"successes": 0.03}])
def test_an_interval_and_what_is_proven_agree_at_every_look(seed: int, change: dict[str, Any]) -> None:
    gates = GATES.model_copy(update={"error_rate": Bounds(max=0.012, max_change=0.01, max_ratio=9.0, min=0.0005)})
    windows = made(seed, traffic=Traffic(share=0.5, shared=0.3), **change)
    for look in (3, 8, 15, 25, 40, 60):
        for gate in judge(gates, windows[:look]):
            if gate.interval is None or gate.rates is None or not isinstance(gate.threshold, float):
                continue
            low, high = gate.interval
            good, bad = (low, high) if gate.rule.startswith("max") else (high, low)
            sign = -1 if gate.rule.startswith("max") else 1
            within = bad is not None and sign * bad >= sign * gate.threshold
            beyond = good is not None and sign * good < sign * gate.threshold
            assert gate.status != "refused" or not within, gate
            assert not beyond or gate.status == "refused", gate
            assert gate.status != "passed" or within, gate


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whatever_is_counted_is_judged_without_an_error(data: st.DataObject) -> None:
    number = st.integers(-1, 200)
    edges = data.draw(st.sampled_from([(0.01, 0.1, math.inf), (0.1, math.inf), (math.inf,), (0.2, 0.1), ()]))

    def histogram() -> Histogram:
        return Histogram(edges, tuple(data.draw(st.lists(number, min_size=len(edges), max_size=len(edges)))))

    def counts() -> Counts:
        memory = data.draw(st.sampled_from([None, 0.0, 1e9, math.nan, math.inf]))
        trials = data.draw(number)
        return Counts(
            requests=data.draw(number),
            errors=data.draw(number),
            seconds=histogram(),
            predictions={"tips": histogram()},
            business={"bought": (trials, data.draw(number))},
            memory_bytes=memory,
            restarts=data.draw(st.integers(0, 2)),
        )

    first = made(1)[0]
    windows = [
        Window(first.end + timedelta(seconds=10 * place), 10.0, data.draw(st.integers(0, 1)), counts(), counts())
        for place in range(data.draw(st.integers(0, 6)))
    ]
    gates = CanaryGates.model_validate(
        {"steps": [{"percent": 10}, {"percent": 50}], "business": {"bought": BOUGHT}, "error_rate": {"max_ratio": 2.0}}
    )
    for first_model in (False, True):
        for gate in judge(gates, windows, first=first_model):
            assert not gate.passed or gate.status == "not_compared" or windows
