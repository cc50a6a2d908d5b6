"""Comparing two copies' answers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.weighbridge.delivery.conftest import export
from weighbridge.delivery.check import Copies, check_copy, largest_difference
from weighbridge.thresholds.delivery import Stage
from weighbridge.thresholds.gates_file import LatencyGates

THRESHOLDS = LatencyGates.model_validate({"batch_sizes": {1: {"p99_ms": {"max": 1000}}}})


@pytest.mark.parametrize(
    ("ours", "theirs", "difference"),
    [
        ({"a": np.array([1.0, 2.0])}, {"a": np.array([1.0, 2.5])}, 0.5),
        ({"a": np.array([math.nan])}, {"a": np.array([math.nan])}, 0.0),
        ({"a": np.array([math.nan])}, {"a": np.array([1.0])}, math.inf),
        ({"a": np.array([math.inf])}, {"a": np.array([math.inf])}, 0.0),
        ({"a": np.array([math.inf])}, {"a": np.array([-math.inf])}, math.inf),
        ({"a": np.array([b"x", b"y"], object)}, {"a": np.array([b"x", b"y"], object)}, 0.0),
        ({"a": np.array([b"x"], object)}, {"a": np.array([b"y"], object)}, math.inf),
        ({"a": np.array([True])}, {"a": np.array([False])}, 1.0),
        ({"a": np.zeros(2)}, {"a": np.zeros(3)}, math.inf),
        ({"a": np.zeros(2)}, {"b": np.zeros(2)}, math.inf),
        ({"a": np.zeros((0, 3))}, {"a": np.zeros((0, 3))}, 0.0),
        ({}, {}, 0.0),
    ],
)
def test_the_largest_difference(ours, theirs, difference):
    assert largest_difference(ours, theirs) == difference


@given(arrays.arrays(np.float64, st.integers(0, 5)), st.data())
def test_it_is_never_nan_symmetric_and_nothing_between_equals(values, data):
    others = data.draw(arrays.arrays(np.float64, values.shape))
    one, two = largest_difference({"a": values}, {"a": others}), largest_difference({"a": others}, {"a": values})
    assert one == two >= 0
    assert largest_difference({"a": values}, {"a": values.copy()}) == 0


def test_a_copy_that_answers_otherwise_is_refused(shop, models):
    gates = check_copy(
        "canary",
        Stage(stage="canary", calls=20),
        Copies(models["two"], models["three"], None),
        shop.examples,
        THRESHOLDS,
    )
    assert {gate.name: gate.passed for gate in gates} == {
        "canary.outputs.difference.max": False,
        "canary.calls.answered": True,
    }
    assert gates[0].observed == pytest.approx(99.0)


def test_a_production_that_cannot_be_loaded_is_never_gone_without(shop, models, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    stage = Stage.model_validate({"stage": "canary", "calls": 20, "p99_ms": {"max_ratio": 2}})
    gates = check_copy("canary", stage, Copies(models["two"], models["two"], tmp_path), shop.examples, THRESHOLDS)
    assert [gate.name for gate in gates if gate.refuses] == ["canary.production.readable"]


def test_a_signature_that_the_rows_do_not_fit_is_refused(shop, models):
    thresholds = THRESHOLDS.model_copy(update={"signature": "other"})
    gates = check_copy(
        "canary", Stage(stage="canary", calls=20), Copies(models["two"], models["two"], None), shop.examples, thresholds
    )
    assert [gate.name for gate in gates] == ["canary.signature.present"]


def test_calls_without_a_threshold_must_be_answered(shop, models, tmp_path):
    copy = export(tmp_path / "copy", 2.0)
    gates = check_copy(
        "canary", Stage(stage="canary", calls=30), Copies(copy, models["two"], None), shop.examples, THRESHOLDS
    )
    assert all(gate.passed for gate in gates)
    assert gates[-1].observed == 30


def test_calls_without_a_threshold_end_with_the_budget(shop, models, tmp_path):
    copy = export(tmp_path / "copy", 2.0)
    stage = Stage(stage="canary", calls=10**9, budget_s=0.05)
    gates = check_copy("canary", stage, Copies(copy, models["two"], None), shop.examples, THRESHOLDS)
    assert 1 <= gates[-1].observed < 10**9
