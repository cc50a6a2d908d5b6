"""Rows dealt anew for skew and drift: what did not shift is hardly ever refused, what shifted far always."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.components.data_validator.distances import Compared
from weighbridge.components.data_validator.gates import DataGates
from weighbridge.components.data_validator.statistics import compute_statistics, statistics_path, write_statistics
from weighbridge.simulate.data import dealt_anew, tilted, weigh_dealt

ROWS = {"train": 900, "eval": 500}


@pytest.fixture(scope="module")
def statistics(tmp_path_factory):
    """Of two splits of the same distribution."""
    from tests.components.evaluator.helpers import batch_of

    folder, rng = tmp_path_factory.mktemp("statistics"), np.random.default_rng(0)
    for split, rows in ROWS.items():
        columns = {"kind": rng.choice(["a", "b", "c", "d"], rows).tolist(), "size": rng.normal(size=rows).tolist()}
        write_statistics(statistics_path(folder, split), compute_statistics([batch_of(columns)]))
    return folder


def test_no_shift_is_let_through_and_twice_the_threshold_is_not(statistics):
    gates = DataGates.model_validate(
        {
            "skew": {"kind": {"linf": {"max": 0.02}}, "size": {"jensen_shannon": {"max": 0.01}}},
            "drift": {"production": {"size": {"jensen_shannon": {"max": 0.02}}, "gone": {"linf": {"max": 0.1}}}},
        }
    )
    tally = weigh_dealt(gates, statistics, np.random.default_rng(1), 60)
    assert list(tally.gates) == [
        "data.skew.kind.linf.max",
        "data.skew.size.jensen_shannon.max",
        "data.drift.production.size.jensen_shannon.max",
    ]
    assert tally.verdict.share <= 3 / 60  # 1 % at most of each of three
    assert tally.gates["data.drift.production.size.jensen_shannon.max"].beyond.rate.share <= 0.1
    assert "data.drift.production.gone.linf was not simulated" in tally.notes[0]


def test_without_statistics_nothing_is_dealt_and_that_is_said(tmp_path):
    gates = DataGates.model_validate({"skew": {"kind": {"linf": {"max": 0.02}}}})
    tally = weigh_dealt(gates, tmp_path, np.random.default_rng(1), 5)
    assert not tally.gates
    assert tally.verdict.trials == 0
    assert "not simulated" in tally.notes[0]


@given(st.lists(st.integers(1, 200), min_size=2, max_size=8), st.floats(0.001, 0.05))
def test_a_tilted_distribution_is_at_the_distance_that_is_asked_for(counts, distance):
    shares = np.array(counts) / sum(counts)
    for measure in ("linf", "jensen_shannon"):
        found = tilted(Compared(measure, shares, shares, (100.0, 100.0)), distance)
        if found is not None:
            assert found.sum() == pytest.approx(1)
            assert float(Compared(measure, found, shares, (1, 1)).distance()) == pytest.approx(distance, rel=1e-3)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=6), st.lists(st.integers(0, 50), min_size=2, max_size=6))
def test_dealing_keeps_every_row(ours, theirs):
    size = min(len(ours), len(theirs))
    left, right = np.array(ours[:size]) + 1, np.array(theirs[:size]) + 1
    compared = Compared("linf", left / left.sum(), right / right.sum(), (float(left.sum()), float(right.sum())))
    dealt = dealt_anew(compared, np.random.default_rng(0))
    total = dealt.ours * left.sum() + dealt.theirs * right.sum()
    assert total == pytest.approx(left + right)
