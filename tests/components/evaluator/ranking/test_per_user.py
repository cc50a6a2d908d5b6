"""The metrics: by hand, by definition, by their properties, and where nothing can be found."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.components.evaluator.ranking import slow
from tests.components.evaluator.ranking.helpers import ITEMS, cases, interactions, measure
from weighbridge.components.evaluator.ranking.lists import NONE, UNKNOWN
from weighbridge.components.evaluator.ranking.names import METRICS
from weighbridge.components.evaluator.ranking.per_user import Background

RATES = ("recall", "precision", "hit_rate", "ndcg", "mrr", "coverage")


def test_one_user_by_hand() -> None:
    """Ranks 2 and 4 hit two of three relevant items."""
    found = measure([[5, 1, 6, 2]], [[1, 2, 3]], "recall@4", "recall@2", "precision@4", "hit_rate@1", "ndcg@4", "mrr")
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert found == pytest.approx(
        {
            "recall@4": 2 / 3,
            "recall@2": 1 / 3,
            "precision@4": 1 / 2,
            "hit_rate@1": 0,
            "ndcg@4": (1 / math.log2(3) + 1 / math.log2(5)) / ideal,
            "mrr": 1 / 2,
        }
    )


def test_users_weigh_the_same_and_those_without_truth_not_at_all() -> None:
    lists = [[1, 2], [3, 4], [5, 6]]
    assert measure(lists, [[1], [9, 8, 7, 3], []], "recall@2")["recall@2"] == pytest.approx((1 + 1 / 4) / 2)


def test_novelty_by_hand() -> None:
    """Item 0 was had by all four users, item 1 by one, item 2 by nobody: 0, 2 and, as if by one, 2 bits."""
    past = [[0, 0, 1], [0], [0], [0]]
    found = measure([[0, 1, 2, NONE]] * 4, [[5]] * 4, "novelty@1", "novelty@2", "novelty", past=past)
    assert found == pytest.approx({"novelty@1": 0, "novelty@2": 1, "novelty": 4 / 3})


def test_popularity_lift_by_hand() -> None:
    """Users had items of mean popularity 0.5 and 1; both are recommended item 0, which everybody had."""
    past = [[0, 1], [0]]
    found = measure([[0], [0]], [[5], [5]], "popularity_lift@1", past=past)
    assert found["popularity_lift@1"] == pytest.approx(2 / (0.75 + 1) - 1)
    nothing_new = measure([[0, 1], [0, NONE]], [[5], [5]], "popularity_lift", past=past)
    assert nothing_new["popularity_lift"] == pytest.approx(0)


@settings(max_examples=200, deadline=None)
@given(cases(), st.sampled_from(METRICS), st.integers(1, 8))
def test_all_metrics_are_those_of_a_slow_loop(
    case: tuple[list[list[int]], list[list[int]], list[list[int]]], metric: str, cutoff: int
) -> None:
    lists, truth, past = case
    found = measure(lists, truth, f"{metric}@{cutoff}", past=past, items=ITEMS)[f"{metric}@{cutoff}"]
    wanted = slow.value(metric, cutoff, lists, truth, past, ITEMS)
    assert found == pytest.approx(wanted, abs=1e-12, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_rates_are_between_0_and_1_and_grow_with_the_list(
    case: tuple[list[list[int]], list[list[int]], list[list[int]]],
) -> None:
    lists, truth, past = case
    found = measure(lists, truth, *(f"{metric}@{k}" for metric in RATES for k in range(1, 8)), past=past, items=ITEMS)
    assert all(0 <= value <= 1 for value in found.values())
    for metric in ("recall", "hit_rate", "mrr", "coverage"):
        values = [found[f"{metric}@{k}"] for k in range(1, 8)]
        assert values == sorted(values), metric


@settings(max_examples=60, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_users_does_not_matter(
    case: tuple[list[list[int]], list[list[int]], list[list[int]]], generator: random.Random
) -> None:
    order = list(range(len(case[0])))
    generator.shuffle(order)
    names = [f"{metric}@3" for metric in METRICS]
    lists, truth, past = case
    moved = ([part[user] for user in order] for part in case)
    again = measure(next(moved), next(moved), *names, past=next(moved), items=ITEMS)
    for name, value in measure(lists, truth, *names, past=past, items=ITEMS).items():
        assert again[name] == pytest.approx(value, abs=1e-12, nan_ok=True)


@given(st.lists(st.sets(st.integers(0, 19), min_size=1, max_size=5), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_perfect_ranking_gets_exactly_1(truth: list[set[int]]) -> None:
    lists = [(sorted(own) + [NONE] * 5)[:5] for own in truth]
    names = ("recall@5", "ndcg@5", "ndcg@1", "ndcg@3", "hit_rate@1", "mrr", "precision@1")
    assert measure(lists, [list(own) for own in truth], *names, items=20) == dict.fromkeys(names, 1.0)


def test_repeats_are_not_counted_again() -> None:
    once = measure([[1, NONE, NONE, 2]], [[1, 2]], *(f"{metric}@4" for metric in METRICS))
    assert measure([[1, 1, 1, 2]], [[1, 2]], *once) == once


def test_unknown_items_are_misses() -> None:
    found = measure([[UNKNOWN, UNKNOWN, 1]], [[1]], "recall", "precision", "mrr", "coverage")
    assert found == pytest.approx({"recall": 1, "precision": 1 / 3, "mrr": 1 / 3, "coverage": 0.1})


def test_truth_that_the_catalogue_lacks_is_never_found_but_counts() -> None:
    names = ("recall@2", "ndcg@2", "mrr", "hit_rate@2")
    assert measure([[1, 2]], [[10, 11, 12]], *names) == dict.fromkeys(names, 0.0)
    assert measure([[1, 2]], [[1, 11]], "recall@2") == {"recall@2": 0.5}


def test_a_model_that_recommends_nothing_finds_nothing_and_has_no_novelty() -> None:
    found = measure([[NONE, UNKNOWN]], [[1]], *METRICS)
    assert [found[metric] for metric in RATES] == [0.0] * len(RATES)
    assert math.isnan(found["novelty"])
    assert math.isnan(found["popularity_lift"])


def test_one_user_who_had_everything() -> None:
    items = 5000
    truth = [list(range(items)), [3]]
    lists = np.stack([np.arange(100), np.arange(100)])
    found = measure(lists, truth, "recall@100", "ndcg@100", "precision@100", past=truth, items=items)
    assert found["recall@100"] == pytest.approx((100 / items + 1) / 2)
    assert found["precision@100"] == pytest.approx((1 + 0.01) / 2)
    assert found["ndcg@100"] == pytest.approx((1 + 1 / math.log2(5)) / 2)


def test_a_past_without_anything_or_outside_the_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody had anything in the past"):
        Background.of(interactions([[], []]), 5)
    with pytest.raises(ValueError, match="the past has item 9"):
        Background.of(interactions([[9]]), 5)
    with pytest.raises(ValueError, match="the histories has item 8"):
        Background.of(interactions([[1]]), 5, interactions([[8]]))


def test_popularity_may_be_counted_from_others_than_the_judged() -> None:
    background = Background.of(interactions([[0], [0], [1], [0]]), 2, interactions([[1], []]))
    assert background.popularity.tolist() == [0.75, 0.25]
    assert background.profile[0] == 0.25
    assert math.isnan(background.profile[1])
