"""Popularity, by group, and what users had before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.components.evaluator.ranking.helpers import interactions
from weighbridge.components.evaluator.ranking.baselines import (
    popular_items,
    popularity,
    popularity_by_group,
    popularity_scores,
    repeat,
)
from weighbridge.components.evaluator.ranking.lists import NONE

PAST = [[0, 0, 0, 1], [1, 2], [2, 1], [4]]
USERS = st.lists(st.lists(st.integers(0, 5), max_size=8), min_size=1, max_size=6)


def test_a_user_counts_once_and_the_lower_number_is_first_among_equals() -> None:
    scores = popularity_scores(interactions(PAST), 6)
    assert scores.tolist() == [1, 3, 2, 0, 1, 0]
    assert popular_items(scores).tolist() == [1, 2, 0, 4]
    assert popularity(interactions(PAST), 2, 6, 3).tolist() == [[1, 2, 0]] * 2
    assert popularity(interactions(PAST), 1, 6, 6).tolist() == [[1, 2, 0, 4, NONE, NONE]]


def test_recent_users_count_more_and_old_ones_not_at_all() -> None:
    past = interactions([[0, 1], [0], [1, 1]], [[20, 10], [20], [10, 0]])
    assert popularity_scores(past, 2, half_life=10).tolist() == [0.25 + 0.25, 0.5 + 1]
    assert popularity_scores(past, 2, oldest=10).tolist() == [0, 2]
    assert popularity(past, 1, 2, 2, oldest=10).tolist() == [[1, NONE]]


def test_ages_are_needed_where_time_counts() -> None:
    for options in ({"half_life": 1.0}, {"oldest": 1.0}):
        with pytest.raises(ValueError, match="need interactions with ages"):
            popularity_scores(interactions(PAST), 6, **options)
    with pytest.raises(ValueError, match="latest_first needs interactions with ages"):
        repeat(interactions(PAST), np.array([1]), 6, 2, latest_first=True)
    with pytest.raises(ValueError, match="half_life must be above 0, not 0"):
        popularity_scores(interactions([[0]], [[1]]), 6, half_life=0)


def test_items_outside_the_catalogue_are_refused() -> None:
    with pytest.raises(ValueError, match="the past has item 4"):
        popularity(interactions(PAST), 1, 4, 2)
    with pytest.raises(ValueError, match="the histories has item 4"):
        repeat(interactions(PAST), np.array([1], np.int32), 4, 2)


def test_groups_get_their_own_then_what_is_popular_and_small_groups_the_latter_alone() -> None:
    past = interactions([[3], [3, 2], [2, 1], [0, 1], [0, 1], [0, 5], [4]])
    past_groups = np.array([7, 7, 1, 1, 1, -1, 2])
    groups = np.array([7, 1, 2, -1, 9])
    lists = popularity_by_group(past, past_groups, groups, 6, 4, least=2)
    overall = [0, 1, 2, 3]
    assert lists.tolist() == [[3, 2, 0, 1], [1, 0, 2, 3], overall, overall, overall]


def test_equals_in_a_group_are_ordered_by_what_is_popular_overall() -> None:
    past = interactions([[1, 2], [2], [2]])
    assert popularity_by_group(past, np.array([0, 1, 1]), np.array([0]), 3, 2, least=1).tolist() == [[2, 1]]


def test_every_user_of_the_past_needs_a_group() -> None:
    with pytest.raises(ValueError, match="4 users in the past, but groups for 1"):
        popularity_by_group(interactions(PAST), np.array([0]), np.array([0]), 6, 2)


def test_what_users_had_most_often_then_lately_then_what_is_popular() -> None:
    histories = interactions([[5, 4, 4, 3], [], [0]], [[9, 8, 7, 1], [], [1]])
    popular = np.array([0, 4, 1], np.int32)
    assert repeat(histories, popular, 6, 5).tolist() == [[4, 3, 5, 0, 1], [0, 4, 1, NONE, NONE], [0, 4, 1, NONE, NONE]]
    assert repeat(histories, popular, 6, 3, latest_first=True)[0].tolist() == [3, 4, 5]
    assert repeat(histories, popular, 6, 1).tolist() == [[4], [0], [0]]


@settings(max_examples=100, deadline=None)
@given(USERS, st.integers(1, 8))
def test_repeat_is_that_of_a_slow_loop(users: list[list[int]], ranks: int) -> None:
    past = interactions(users)
    popular = popular_items(popularity_scores(past, 6)).tolist()
    for own, found in zip(users, repeat(past, np.array(popular, np.int32), 6, ranks).tolist(), strict=True):
        first = sorted(set(own), key=lambda item: (-own.count(item), popular.index(item)))
        wanted = list(dict.fromkeys([*first, *popular]))[:ranks]
        assert found == wanted + [NONE] * (ranks - len(wanted))


@settings(max_examples=100, deadline=None)
@given(USERS, st.integers(1, 8), st.data())
def test_popularity_by_group_is_that_of_a_slow_loop(users: list[list[int]], ranks: int, data: st.DataObject) -> None:
    size = len(users)
    groups = data.draw(st.lists(st.integers(-1, 2), min_size=size, max_size=size))
    found = popularity_by_group(interactions(users), np.array(groups), np.array(groups), 6, ranks, least=2)

    def had(item: int, chosen: list[int]) -> int:
        return sum(item in users[user] for user in chosen)

    everybody = list(range(size))
    for group, row in zip(groups, found.tolist(), strict=True):
        members = [user for user in everybody if groups[user] == group]
        if group < 0 or len(members) < 2:
            members = everybody
        ordered = sorted(range(6), key=lambda item: (-had(item, members), -had(item, everybody), item))
        wanted = [item for item in ordered if had(item, everybody)][:ranks]
        assert row == wanted + [NONE] * (ranks - len(wanted))
