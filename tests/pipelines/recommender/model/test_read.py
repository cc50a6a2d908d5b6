"""Rows as tensors, and which purchases a step learns from."""

import numpy as np
import pytest

from tests.pipelines.recommender.model.planted import LONGEST, catalogue
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.examples import read_batches
from weighbridge.pipelines.recommender.model.read import evaluation_batches, read, training_batches
from weighbridge.pipelines.recommender.model.vocabulary import Vocabulary


def rows_of(dataset):
    """All rows of batches, by column."""
    batches = [batch[0] if isinstance(batch, tuple) else batch for batch in dataset.as_numpy_iterator()]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


@pytest.fixture(scope="module")
def vocabulary(trained):
    return trained.vocabulary


@pytest.fixture(scope="module")
def data(trained, vocabulary):
    return read(trained.fn_args.train_files, vocabulary, LONGEST)


def test_rows_are_what_the_files_hold(trained, vocabulary, data):
    found = rows_of(data)
    written = [row for batch in read_batches(str(trained.histories), "train") for row in batch.to_pylist()]
    warm = [row for row in written if row["history"]]
    assert 0 < len(warm) < len(written)
    assert len(found["country"]) == len(warm)
    codes = np.array([b"", *trained.catalogue.items], object)
    for place in range(0, len(warm), 17):
        row = warm[place]
        history, items = found["history"][place], found["items"][place]
        assert codes[history[history > 0]].tolist() == row["history"]
        np.testing.assert_allclose(found["ages"][place][history > 0], row["ages"])
        assert codes[items[items > 0]].tolist() == row["items"]
        assert found["period"][place] == row["period"][0]


def test_whoever_has_nothing_that_is_known_teaches_nothing(trained):
    other = Vocabulary(catalogue(2, items=np.array([b"90001", b"90002"], object)))
    assert not sum(len(batch["country"]) for batch in read(trained.fn_args.train_files, other, LONGEST))


def test_targets_are_drawn_anew_in_every_pass_and_always_from_the_row(data):
    batches = training_batches(data, 16, 2, seed=4)
    passes = [rows_of(batches) for _ in range(2)]
    whole = {tuple(row): set(items[items > 0]) for row, items in zip(*_keys_and_items(data), strict=True)}
    for one in passes:
        assert one["items"].shape[1] == 2
        assert len(one["items"]) == int(data.reduce(0, lambda n, batch: n + len(batch["country"])).numpy())
        for row, items in zip(_keys(one), one["items"], strict=True):
            drawn = items[items > 0].tolist()
            assert len(drawn) == len(set(drawn)) == min(2, len(whole[tuple(row)]))
            assert set(drawn) <= whole[tuple(row)]
    assert (passes[0]["items"] != passes[1]["items"]).any()


def test_a_seed_gives_one_order_and_one_draw(data):
    one, same, other = (rows_of(training_batches(data, 16, 2, seed=seed)) for seed in (4, 4, 5))
    for name in one:
        np.testing.assert_array_equal(one[name], same[name])
    assert (one["items"] != other["items"]).any()


def test_evaluation_takes_the_first_targets_in_the_files_order(data):
    found, whole = rows_of(evaluation_batches(data, 50, 3)), rows_of(data)
    np.testing.assert_array_equal(found["items"], whole["items"][:, :3])
    np.testing.assert_array_equal(found["history"], whole["history"])


def test_files_that_are_not_there_are_named(vocabulary, tmp_path):
    with pytest.raises(UsageError, match="no histories at"):
        read([f"{tmp_path}/Split-train/*"], vocabulary, LONGEST)


def _keys(rows):
    return np.concatenate([rows["history"], rows["ages"].astype(int), rows["period"][:, None]], axis=1)


def _keys_and_items(data):
    rows = rows_of(data)
    return _keys(rows), rows["items"]
