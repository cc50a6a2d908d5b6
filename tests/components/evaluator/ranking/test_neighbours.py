"""Item-to-item: by hand, and against a slow loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.components.evaluator.ranking.helpers import interactions
from weighbridge.components.evaluator.ranking import neighbours as module
from weighbridge.components.evaluator.ranking.baselines import popular_items, popularity_scores
from weighbridge.components.evaluator.ranking.lists import NONE
from weighbridge.components.evaluator.ranking.neighbours import item_to_item

PAST = [[0, 1], [0, 1], [0, 2], [3, 4], [5]]
POPULAR = np.array([0, 1, 2, 3, 4, 5], np.int32)


def test_what_goes_with_the_users_items_by_hand() -> None:
    """Item 0 goes with 1 (cosine 2 / sqrt(3 x 2)) before 2 (1 / sqrt(3)); 5 goes with nothing."""
    past, histories = interactions(PAST), interactions([[0], [3, 3], [5], []])
    found = item_to_item(past, histories, POPULAR, 6, 3)
    assert found.tolist() == [[1, 2, 0], [4, 0, 1], [0, 1, 2], [0, 1, 2]]
    own = item_to_item(past, histories, POPULAR, 6, 3, include_self=True)
    assert own.tolist() == [[0, 1, 2], [3, 4, 0], [5, 0, 1], [0, 1, 2]]


def test_an_item_lends_to_its_nearest_neighbours_only() -> None:
    past, histories = interactions(PAST), interactions([[0]])
    nothing = np.empty(0, np.int32)
    assert item_to_item(past, histories, nothing, 6, 3, neighbours=1).tolist() == [[1, NONE, NONE]]
    own = item_to_item(past, histories, nothing, 6, 3, neighbours=1, include_self=True)
    assert own.tolist() == [[0, NONE, NONE]]


def test_equals_are_ordered_by_popularity() -> None:
    past = interactions([[0, 1], [0, 2]])
    for popular in ([0, 1, 2], [0, 2, 1]):
        found = item_to_item(past, interactions([[0]]), np.array(popular, np.int32), 3, 2)
        assert found.tolist() == [popular[1:]]


def test_bad_arguments_are_named() -> None:
    past = interactions(PAST)
    with pytest.raises(ValueError, match="the past has item 5"):
        item_to_item(past, past, POPULAR, 3, 2)
    with pytest.raises(ValueError, match="the histories has item 9"):
        item_to_item(past, interactions([[9]]), POPULAR, 6, 2)
    with pytest.raises(ValueError, match="must be at least 1"):
        item_to_item(past, past, POPULAR, 6, 2, neighbours=0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=8),
    st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=4),
    st.integers(1, 12),
    st.booleans(),
)
def test_scores_are_those_of_a_slow_loop(
    past: list[list[int]], histories: list[list[int]], ranks: int, include_self: bool
) -> None:
    popular = popular_items(popularity_scores(interactions(past), 10))
    arguments = (interactions(past), interactions(histories), popular, 10, ranks)
    lists = item_to_item(*arguments, include_self=include_self)
    having = [{user for user, own in enumerate(past) if item in own} for item in range(10)]

    def score(item: int, own: set[int]) -> float:
        pairs = [(having[item], having[other]) for other in own if include_self or other != item]
        return sum(len(a & b) / (len(a) * len(b)) ** 0.5 for a, b in pairs if a & b)

    for own, found in zip(histories, lists.tolist(), strict=True):
        scores = {item: score(item, set(own)) for item in range(10)}
        scored = [item for item, value in scores.items() if value > 0]
        head, tail = found[: len(scored)], found[len(scored) :]
        best = sorted((scores[item] for item in scored), reverse=True)[:ranks]
        assert [scores[item] for item in head] == pytest.approx(best, rel=1e-5)
        rest = [item for item in popular.tolist() if item not in scored][: len(tail)]
        assert tail == rest + [NONE] * (len(tail) - len(rest))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 12), st.sampled_from([1, 8, 1 << 22]))
def test_the_best_of_sparse_rows(seed: int, ranks: int, cells: int) -> None:
    """Against sorting each row; with small blocks a long row is a block of its own."""
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((7, 9)) < rng.random((7, 1)), rng.integers(1, 4, (7, 9)), 0).astype(np.float32)
    found: dict[int, list[tuple[int, float]]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CELLS", cells)
        for rows, best, values in module._top(sparse.csr_matrix(dense), ranks):
            for row, columns, scores in zip(rows.tolist(), best.tolist(), values.tolist(), strict=True):
                assert row not in found
                found[row] = [(column, score) for column, score in zip(columns, scores, strict=True) if column >= 0]
    for row, scores in enumerate(dense.tolist()):
        wanted = sorted(((column, score) for column, score in enumerate(scores) if score), key=lambda e: (-e[1], e[0]))
        assert found[row] == wanted[:ranks]


def test_a_user_who_had_everything_among_many() -> None:
    """Against the dense product; every pair of items then goes together."""
    items = 1000
    rng = np.random.default_rng(0)
    past = interactions([list(range(items)), *rng.integers(0, items, (300, 5)).tolist()])
    popular = popular_items(popularity_scores(past, items))
    lists = item_to_item(past, past, popular, items, 20, neighbours=items, include_self=True)
    had = past.matrix(items).toarray().astype(float)
    scaled = had / np.sqrt(had.sum(axis=0))
    scores = had @ (scaled.T @ scaled)
    assert all(len(set(row)) == 20 for row in lists.tolist())
    best = np.sort(scores, axis=1)[:, :-21:-1]
    np.testing.assert_allclose(np.take_along_axis(scores, lists, axis=1), best, rtol=1e-5)
