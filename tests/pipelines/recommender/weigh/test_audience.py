"""Whom models recommend to: what they had, what they then bought, and which slices they belong to."""

import numpy as np
import pandas as pd
import pytest

from tests.pipelines.recommender.orders import line, make_histories, shop
from weighbridge.components.artifacts.examples import read_batches
from weighbridge.components.evaluator.ranking.lists import UNKNOWN
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
from weighbridge.pipelines.recommender.histories.past import read_past
from weighbridge.pipelines.recommender.weigh.audience import numbers_of, read_audience
from weighbridge.pipelines.recommender.weigh.baselines import baselines, whole_histories

FEATURES = ["activity", "returning", "country"]


@pytest.fixture(scope="module")
def audience(histories):
    return read_audience(str(histories), "eval", Catalogue.read(histories).items, FEATURES, batch_rows=50)


@pytest.fixture(scope="module")
def rows(histories):
    return [row for batch in read_batches(str(histories), "eval") for row in batch.to_pylist()]


def test_everybody_is_there_with_what_they_had_and_bought(audience, rows, histories):
    items = Catalogue.read(histories).items
    assert audience.size == len(rows) > 50
    assert len(audience.batches) == -(-len(rows) // 50)
    for user, row in enumerate(rows):
        had = audience.histories.items[audience.histories.indptr[user] : audience.histories.indptr[user + 1]]
        bought = audience.truth.items[audience.truth.indptr[user] : audience.truth.indptr[user + 1]]
        assert items[had].tolist() == (row["history"] or [])
        assert items[bought].tolist() == row["items"]
        assert audience.columns["customer"][user] == row["customer"][0].decode()


def test_items_that_the_catalogue_lacks_are_bought_but_never_had(tmp_path):
    frame = shop()
    late = frame["InvoiceDate"] >= frame["InvoiceDate"].min() + np.timedelta64(65, "D")
    frame.loc[late & (frame.index % 2 == 0), "StockCode"] = "30001"
    frame.loc[late & (frame.index % 4 == 0), "StockCode"] = "30002"
    make_histories(tmp_path, frame)
    known = Catalogue.read(tmp_path / "histories").items
    found = read_audience(str(tmp_path / "histories"), "eval", known, [], 512)
    assert set(found.truth.items[found.truth.items >= len(known)]) == {len(known), len(known) + 1}
    assert found.histories.items.max() < len(known)


@pytest.mark.parametrize(
    ("codes", "numbers"), [([b"b", b"a", b"", b"zz"], [1, 0, UNKNOWN, UNKNOWN]), ([], [])], ids=["some", "none"]
)
def test_codes_are_places_in_the_catalogue(codes, numbers):
    known = np.array([b"a", b"b", b"c"], object)
    assert numbers_of(np.array(codes, object), known).tolist() == numbers
    assert set(numbers_of(np.array(codes, object), known[:0]).tolist()) <= {UNKNOWN}


def test_a_slice_that_no_column_gives_cannot_be_measured(histories):
    with pytest.raises(Unmeasurable, match="planet"):
        read_audience(str(histories), "eval", Catalogue.read(histories).items, ["planet"], 512)


def test_baselines_recommend_to_everybody(audience, histories):
    past, size = read_past(histories), len(Catalogue.read(histories).items)
    found = baselines(past, audience, size, 10)
    assert set(found) == {
        "popularity",
        "popularity_by_country",
        "item_to_item",
        "item_to_item_and_own",
        "repeat",
        "als",
    }
    for name, lists in found.items():
        assert lists.shape == (audience.size, 10), name
        assert lists.max() < size
    newest = {user: audience.histories.items[start] for user, start in enumerate(audience.histories.indptr[:-1])}
    returning = np.flatnonzero(audience.histories.counts)
    assert all(newest[user] in found["repeat"][user] for user in returning)
    fresh = np.flatnonzero(audience.histories.counts == 0)
    assert (found["repeat"][fresh] == found["popularity"][fresh]).all()


def test_without_the_library_there_is_one_baseline_less(audience, histories, monkeypatch):
    monkeypatch.setattr("weighbridge.pipelines.recommender.weigh.baselines.find_spec", lambda name: None)
    size = len(Catalogue.read(histories).items)
    assert "als" not in baselines(read_past(histories), audience, size, 10)


def test_a_baseline_sees_more_than_the_model_where_its_input_is_cut_off(tmp_path):
    lines = [line(day, "a", str(10_001 + day)) for day in range(40)] + [line(65, "a"), line(65, "b")]
    lines += [line(day, "b", "10001") for day in range(0, 50, 5)]
    make_histories(tmp_path, pd.DataFrame(lines), longest=5)
    folder = tmp_path / "histories"
    seen = read_audience(str(folder), "eval", Catalogue.read(folder).items, [], 512)
    whole = whole_histories(read_past(folder), seen)
    assert seen.histories.counts.tolist() == [5, 5]
    assert whole.counts.tolist() == [40, 10]
