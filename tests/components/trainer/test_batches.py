"""Shuffled batches: every row once a pass, in an order that the seed and the number of the pass decide."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.common.errors import UsageError
from weighbridge.components.trainer import shuffled_batches


def dataset(rows: int, batch: int = 7):
    import tensorflow as tf

    numbers = np.arange(rows)
    return tf.data.Dataset.from_tensor_slices(
        ({"x": numbers, "wide": np.stack([numbers, -numbers], 1)}, numbers)
    ).batch(batch)


def orders(data, passes: int) -> list[list[int]]:
    return [np.concatenate([labels for _, labels in data.as_numpy_iterator()]).tolist() for _ in range(passes)]


@settings(deadline=None, max_examples=20)
@given(rows=st.integers(1, 60), batch=st.integers(1, 70), seed=st.integers(0, 2**31))
def test_every_row_once_and_whole(rows: int, batch: int, seed: int) -> None:
    data = shuffled_batches(dataset(rows), batch, seed=seed)
    found = list(data.as_numpy_iterator())
    assert int(data.cardinality()) == len(found) == -(-rows // batch)
    assert all(len(labels) == batch for _, labels in found[:-1])
    assert sorted(np.concatenate([labels for _, labels in found])) == list(range(rows))
    for features, labels in found:
        assert (features["x"] == labels).all()
        assert (features["wide"] == np.stack([labels, -labels], 1)).all()


def test_another_order_each_pass_and_the_same_for_the_same_seed() -> None:
    data = shuffled_batches(dataset(500), 50, seed=3).repeat(3)
    [order] = orders(data, 1)
    passes = [order[start : start + 500] for start in (0, 500, 1000)]
    assert all(sorted(one) == list(range(500)) for one in passes)
    assert len({tuple(one) for one in passes}) == 3
    # A shuffle leaves about half of the neighbours in order, and hardly a row in its place.
    assert 150 < sum(a < b for a, b in zip(passes[0], passes[0][1:], strict=False)) < 350
    assert sum(row == place for place, row in enumerate(passes[0])) < 10
    assert orders(shuffled_batches(dataset(500), 50, seed=3).repeat(3), 1) == [order]
    assert orders(shuffled_batches(dataset(500), 50, seed=4).repeat(3), 1) != [order]


def test_a_stream_wound_forward_is_where_it_would_have_been() -> None:
    [order] = orders(shuffled_batches(dataset(90), 10, seed=3).repeat(4), 1)
    assert orders(shuffled_batches(dataset(90), 10, seed=3).repeat(4).skip(9 * 2), 1) == [order[180:]]


def test_no_rows_are_an_error() -> None:
    with pytest.raises(UsageError, match="no training data"):
        shuffled_batches(dataset(0), 10, seed=3)
    with pytest.raises(UsageError, match="no training data"):
        shuffled_batches(dataset(3, 3).map(lambda x, y: ({k: v[:0] for k, v in x.items()}, y[:0])), 10, seed=3)
