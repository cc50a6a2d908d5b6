"""The label, and what becomes of rows that cannot have one."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.errors import UsageError
from weighbridge.pipelines.taxi import features

DOLLARS = st.one_of(st.none(), st.just(float("nan")), st.floats(0, 1000))


@given(st.lists(st.tuples(DOLLARS, DOLLARS), max_size=20))
def test_the_label_is_a_tip_of_more_than_a_fifth(rows):
    batch = pa.RecordBatch.from_pydict(
        {
            "tips": pa.array([tip for tip, _ in rows], pa.float64()),
            "fare": pa.array([fare for _, fare in rows], pa.float64()),
        }
    )
    prepared = features.prepare(batch)

    def expected(tip, fare):
        known = tip is not None and fare is not None and tip == tip and fare == fare
        return int(tip > 0.2 * fare) if known else None

    assert prepared.column(2).to_pylist() == [expected(*row) for row in rows]
    assert prepared.schema.names == ["tips", "fare", "big_tipper"]
    assert prepared.schema.field("big_tipper").type == pa.int64()


def test_whole_dollars_are_numbers_too():
    batch = pa.RecordBatch.from_pydict({"tips": [3, 0], "fare": [10, 10]})
    assert features.prepare(batch).column(2).to_pylist() == [1, 0]


def test_a_batch_that_has_the_label_stays_as_it_is():
    batch = pa.RecordBatch.from_pydict({"big_tipper": [1]})
    assert features.prepare(batch) is batch


def test_a_missing_column_is_named_with_those_that_are_there():
    with pytest.raises(UsageError, match="no column 'tips'") as caught:
        features.prepare(pa.RecordBatch.from_pydict({"fare": [1.0], "tipps": [1.0]}))
    assert "tipps" in caught.value.hint


def test_text_in_the_place_of_numbers_is_told():
    with pytest.raises(UsageError, match="'fare' of the taxi trips"):
        features.prepare(pa.RecordBatch.from_pydict({"fare": ["twelve"], "tips": [1.0]}))


def test_the_model_does_not_read_what_is_known_after_the_ride():
    read = {*features.NUMERIC, *features.BUCKETISED, *features.CATEGORIES, *features.TEXTS}
    assert not read & {features.TIPS, features.LABEL}
