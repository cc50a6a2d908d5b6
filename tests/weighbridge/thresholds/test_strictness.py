"""Thresholds at least as strict as others: each key in its own direction, and no key forgotten."""

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.thresholds import Gates, load_gates
from weighbridge.thresholds.in_force import keys_of
from weighbridge.thresholds.policy import SECTIONS, policy_gates
from weighbridge.thresholds.strictness import _DIRECTIONS, looser, with_rows
from weighbridge.verdict import Gate, Section, Verdict
from weighbridge.verdict.bounds import RULES

# Every kind of key, each with a value that can be loosened and tightened.
POLICY: dict[str, Any] = {
    "examples": {"max_quarantined_fraction": 0.01, "rows_lost": {"max": 5}},
    "data": {
        "rows": {"train": {"min": 100, "min_ratio": 0.5, "max_ratio": 2.0}},
        "label": {"feature": "label", "min_distinct": 3, "max_missing_fraction": 0.1},
        "skew": {"slices": {"linf": {"max": 0.1}}, "calls": {"jensen_shannon": {"max": 0.1}}},
        "drift": {"production": {"fare": {"linf": {"max": 0.1}}}, "previous_span": {"unit": {"linf": {"max": 0.2}}}},
    },
    "quality": {
        "metrics": {
            "auc": {"min": 0.8, "min_change": -0.01, "anchor": {"min_change": -0.02}, "retraining_sd": 0.1},
            "min_rows": {"max": 5.0, "max_change": 0.5},
            "severity": {"min": 1.0},
        },
        "risk": {"false_pass": 0.05},
        "slice_metrics": [
            {"slice": ["day"], "metrics": {"auc": {"min": 0.7}}, "min_rows": 70},
            {"slice": {"day": "Mon"}, "metrics": {"auc": {"max": 0.7}}, "small": "blocking"},
        ],
    },
    "latency": {
        "batch_sizes": {
            1: {
                "p99_ms": {"max": 40, "max_ratio": 2.0},
                "throughput_rows_s": {"min": 5},
                "at_rate": {"rate_rps": 10, "servers": 2, "p99_ms": {"max": 60}},
                "concurrency": {4: {"p50_ms": {"max": 9}}},
            }
        },
        "variants": {"small": {"batch_sizes": {1: {"p99_ms": {"max": 9}}}}},
        "model_bytes": {"max": 1000},
        "risk": {"false_pass": 0.02},
    },
    "steps": {"Own": {"removed": {"max": 0.1}, "kept": {"min": 10, "severity": "blocking"}, "mode": "strict"}},
}
LOWER = {"max_quarantined_fraction", "max_missing_fraction", "false_pass", "servers"}
HIGHER = {"min_distinct", "rate_rps"}


def numbers(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], int]]:
    """Each number that decides, and 1 where more of it is stricter, -1 where less is."""
    if isinstance(content, dict | list):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        return [found for key, value in items for found in numbers(value, (*path, key))]
    name = path[-1]
    if isinstance(content, str) or name in ("retraining_sd", "min_rows"):
        return []
    sign = -1 if name in LOWER or (name in RULES and name.startswith("max")) else 1
    assert sign < 0 or name in HIGHER or name in RULES, path
    return [(path, sign)]


def changed(path: tuple[Any, ...], change: Any) -> Gates:
    content = copy.deepcopy(POLICY)
    inner: Any = content
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = change(inner[path[-1]])
    return Gates.model_validate(content)


def found(in_force: Gates, wanted: Gates) -> list[str]:
    keys = []
    for name in SECTIONS:
        pair = [getattr(each, name) for each in (in_force, wanted)]
        keys += [each.path for each in looser(*(map(with_rows, pair) if name == "quality" else pair), (name,))]
    return keys


def test_the_same_is_as_strict() -> None:
    policy = Gates.model_validate(POLICY)
    assert found(policy, policy) == []


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(numbers(POLICY)), st.floats(1e-6, 0.5), st.booleans())
def test_loosening_any_number_is_found_and_tightening_none(
    leaf: tuple[tuple[Any, ...], int], share: float, tighter: bool
) -> None:
    path, sign = leaf
    step = sign if tighter else -sign
    in_force = changed(
        path, lambda value: value + step if isinstance(value, int) else value + step * share * abs(value)
    )
    keys = found(in_force, Gates.model_validate(POLICY))
    if tighter:
        assert keys == []
    else:
        assert keys
        assert all(key.split(".")[0] == path[0] and key.split(".")[-1] == path[-1] for key in keys)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("examples", "severity"), "warning"),
        (("data", "anomalies"), "warning"),
        (("data", "changed_spans"), "ignore"),
        (("data", "label", "severity"), "warning"),
        (("data", "label", "feature"), "other"),
        (("quality", "metrics", "auc", "severity"), "warning"),
        (("quality", "metrics", "auc", "anchor", "severity"), "warning"),
        (("quality", "on_undecided"), "warn"),
        (("quality", "attempts"), "ignore"),
        (("quality", "anchor"), 3),
        (("quality", "unit"), "customer"),
        (("quality", "signature"), "other"),
        (("quality", "prediction"), "other"),
        (("quality", "inputs"), {"k": 5}),
        (("quality", "slice_metrics", 1, "small"), "warning"),
        (("quality", "slice_metrics", 0, "min_rows"), 71),
        (("quality", "slice_metrics", 1, "min_rows"), 49),
        (("latency", "on_undecided"), "warn"),
        (("latency", "inputs"), {"k": 5}),
        (("latency", "signature"), "other"),
        (("steps", "Own", "mode"), "lenient"),
        (("steps", "Own", "kept", "severity"), "warning"),
    ],
)
def test_what_has_a_word_is_compared_by_it(path: tuple[Any, ...], value: Any) -> None:
    content = copy.deepcopy(POLICY)
    inner: Any = content
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    in_force, policy = Gates.model_validate(content), Gates.model_validate(POLICY)
    assert len(found(in_force, policy)) == 1
    if path[-1] not in ("unit", "signature", "prediction", "inputs", "feature", "mode"):
        assert found(policy, in_force) == []


@pytest.mark.parametrize("path", [path for path, _ in numbers(POLICY)], ids=str)
def test_a_threshold_that_is_gone_is_found(path: tuple[Any, ...]) -> None:
    content = copy.deepcopy(POLICY)
    inner: Any = content
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    try:
        in_force = Gates.model_validate(content)
    except ValueError:  # it was the only one of what must have one
        return
    keys = found(in_force, Gates.model_validate(POLICY))
    assert keys or path[-1] not in RULES  # of the others a default is in force, which may be stricter


def test_more_than_is_asked_is_fine_and_what_decides_nothing_is_not_compared() -> None:
    content = copy.deepcopy(POLICY)
    content["quality"]["metrics"]["more"] = {"min": 1}
    content["quality"]["slices"] = [["day"]]
    content["quality"]["slice_metrics"].append({"slice": ["hour"], "metrics": {"auc": {"min": 0.1}}})
    content["latency"] |= {"budget_s": 1, "calls": 20, "load_ms": {"max": 1}}
    content["latency"]["batch_sizes"][64] = {"p99_ms": {"max": 1}}
    content["quality"]["metrics"]["auc"]["retraining_sd"] = 9.0
    policy, in_force = Gates.model_validate(POLICY), Gates.model_validate(content)
    assert found(in_force, policy) == []
    assert {key.split(".")[1] for key in found(policy, in_force)} >= {
        "metrics",
        "slice_metrics",
        "load_ms",
        "batch_sizes",
    }


@pytest.mark.parametrize("name", ["slices", "calls", "severity", "min_slice_rows", "anchor", "inputs", "unit"])
def test_a_metric_that_is_called_like_a_key_is_a_metric(name: str) -> None:
    wanted, other = ({"quality": {"metrics": {name: {"min": value}}}} for value in (0.8, 0.7))
    rest = {"latency": POLICY["latency"]}
    policy, in_force = (Gates.model_validate(each | rest) for each in (wanted, other))
    assert found(in_force, policy) == [f"quality.metrics.{name}.min"]


def every_field(kind: type[Section], seen: set[type[Section]]) -> set[str]:
    """Names of the fields that hold a single value, of all sections below one."""
    names = set()
    for name, info in kind.model_fields.items():
        inner = [part for part in _types(info.annotation) if isinstance(part, type) and issubclass(part, Section)]
        for section in inner:
            if section not in seen:
                seen.add(section)
                names |= every_field(section, seen)
        if not inner:
            names.add(name)
    return names


def _types(annotation: Any) -> list[Any]:
    from typing import get_args

    return [annotation, *(found for part in get_args(annotation) for found in _types(part))]


def test_every_key_of_the_gates_has_a_direction_or_must_be_the_same() -> None:
    """A new key is compared for equality until somebody says in which direction it is strict: see that it is meant."""
    kinds = [Gates.model_fields[name].annotation for name in SECTIONS if name != "steps"]
    names = set().union(*(every_field(kind, set()) for kind in kinds))
    assert names - set(_DIRECTIONS) - set(RULES) == {
        "connections",
        "protocol",
        "rows",
        "feature",
        "prediction",
        "reserve",
        "signature",
        "slice",
        "unit",
        "min_rows",
    }


def weighed(*gates: Gate) -> Verdict:
    return Verdict.of(gates, pipeline="p", run_id="r", subject={})


def gate(name: str, status: Any = "passed", threshold: Any = None) -> Gate:
    return Gate(name=name, status=status, observed=1, threshold=threshold, message="m.")


SMALL = Gates.model_validate(
    {
        "quality": {"metrics": {"auc": {"min": 0.8, "min_change": -0.1}}},
        "latency": {"batch_sizes": {1: {"p99_ms": {"max": 9}}}},
    }
)
AUC = gate("quality.auc.min", "passed", 0.8)
CHANGE = gate("quality.auc.min_change", "passed", -0.1)
P99 = gate("latency.batch_1.p99_ms.max", "passed", 9)


@pytest.mark.parametrize(
    ("gates", "refused"),
    [
        ((AUC, CHANGE, P99), []),
        ((AUC, gate("quality.auc.min_change", "not_compared", -0.1), P99), []),
        ((CHANGE, P99), ["quality.metrics.auc.min"]),
        ((AUC, CHANGE), ["latency.batch_sizes.1.p99_ms.max"]),
        ((gate("quality.auc.min", "not_compared", 0.8), CHANGE, P99), ["quality.metrics.auc.min"]),
        ((gate("quality.auc.min", "passed", 0.7), CHANGE, P99), ["quality.metrics.auc.min"]),
        ((gate("quality.auc.min", "passed", None), CHANGE, P99), ["quality.metrics.auc.min"]),
        ((gate("quality.auc.min", "passed", 0.9), CHANGE, gate("latency.batch_1.p99_ms.max", "passed", 8)), []),
        ((AUC, CHANGE, gate("latency.batch_1.p99_ms.max", "passed", 10)), ["latency.batch_sizes.1.p99_ms.max"]),
    ],
)
def test_the_verdict_shows_each_rule_kept(gates: tuple[Gate, ...], refused: list[str]) -> None:
    in_force = {name: getattr(SMALL, name).model_dump(mode="json") for name in SECTIONS if name != "steps"}
    judged = policy_gates(SMALL, in_force, weighed(*gates), "verify.policy")
    assert [each.name.removeprefix("verify.policy.") for each in judged if each.refuses] == refused


@pytest.mark.parametrize("thresholds", [None, {}, {"quality": []}, {"quality": {"metrics": {}}}, {"latency": "x"}])
def test_what_is_not_known_or_unreadable_is_not_strict(thresholds: Any) -> None:
    judged = policy_gates(SMALL, thresholds, weighed(AUC, CHANGE, P99), "verify.policy")
    assert any(each.refuses for each in judged)


@pytest.mark.parametrize("pipeline", ["taxi", "recommender"])
def test_a_pipeline_s_own_thresholds_are_as_strict_as_themselves_after_a_round_through_json(pipeline: str) -> None:
    import json

    gates = load_gates(Path(__file__).parents[3] / f"pipelines/{pipeline}/gates.yaml")
    dumped = json.loads(gates.model_dump_json())
    again = Gates.model_validate({name: dumped[name] for name in SECTIONS})
    assert found(again, gates) == []
    assert len(keys_of(gates)) > 20
