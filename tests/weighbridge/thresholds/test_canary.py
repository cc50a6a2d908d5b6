"""The `canary` section: what is allowed, what is one clear error, and in which direction each key is strict."""

from typing import Any

import pytest
import yaml

from tests.weighbridge.delivery.conftest import GATES
from weighbridge.common.errors import UsageError
from weighbridge.thresholds import Gates, load_gates
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.thresholds.gate_names import gate_names
from weighbridge.thresholds.in_force import keys_of
from weighbridge.thresholds.policy import policy_gates
from weighbridge.thresholds.strictness import looser
from weighbridge.verdict import Verdict

BUSINESS = {
    "successes": 'bought{version="$version"}',
    "trials": 'shown{version="$version"}',
    "rate": {"min_ratio": 0.9},
}


def test_without_the_section_a_model_goes_from_shadow_over_1_and_10_to_50_per_cent() -> None:
    gates = CanaryGates()
    assert [step.name for step in gates.steps] == ["shadow", "1 %", "10 %", "50 %"]
    assert set(gates.thresholds()) == {
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "error_rate",
        "prediction_distance",
        "memory_ratio",
    }


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{steps: []}", "at least 1 item"),
        ("{steps: [{}]}", "either shadow: true, or has a percent above 0"),
        ("{steps: [{percent: 10, shadow: true}]}", "either shadow: true, or has a percent above 0"),
        ("{steps: [{percent: 10}, {percent: 10}]}", "the steps grow, but 10 % comes after 10 %"),
        ("{steps: [{percent: 10}, {percent: 1}]}", "the steps grow, but 1 % comes after 10 %"),
        ("{steps: [{percent: 10}, {shadow: true}]}", "a shadow comes before the steps that users see, not after 10 %"),
        ("{steps: [{percent: 100}]}", "100 % can only be the last of several steps"),
        ("{steps: [{percent: 101}]}", "less than or equal to 100"),
        ("{steps: [{percent: 1, requests: 0}]}", "greater than 0"),
        ("{steps: [{percent: 1, request: 9}]}", "request is not known; did you mean 'requests'?"),
        ("{prediction_distance: {max: 0.1, max_change: 1}}", "prediction_distance takes max alone, not max_change"),
        ("{memory_ratio: {max_ratio: 2}}", "memory_ratio takes max alone, not max_ratio"),
        ("{risk: {miss: 0.5}}", "less than or equal to 0.25"),
        ("{queries: {requests: 'a_total'}}", "'a_total' has no $version: canary and stable would be counted together"),
        (
            "{queries: {requests: 'a_total{v=\"$version\"}'}}",
            "errors is missing: every failure would count",
        ),
        ("{queries: {latency_unit: ns}}", "'s', 'ms' or 'us'"),
        ("{business: {bought: {successes: a, trials: b, rate: {min: 0.1}}}}", "has no $version"),
    ],
)
def test_what_is_wrong_is_named(section: str, message: str, tmp_path: Any) -> None:
    (tmp_path / "gates.yaml").write_text(f"{GATES}canary: {section}\n")
    with pytest.raises(UsageError) as raised:
        load_gates(tmp_path / "gates.yaml")
    assert message in raised.value.message


def test_something_must_be_able_to_roll_it_back() -> None:
    nothing = dict.fromkeys(CanaryGates().thresholds())
    with pytest.raises(ValueError, match="no threshold could roll the canary back"):
        CanaryGates.model_validate(nothing)
    warns = nothing | {"error_rate": {"max": 0.1, "severity": "warning"}}
    with pytest.raises(ValueError, match="no threshold could roll the canary back"):
        CanaryGates.model_validate(warns)
    assert CanaryGates.model_validate(nothing | {"error_rate": {"max": 0.1}})


def test_nobody_sees_what_a_shadow_answers_so_it_sells_nothing() -> None:
    with pytest.raises(ValueError, match=r"business\.bought is never judged"):
        CanaryGates.model_validate({"steps": [{"shadow": True}], "business": {"bought": BUSINESS}})
    with pytest.raises(ValueError, match="no name of a metric"):
        CanaryGates.model_validate({"business": {"a.b": BUSINESS}})


def test_a_policy_on_runs_does_not_ask_them_for_gates_of_a_live_canary() -> None:
    policy = Gates.model_validate(yaml.safe_load(GATES) | {"canary": {"error_rate": {"max": 0.01}}})
    sections = policy.model_dump(mode="json")
    found = policy_gates(policy, sections, Verdict.of((), pipeline="p", run_id="r", subject={}), "verify.policy")
    assert not [gate.name for gate in found if "canary" in gate.name]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"p95_ms": {"max_ratio": 1.6}}, ["canary.p95_ms.max_ratio"]),
        ({"p95_ms": {"max_ratio": 1.4}}, []),
        ({"risk": {"miss": 0.1}}, ["canary.risk.miss"]),
        ({"risk": {"miss": 0.01, "false_alarm": 0.2}}, []),
        ({"hold_minutes": 600}, []),
        ({"memory_ratio": None}, ["canary.memory_ratio.max"]),
        ({"error_rate": {"max_change": 0.01, "severity": "warning"}}, ["canary.error_rate.severity"]),
        ({"steps": [{"percent": 50}]}, ["canary.steps"]),
    ],
)
def test_each_key_is_strict_in_its_direction(change: dict[str, Any], found: list[str]) -> None:
    wanted, in_force = CanaryGates(), CanaryGates.model_validate(change)
    assert [each.path for each in looser(in_force, wanted, ("canary",))] == found


def test_each_threshold_names_its_gates() -> None:
    gates = Gates.model_validate(yaml.safe_load(GATES) | {"canary": {"business": {"bought": BUSINESS}}})
    patterns = {key.path: gate_names(key, gates) for key in keys_of(gates) if key.path.startswith("canary.")}
    for path, name in {
        "canary.p99_ms.max_ratio": "canary.p99_ms.max_ratio",
        "canary.prediction_distance.max": "canary.prediction_distance.out.put.max",
        "canary.business.bought.rate.min_ratio": "canary.business.bought.min_ratio",
    }.items():
        pattern = patterns[path]
        assert pattern is not None
        assert pattern.fullmatch(name)
    assert patterns["canary.hold_minutes"] is None
