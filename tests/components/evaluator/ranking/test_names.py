"""Names of metrics, and what is said about those that are none."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.ranking.names import METRICS, Name, parse_name


@given(st.sampled_from(METRICS), st.none() | st.integers(1, 999_999))
def test_a_name_is_read_as_it_is_written(metric: str, cutoff: int | None) -> None:
    assert parse_name(str(Name(metric, cutoff)), "gates.yaml") == Name(metric, cutoff)


@given(st.text())
def test_any_other_text_is_a_usage_error_that_shows_it(text: str) -> None:
    assume(text not in METRICS)
    with pytest.raises(UsageError) as refused:
        parse_name(text, "gates.yaml")
    assert repr(text) in refused.value.message
    assert "gates.yaml" in refused.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("recal@20", "Did you mean 'recall'?"),
        ("Recall@20", "Did you mean 'recall'?"),
        ("auc", "as in recall@20"),
        ("recall@0", "whole number from 1"),
        ("recall@ten", "has the cutoff 'ten'"),
        ("recall@", "has the cutoff ''"),
        ("recall@-1", "as in recall@20"),
    ],
)
def test_what_is_none_is_refused_with_advice(text: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_name(text, "gates.yaml")
    assert told in str(refused.value)
