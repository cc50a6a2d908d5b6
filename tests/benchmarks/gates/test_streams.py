"""Streams: what is said to be their truth is."""

import numpy as np
import pytest

from benchmarks.gates.call_streams import call_streams, recorded_calls
from benchmarks.gates.columns import LIMIT, column_streams
from benchmarks.gates.outcomes import AT_MARGIN, EQUAL, TWICE
from benchmarks.gates.predictions import measured, prediction_streams
from weighbridge.components.data_validator.chance import effect
from weighbridge.components.data_validator.distances import Compared, Distribution, number_shares

CALLS = ["candidate", "production"]


@pytest.mark.parametrize("stream", call_streams(), ids=lambda stream: stream.name)
def test_a_slower_candidate_has_the_ratio_of_medians_that_was_asked_for(stream) -> None:
    draw = stream.draw(np.random.default_rng(1), ratio=1.5)
    parts = [draw(CALLS, 4000) for _ in range(10)]
    medians = [np.median(np.concatenate([part[name] for part in parts])) for name in CALLS]
    assert medians[0] / medians[1] == pytest.approx(1.5, rel=0.02)
    assert medians[1] == pytest.approx(stream.median, rel=0.05)


def test_a_stream_goes_on_where_it_ended() -> None:
    recorded = call_streams()[-1]
    whole = recorded.draw(np.random.default_rng(2))(CALLS, 100)
    draw = recorded.draw(np.random.default_rng(2))
    parts = [draw(CALLS, 60), draw(CALLS, 40)]
    for name in CALLS:
        assert np.array_equal(whole[name], np.concatenate([part[name] for part in parts]))


def test_the_recording_has_the_tail_and_the_memory_of_a_real_machine() -> None:
    production, control, _ = recorded_calls()
    assert np.quantile(production, 0.99) > 5 * np.median(production)
    slow = production > np.quantile(production, 0.9)
    assert slow[1:][slow[:-1]].mean() > 1.3 * slow.mean()
    assert np.corrcoef(slow, control > np.quantile(control, 0.9))[0, 1] > 0.05


@pytest.mark.parametrize("stream", prediction_streams(), ids=lambda stream: stream.name)
@pytest.mark.parametrize("margins", [0.0, 1.0])
def test_a_worse_candidate_loses_what_was_asked_for(stream, margins: float) -> None:
    rng = np.random.default_rng(3)
    losses = []
    for _ in range(25):
        labels, candidate, production = stream.draw(rng, 5000, margins * stream.margin)
        losses.append(measured(stream.metric, labels, production) - measured(stream.metric, labels, candidate))
    error = np.std(losses, ddof=1) / np.sqrt(len(losses))
    assert np.mean(losses) == pytest.approx(margins * stream.margin, abs=4 * error)


@pytest.mark.parametrize("stream", column_streams(), ids=lambda stream: stream.name)
def test_a_shifted_column_is_as_far_away_as_was_asked_for(stream) -> None:
    rng = np.random.default_rng(4)
    for truth, divergence in ((EQUAL, 0.0), (AT_MARGIN, LIMIT), (TWICE, 2 * LIMIT)):
        columns = [stream.draw(rng, 60_000, by) for by in (stream.shifts[truth], 0.0)]
        # What chance brings to it is taken off.
        assert effect(_compared(stream.kind, columns)).size == pytest.approx(divergence, rel=0.25, abs=0.0008)


def _compared(kind: str, columns: list[np.ndarray]) -> Compared:
    rows = (len(columns[0]), len(columns[1]))
    if kind == "numeric":
        ranks = np.linspace(0, 1, 101)
        sides = [Distribution.from_quantiles(np.quantile(column, ranks), ranks) for column in columns]
        return Compared("jensen_shannon", *number_shares(*sides), rows)
    names, places = np.unique(np.concatenate(columns), return_inverse=True)
    ours, theirs = (np.bincount(part, minlength=len(names)) / len(part) for part in np.split(places, 2))
    return Compared("jensen_shannon", ours, theirs, rows)
