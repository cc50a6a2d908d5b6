"""Lists of recommendations: which are refused, and how repeats and gaps go."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from weighbridge.components.evaluator.ranking.lists import NONE, UNKNOWN, check_lists, fill_up, without_repeats
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

LISTS = hnp.arrays(np.int32, st.tuples(st.integers(1, 5), st.integers(1, 8)), elements=st.integers(UNKNOWN, 5))


@given(LISTS)
def test_an_item_counts_at_its_best_rank_only(lists: np.ndarray) -> None:
    kept = without_repeats(lists)
    for before, after in zip(lists.tolist(), kept.tolist(), strict=True):
        for rank, item in enumerate(before):
            assert after[rank] == (NONE if item >= 0 and item in before[:rank] else item)


@given(LISTS, st.permutations(range(6)).flatmap(lambda order: st.integers(0, 6).map(lambda n: order[:n])))
def test_lists_are_filled_up_without_gaps_and_repeats(lists: np.ndarray, popular: list[int]) -> None:
    filled = fill_up(lists, np.array(popular, np.int32), 7)
    assert filled.shape == (len(lists), 7)
    for before, after in zip(lists.tolist(), filled.tolist(), strict=True):
        wanted = list(dict.fromkeys(item for item in [*before, *popular] if item >= 0))[:7]
        assert after == wanted + [NONE] * (7 - len(wanted))


def test_each_user_may_have_popular_items_of_their_own() -> None:
    filled = fill_up(np.array([[1], [NONE]], np.int32), np.array([[1, 2], [3, 4]], np.int32), 2)
    assert filled.tolist() == [[1, 2], [3, 4]]


def test_good_lists_are_taken_as_they_are() -> None:
    assert check_lists(np.array([[0, NONE, UNKNOWN]]), 1, 1, "m").dtype == np.int32


@pytest.mark.parametrize(
    ("lists", "rule", "complaint"),
    [
        ([[0.0, np.nan]], "numbered", "Model m recommends float64"),
        ([["a", "b"]], "numbered", "numbers of items are whole"),
        ([[0, 5]], "known", "Model m recommends item 5: allowed are from 0 to 4"),
        ([[0, -3]], "known", "recommends item -3"),
        ([[0], [1]], "complete", "recommends 2 x 1 items: 1 lists were asked for"),
        ([0], "complete", "recommends 1 items"),
        ([[]], "complete", "at least one rank"),
    ],
)
def test_what_is_no_list_refuses_the_model(lists: list[object], rule: str, complaint: str) -> None:
    with pytest.raises(Unmeasurable, match=complaint) as refused:
        check_lists(np.array(lists), 1, 5, "m")
    assert refused.value.gate("quality").name == f"quality.recommendations.{rule}"
