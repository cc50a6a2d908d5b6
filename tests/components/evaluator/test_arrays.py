"""From Arrow's lists to what models and metrics take."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.components.evaluator.helpers import batch_of, listed
from weighbridge.components.evaluator import arrays
from weighbridge.components.evaluator.unmeasurable import Unmeasurable


def test_a_missing_value_is_what_serving_would_send() -> None:
    batch = batch_of({"f": [1.5, None], "s": ["a", None], "i": [3, None]})
    floats = arrays.dense(batch.column("f"), "f", np.float32, None)
    assert floats.dtype == np.float32
    np.testing.assert_array_equal(floats, [1.5, np.nan])
    assert arrays.dense(batch.column("s"), "s", object, None).tolist() == [b"a", b""]
    assert arrays.dense(batch.column("i"), "i", np.int64, 1).tolist() == [[3], [-1]]


def test_a_column_without_any_value_is_all_missing() -> None:
    assert arrays.dense(pa.nulls(2), "i", np.int64, None).tolist() == [-1, -1]


def test_several_values_need_a_width() -> None:
    column = pa.array([[1, 2], [3, 4]], pa.large_list(pa.int64()))
    assert arrays.dense(column, "i", np.int64, 2).tolist() == [[1, 2], [3, 4]]
    with pytest.raises(Unmeasurable, match=r"1 value\(s\) of i per row, but row 0 has 2"):
        arrays.dense(column, "i", np.int64, None)
    with pytest.raises(Unmeasurable, match=r"3 value\(s\) of i per row, but row 0 has 2"):
        arrays.dense(column, "i", np.int64, 3)


def test_a_sliced_batch_gives_the_values_of_its_rows_only() -> None:
    batch = batch_of({"i": [1, None, 3, 4]}).slice(1, 2)
    assert arrays.dense(batch.column("i"), "i", np.int64, None).tolist() == [-1, 3]


def test_text_where_a_number_is_expected_is_told() -> None:
    with pytest.raises(Unmeasurable, match=r"input s is .*, but the data has text"):
        arrays.dense(listed([b"a"], pa.large_binary()), "s", np.float32, None)


def test_labels() -> None:
    batch = batch_of({"y": [0, 1], "gap": [1, None], "text": ["a", "b"]})
    assert arrays.labels(batch, "y").tolist() == [0.0, 1.0]
    for name, complaint in (("z", "no label column 'z'.*y, gap, text"), ("gap", "1 of 2 rows"), ("text", "is text")):
        with pytest.raises(Unmeasurable, match=complaint) as caught:
            arrays.labels(batch, name)
        assert caught.value.subject == "label"


def test_slicing_values_keep_their_type() -> None:
    batch = batch_of({"s": ["é", None], "i": [3, None]})
    assert arrays.slice_values(batch, "s").tolist() == ["é", None]
    assert arrays.slice_values(batch, "i").tolist() == [3, None]
    with pytest.raises(Unmeasurable, match="no column 'x'"):
        arrays.slice_values(batch, "x")
    with pytest.raises(Unmeasurable, match="several values"):
        arrays.slice_values(pa.RecordBatch.from_arrays([pa.array([[1, 2]])], ["m"]), "m")


ROWS = st.lists(st.one_of(st.none(), st.lists(st.integers(-5, 5), max_size=6)), min_size=1, max_size=8)


@given(ROWS)
def test_rows_of_any_length_are_filled_up_to_the_longest(rows: list[list[int] | None]) -> None:
    found = arrays.padded(pa.array(rows, pa.large_list(pa.int64())), "i", np.int64)
    width = max([1, *(len(row) for row in rows if row)])
    assert found.tolist() == [[*(row or []), *[-1] * (width - len(row or []))] for row in rows]


def test_what_fills_rows_up_is_what_serving_would_send() -> None:
    text = pa.array([[b"a", b"b"], None, [b"c"]], pa.large_list(pa.large_binary()))
    assert arrays.padded(text, "s", object).tolist() == [[b"a", b"b"], [b"", b""], [b"c", b""]]
    ages = arrays.padded(pa.array([[1.5, 2.5], []], pa.large_list(pa.float32())), "f", np.float32)
    assert ages.dtype == np.float32
    np.testing.assert_array_equal(ages, [[1.5, 2.5], [np.nan, np.nan]])
    assert arrays.padded(pa.nulls(2), "s", object).tolist() == [[b""], [b""]]
    assert arrays.padded(text.slice(2, 1), "s", object).tolist() == [[b"c"]]
    with pytest.raises(Unmeasurable, match=r"input s is .*, but the data has text"):
        arrays.padded(text, "s", np.float32)
