"""Models against each other: intervals as wide as they should be, pairs, slices, the best baseline, broken input."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.components.evaluator.ranking.helpers import ITEMS, cases, interactions, one
from weighbridge.components.evaluator.ranking.interactions import Interactions
from weighbridge.components.evaluator.ranking.lists import NONE
from weighbridge.components.evaluator.ranking.names import METRICS, Name
from weighbridge.components.evaluator.ranking.per_user import Background
from weighbridge.components.evaluator.ranking.weigh import Measured, weigh
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.verdict import Bounds, Risk, Sampled

RECALL = [Name("recall", 5)]


def population(seed: int, users: int, skill: float = 0.3) -> tuple[np.ndarray, Interactions, Background]:
    """Users with one relevant item each, found with probability `skill`, at the first rank."""
    rng = np.random.default_rng(seed)
    relevant = rng.integers(0, 50, users)
    first = np.where(rng.random(users) < skill, relevant, (relevant + 1) % 50)
    lists = np.stack([first, np.full(users, NONE)], axis=1)
    truth = Interactions.from_pairs(np.arange(users), relevant, users)
    return lists, truth, Background.of(truth, 50)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held, rounds = 0, 300
    for seed in range(rounds):
        lists, truth, background = population(seed, 200)
        (row,) = weigh({"m": lists}, truth, background, RECALL)
        found = row.estimate("m")
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.3 <= found.high
    assert 0.92 <= held / rounds <= 0.98


def test_more_confidence_is_a_wider_interval() -> None:
    lists, truth, background = population(1, 500)
    widths = []
    for confidence in (0.5, 0.9, 0.99):
        (row,) = weigh({"m": lists}, truth, background, RECALL, confidence=confidence)
        found = row.estimate("m")
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert widths == sorted(set(widths))


def test_a_difference_is_far_surer_in_pairs() -> None:
    production, truth, background = population(2, 2000)
    candidate = production.copy()
    better = np.flatnonzero(candidate[:, 0] != truth.items)[:60]
    candidate[better, 0] = truth.items[better]
    (row,) = weigh({"candidate": candidate, "production": production}, truth, background, RECALL)
    alone, change = row.estimate("candidate"), row.difference("candidate", "production")
    assert change.value == pytest.approx(0.03)
    assert change.low is not None and change.low > 0.02  # noqa: PT018
    assert change.high - change.low < (alone.high - alone.low) / 2  # type: ignore[operator]
    worse = row.difference("production", "candidate")
    assert (worse.value, worse.low, worse.high) == pytest.approx((-change.value, -change.high, -change.low))  # type: ignore[operator]


@settings(max_examples=60, deadline=None)
@given(cases())
def test_identical_lists_differ_by_exactly_nothing(
    case: tuple[list[list[int]], list[list[int]], list[list[int]]],
) -> None:
    lists, truth, past = case
    models = {"a": np.array(lists), "other": np.array(lists[::-1]), "b": np.array(lists)}
    background = Background.of(interactions(past), ITEMS)
    for row in weigh(models, interactions(truth), background, [Name(metric, 3) for metric in METRICS]):
        found = row.difference("a", "b")
        if math.isnan(row.values["a"]):
            assert math.isnan(found.value)
        else:
            assert found.value == 0
            assert math.isnan(found.low)  # type: ignore[arg-type]


def test_identical_lists_of_many_users_differ_by_exactly_nothing_on_slices() -> None:
    lists, truth, background = population(3, 5000)
    models = {"a": lists, "b": np.array(lists)}
    slices = [((("part", part),), np.arange(part, 5000, 7)) for part in range(7)]
    for row in weigh(models, truth, background, [Name(metric, 2) for metric in METRICS], slices=slices):
        found = row.difference("a", "b")
        assert (found.value, found.low, found.high) == (0, 0, 0)


def test_a_slice_is_measured_as_if_it_were_alone() -> None:
    lists, truth, background = population(4, 300)
    members = np.arange(0, 300, 3)
    names = [Name("recall", 1), Name("coverage", 1), Name("novelty", 1)]
    key = (("country", "A"), ("new", 1))
    rows = list(weigh({"m": lists}, truth, background, names, slices=[(key, members)]))
    assert [row.key for row in rows] == [()] * 3 + [key] * 3
    alone = Background(background.popularity, background.information, background.profile[members])
    for wanted in weigh({"m": lists[members]}, truth.take(members), alone, names):
        found = one(rows, str(wanted.name), key)
        assert found.users == wanted.users == 100
        assert found.estimate("m") == wanted.estimate("m")


def test_slices_count_judged_users_only_and_empty_ones_are_left_out() -> None:
    truth = interactions([[1], [], [2], []])
    lists, background = np.array([[1]] * 4), Background.of(interactions([[1]] * 4), 3)
    slices = [((("s", "mixed"),), np.array([0, 1, 2])), ((("s", "unjudged"),), np.array([1, 3]))]
    rows = list(weigh({"m": lists}, truth, background, RECALL, slices=slices))
    assert [(row.key, row.users, row.values["m"]) for row in rows] == [((), 2, 0.5), ((("s", "mixed"),), 2, 0.5)]


def test_a_single_user_has_a_value_and_no_interval() -> None:
    (row,) = weigh({"m": np.array([[1]])}, interactions([[1]]), Background.of(interactions([[0]]), 2), RECALL)
    found = row.estimate("m")
    assert found.value == 1
    assert math.isnan(found.low)  # type: ignore[arg-type]
    (gate,) = Bounds(min=0.5).judge("quality.recall@5", found)
    assert gate.passed


def test_lists_that_differ_and_found_the_same_may_find_something_else_in_others() -> None:
    lists, truth, background = population(3, 100)
    other = lists[:, ::-1]  # nothing first: the same is found within two
    (row,) = weigh({"a": lists, "b": other, "c": np.array(lists)}, truth, background, [Name("recall", 2)])
    none_of_100 = 1 - 0.025 ** (1 / 100)
    found, same = row.difference("a", "b"), row.difference("a", "c")
    assert (found.value, found.low, found.high) == pytest.approx((0, -none_of_100, none_of_100))
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_where_no_user_was_served_the_next_one_may_be() -> None:
    lists, truth, background = population(3, 30, skill=0.0)
    (row,) = weigh({"m": lists}, truth, background, RECALL)
    found = row.estimate("m")
    assert (found.value, found.low, found.high) == pytest.approx((0, 0, 1 - 0.025 ** (1 / 30)))


def test_too_few_users_have_a_value_and_no_interval() -> None:
    for users, known in ((19, False), (20, True)):
        lists, truth, background = population(3, users)
        (row,) = weigh({"m": lists}, truth, background, RECALL)
        assert row.estimate("m").known is known


def test_the_same_users_have_the_same_intervals() -> None:
    lists, truth, background = population(5, 400)
    one, again = (next(weigh({"m": lists}, truth, background, RECALL)) for _ in range(2))
    assert one.estimate("m") == again.estimate("m")


def test_coverage_has_an_interval_around_its_value() -> None:
    rng = np.random.default_rng(6)
    lists, truth = rng.integers(0, 2000, (300, 5)), interactions([[1]] * 300)
    models = {"a": lists, "b": np.where(lists < 1000, lists, NONE)}
    (row,) = weigh(models, truth, Background.of(truth, 2000), [Name("coverage", 5)])
    for found in (row.estimate("a"), row.estimate("b"), row.difference("a", "b")):
        assert found.low is not None
        assert found.high is not None
        assert 0 < found.low < found.value < found.high < 1


def test_coverage_alone_and_means_alone_are_measured_too() -> None:
    lists, truth, background = population(7, 50)
    for names in ([Name("coverage")], [Name("recall")], [Name("recall"), Name("coverage")]):
        assert [row.name for row in weigh({"m": lists}, truth, background, names)] == names


def rated(values: dict[str, float], metric: str = "recall") -> Measured:
    return Measured(Name(metric, 5), (), 9, values, {model: np.zeros(3) for model in values}, 0.95)


@pytest.mark.parametrize(
    ("values", "metric", "best"),
    [
        ({"x": 0.1, "y": 0.3, "z": 0.2}, "recall", "y"),
        ({"x": 0.3, "y": 0.3}, "recall", "x"),
        ({"x": 0.1, "y": 0.3}, "popularity_lift", "x"),
        ({"x": 0.1, "y": math.nan, "z": 0.9}, "recall", "y"),
    ],
)
def test_the_best_baseline_is_chosen_for_each_metric(values: dict[str, float], metric: str, best: str) -> None:
    assert rated(values, metric).best(list(values)) == best


def test_a_baseline_without_a_value_cannot_be_beaten() -> None:
    row = rated({"candidate": 0.9, "x": math.nan, "z": 0.1})
    (gate,) = Bounds(min=0.0).judge("quality.recall@5.gain", row.difference("candidate", row.best(["x", "z"])))
    assert not gate.passed


@pytest.mark.parametrize(("skill", "passes"), [(0.5, True), (0.1, False)])
def test_a_gate_on_the_difference_to_the_best_baseline(skill: float, passes: bool) -> None:
    baseline, truth, background = population(8, 1000)
    weak = np.full_like(baseline, NONE)
    candidate = population(8, 1000, skill)[0]
    (row,) = weigh({"candidate": candidate, "strong": baseline, "weak": weak}, truth, background, RECALL)
    assert row.best(["weak", "strong"]) == "strong"
    (gate,) = Bounds(min=0.05).judge("quality.gain", row.difference("candidate", "strong"), sampled=Sampled(Risk()))
    assert gate.passed is passes


def test_nobody_to_judge_and_bad_lists_refuse_the_model() -> None:
    background = Background.of(interactions([[0], [1]]), 2)
    with pytest.raises(Unmeasurable, match="None of 2 users has anything") as refused:
        weigh({"m": np.array([[0], [1]])}, interactions([[], []]), background, RECALL)
    assert refused.value.gate("quality").name == "quality.users.present"
    with pytest.raises(Unmeasurable, match="Model bad recommends float64"):
        weigh(
            {"m": np.array([[0], [1]]), "bad": np.array([[0], [np.nan]])}, interactions([[0], [1]]), background, RECALL
        )


def test_arguments_that_do_not_fit_are_the_callers_fault() -> None:
    truth, lists = interactions([[0], [1]]), np.array([[0], [1]])
    background = Background.of(truth, 2)
    bad: list[tuple[dict[str, Any], str]] = [
        ({"slices": [((("s", 1),), np.array([2]))]}, "has users outside 0 to 1"),
        ({"slices": [((("s", 1),), np.array([-1]))]}, "has users outside 0 to 1"),
        ({"confidence": 95}, "confidence between 0 and 1"),
    ]
    for options, complaint in bad:
        with pytest.raises(ValueError, match=complaint):
            weigh({"m": lists}, truth, background, RECALL, **options)
    for models, names in itertools.product(({}, {"m": lists}), ([], RECALL)):
        if not models or not names:
            with pytest.raises(ValueError, match="needs a model, a metric"):
                weigh(models, truth, background, names)
    with pytest.raises(ValueError, match="the background knows 2 users, the truth 1"):
        weigh({"m": lists}, interactions([[0]]), background, RECALL)
