"""The form that histories and truth come in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.components.evaluator.ranking.helpers import interactions
from weighbridge.components.evaluator.ranking.interactions import Interactions

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.floats(0, 100)), max_size=30)


@given(PAIRS)
def test_pairs_become_each_users_items(pairs: list[tuple[int, int, float]]) -> None:
    users, items, ages = (np.array([pair[part] for pair in pairs]) for part in range(3))
    found = Interactions.from_pairs(users.astype(int), items.astype(int), 5, ages)
    for user in range(5):
        own = slice(found.indptr[user], found.indptr[user + 1])
        assert found.items[own].tolist() == [item for at, item, _ in pairs if at == user]
        assert found.ages is not None
        assert found.ages[own].tolist() == [age for at, _, age in pairs if at == user]


@given(PAIRS)
def test_distinct_items_keep_how_often_and_the_latest_time(pairs: list[tuple[int, int, float]]) -> None:
    users, items, ages = (np.array([pair[part] for pair in pairs]) for part in range(3))
    found, events = Interactions.from_pairs(users.astype(int), items.astype(int), 5, ages).distinct()
    wanted: dict[tuple[int, int], list[float]] = {}
    for user, item, age in pairs:
        wanted.setdefault((user, item), []).append(age)
    keys = sorted(wanted)
    assert list(zip(found.rows.tolist(), found.items.tolist(), strict=True)) == keys
    assert events.tolist() == [len(wanted[key]) for key in keys]
    assert found.ages is not None
    assert found.ages.tolist() == [min(wanted[key]) for key in keys]


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=6), st.data())
def test_some_users_are_taken_in_the_order_asked_for(users: list[list[int]], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(users) - 1), max_size=8))
    taken = interactions(users).take(np.array(chosen, int))
    assert [own.tolist() for own in np.split(taken.items, taken.indptr[1:-1])][: len(chosen)] == [
        users[user] for user in chosen
    ]


def test_the_matrix_has_a_one_for_each_item_of_a_user() -> None:
    matrix = interactions([[2, 2, 0], [], [1]]).matrix(3)
    assert matrix.toarray().tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert matrix.dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (([0, 2], [1]), "indptr must rise from 0 to 1"),
        (([1, 1], [1]), "indptr must rise from 0 to 1"),
        (([0, 2, 1, 2], [1, 1]), "indptr must rise from 0 to 2"),
        (([], []), "must be whole numbers"),
        (([0, 1], [-1]), "there is -1"),
        (([0, 1], [0.5]), "items must be whole numbers in one dimension, not float64"),
        (([0, 1], [[1]]), "in one dimension"),
        (([0, 1], [1], [np.nan]), "ages must be 1 numbers from 0 upwards"),
        (([0, 1], [1], [-3.0]), "ages must be 1 numbers from 0 upwards"),
        (([0, 1], [1], [1.0, 2.0]), "ages must be 1 numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments: tuple[list[float], ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Interactions(*(np.array(argument) for argument in arguments))


def test_items_outside_the_catalogue_and_users_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="the past has item 7, but the catalogue has items 0 to 4"):
        interactions([[7]]).check_items(5, "the past")
    with pytest.raises(ValueError, match="every item needs a user from 0 to 1"):
        Interactions.from_pairs(np.array([2]), np.array([0]), 2)
