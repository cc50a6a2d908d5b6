"""Rows of requests: what is taken, and what a sender is told of what is not."""

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.serving.rows import (
    Feature,
    Names,
    RequestError,
    check_names,
    checked,
    from_columns,
    from_instances,
)


def test_rows_become_columns_with_missing_values_where_a_row_says_nothing():
    rows = from_instances([{"a": 1, "b": ["x", "y"]}, {"a": None}, {"c": 2.5}])
    assert rows.count == 3
    assert rows.columns == {"a": [[1], [], []], "b": [["x", "y"], [], []], "c": [[], [], [2.5]]}


def test_a_model_of_one_feature_takes_bare_values():
    assert from_instances([1, [2, 3], {"b64": "eA=="}], "x").columns == {"x": [[1], [2, 3], [{"b64": "eA=="}]]}


@pytest.mark.parametrize(
    ("instances", "told"),
    [
        ("x", "must be a list of rows"),
        ([], "is empty"),
        ([{"a": 1}, 5], "row 1 is 5"),
        ([None], "row 0 is null"),
    ],
)
def test_what_is_no_list_of_rows_is_told(instances, told):
    with pytest.raises(RequestError, match=told):
        from_instances(instances)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({}, "no feature"),
        ({"a": 1}, "'a' must be a list"),
        ({"a": []}, "no row"),
        ({"a": [1], "b": [1, 2]}, "'b' has 2 rows, but 'a' has 1"),
    ],
)
def test_columns_that_are_not_equally_long_are_told(columns, told):
    with pytest.raises(RequestError, match=told):
        from_columns(columns)


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("float", "7", "takes numbers, got the text '7'"),
        ("float", True, "takes numbers, got True"),
        ("int", 1.5, "takes whole numbers, got 1.5"),
        ("int", 2**63, "from -9223372036854775808 to"),
        ("bytes", 5, "takes text, got 5"),
        ("bool", 1, "takes true or false, got 1"),
        ("float", {"a": 1}, "got an object"),
        ("bytes", {"b64": "?"}, "is no base64"),
        ("float", None, "has null among its values"),
        (None, [1], "takes a number or text, got a list"),
    ],
)
def test_a_value_that_does_not_fit_is_told_by_feature_and_row(kind, value, told):
    with pytest.raises(RequestError) as raised:
        checked([value], Feature("miles", kind), 3)
    assert told in raised.value.message
    assert "row 3" in raised.value.message
    assert "'miles'" in raised.value.message
    assert raised.value.status == 400


def test_values_that_fit_are_taken_as_the_feature_has_them():
    assert checked([3], Feature("x", "float"), 0) == [3.0]
    assert type(checked([3], Feature("x", "float"), 0)[0]) is float
    assert checked([3.0], Feature("x", "int"), 0) == [3]
    assert checked(["é", {"b64": "AP8="}], Feature("x", "bytes"), 0) == ["é".encode(), b"\x00\xff"]
    assert checked([True], Feature("x"), 0) == [1]
    assert math.isinf(checked([10**400], Feature("x", "float"), 0)[0])


def test_a_row_of_too_many_values_is_told():
    with pytest.raises(RequestError, match="takes one value, got 2"):
        checked([1, 2], Feature("x", "int", 1), 0)
    with pytest.raises(RequestError, match="takes 3 values, got 0"):
        checked([], Feature("x", "int", 3), 0)


def test_a_mistyped_name_is_refused_rather_than_served_as_missing():
    features = {"miles": Feature("miles", "float", 1)}
    with pytest.raises(RequestError, match=r"unknown feature 'mile': the model takes miles. Did you mean 'miles'\?"):
        check_names(from_instances([{"mile": 1}]), features, Names())
    rows = from_instances([{"mile": 1, "miles": 2, "label": 1}])
    check_names(rows, features, Names("label", drop_unknown=True))
    assert list(rows.columns) == ["miles"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON, st.sampled_from(["int", "float", "bytes", "bool", None]), st.sampled_from([1, 2, None]))
def test_whatever_is_sent_it_is_taken_or_refused_in_words(document, kind, width):
    """No document that JSON can hold makes anything but rows, or an error that names what is wrong."""
    json.dumps(document)
    with contextlib.suppress(RequestError):
        rows = from_instances(document)
        for name, column in rows.columns.items():
            for row, values in enumerate(column):
                found = checked(values, Feature(name, kind, width), row)
                assert all(type(value) in (int, float, bytes, bool) for value in found)
