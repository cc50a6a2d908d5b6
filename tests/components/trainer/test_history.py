"""The file that training curves are drawn from."""

import math

from hypothesis import given
from hypothesis import strategies as st

from weighbridge.components.trainer import History, read_history

LOGS = st.lists(st.dictionaries(st.sampled_from(["loss", "auc", "val_loss"]), st.floats()), max_size=6)


@given(LOGS)
def test_every_metric_has_a_value_or_a_gap_for_each_epoch(epochs):
    history = History()
    for logs in epochs:
        history.add(logs, 0.5)
    assert history.epochs == len(history.seconds) == len(epochs)
    for name, series in history.metrics.items():
        expected = [logs.get(name, math.nan) for logs in epochs]
        assert series == [value if math.isfinite(value) else None for value in expected]


@given(LOGS)
def test_it_is_read_back_as_it_was_written(tmp_path_factory, epochs):
    folder = tmp_path_factory.mktemp("history")
    history = History(strategy="cpu", devices=["CPU:0"], seed=3)
    for logs in epochs:
        history.add(logs, 0.25)
    history.write(folder)
    assert read_history(folder) == history


def test_none_where_nothing_was_recorded(tmp_path):
    assert read_history(tmp_path) is None
