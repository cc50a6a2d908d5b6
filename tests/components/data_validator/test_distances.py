"""Distances: between 0 and 1, 0 for the same data, symmetric, as TFDV's where TFDV's can be trusted."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.components.data_validator.conftest import to_batch
from weighbridge.components.data_validator.distances import (
    Distribution,
    NotComparableError,
    aligned,
    compare,
    describe_change,
    jensen_shannon,
    linf,
    number_shares,
)
from weighbridge.components.data_validator.statistics import compute_statistics

counts = st.dictionaries(st.text(max_size=3), st.floats(1e-3, 1e9), min_size=1, max_size=20)
numbers = st.lists(st.floats(allow_nan=False, allow_infinity=True), min_size=2, max_size=60)


def _shares(weights: dict[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {value: weight / total for value, weight in weights.items()}


def _distribution(values: list[float]) -> Distribution:
    ends = np.sort(np.array(values))
    return Distribution.from_quantiles(ends, np.linspace(0, 1, len(ends)))


def _number_distance(ours: list[float], theirs: list[float]) -> float:
    return jensen_shannon(*number_shares(_distribution(ours), _distribution(theirs)))


def _feature(values: list[Any]) -> Any:
    return compute_statistics([to_batch({"x": values})]).datasets[0].features[0]


@given(counts, counts)
def test_categorical_distances_are_bounded_and_symmetric(ours: dict[str, float], theirs: dict[str, float]) -> None:
    there, back = aligned(_shares(ours), _shares(theirs)), aligned(_shares(theirs), _shares(ours))
    for measure in (linf, jensen_shannon):
        assert 0 <= measure(*there) <= 1
        assert measure(*there) == pytest.approx(measure(*back), abs=1e-12)


@given(counts)
def test_categorical_distance_to_itself_is_zero(weights: dict[str, float]) -> None:
    same = aligned(_shares(weights), _shares(weights))
    assert linf(*same) == 0
    assert jensen_shannon(*same) == pytest.approx(0, abs=1e-12)


@given(numbers, numbers)
def test_numeric_distance_is_bounded_and_symmetric(ours: list[float], theirs: list[float]) -> None:
    there = _number_distance(ours, theirs)
    assert 0 <= there <= 1
    assert there == pytest.approx(_number_distance(theirs, ours), abs=1e-9)


@given(numbers)
def test_numeric_distance_to_itself_is_zero(values: list[float]) -> None:
    assert _number_distance(values, values) == pytest.approx(0, abs=1e-12)


@given(numbers, st.floats(-1e300, 1e300))
def test_shares_up_to_a_cut_never_fall(values: list[float], cut: float) -> None:
    distribution = _distribution(values)
    cuts = np.sort(np.append(distribution.values, cut))
    shares = distribution.share_upto(cuts)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert (np.diff(shares) >= -1e-12).all()
    assert shares[-1] == 1 or cuts[-1] < distribution.values[-1]


def test_nothing_in_common_is_one() -> None:
    for ours, theirs in (([1.0, 2.0], [5.0, 9.0]), ([3.0, 3.0], [4.0, 4.0])):
        assert compare("jensen_shannon", _feature(ours), _feature(theirs)).distance() == pytest.approx(1)
    assert compare("linf", _feature(["a"]), _feature(["b"])).distance() == 1
    assert compare("jensen_shannon", _feature(["a"]), _feature(["b"])).distance() == 1


def test_categorical_distances_are_those_of_tfdv(taxi_statistics: dict[str, Any]) -> None:
    import tensorflow_data_validation as tfdv

    schema = tfdv.infer_schema(taxi_statistics["train"])
    for feature in schema.feature:
        if feature.name in ("company", "payment_type"):
            feature.skew_comparator.infinity_norm.threshold = 1
            feature.skew_comparator.jensen_shannon_divergence.threshold = 1
    found = tfdv.validate_statistics(
        taxi_statistics["train"], schema, serving_statistics=taxi_statistics["eval"]
    ).drift_skew_info
    train, evaluated = (
        {feature.path.step[0]: feature for feature in taxi_statistics[split].datasets[0].features}
        for split in ("train", "eval")
    )
    assert {info.path.step[0] for info in found} == {"company", "payment_type"}
    for info in found:
        name = info.path.step[0]
        theirs = {measured.type: measured.value for measured in info.skew_measurements}
        assert compare("linf", evaluated[name], train[name]).distance() == pytest.approx(theirs[1], abs=1e-9)
        assert compare("jensen_shannon", evaluated[name], train[name]).distance() == pytest.approx(theirs[2], abs=1e-9)


@pytest.mark.parametrize("name", ["fare", "trip_miles", "trip_seconds", "trip_start_hour"])
def test_halves_of_the_same_trips_are_near_and_shifted_trips_are_not(
    taxi_columns: dict[str, list[Any]], name: str
) -> None:
    order = np.random.default_rng(7).permutation(len(taxi_columns[name]))
    values = [taxi_columns[name][row] for row in order]
    half = len(values) // 2
    first, second = values[:half], values[half:]
    shifted = [None if value is None else type(value)(value * 1.5 + 1) for value in second]
    same = compare("jensen_shannon", _feature(first), _feature(second)).distance()
    moved = compare("jensen_shannon", _feature(first), _feature(shifted)).distance()
    assert same < 0.002
    assert moved > 10 * same
    assert moved > 0.02


def test_one_outlier_does_not_decide() -> None:
    values = [float(number) for number in range(1000)]
    assert compare("jensen_shannon", _feature(values), _feature([*values, 1e9])).distance() < 0.002


def test_values_beyond_the_histogram_are_one_value() -> None:
    values = ["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d"] * 2
    ours, theirs = _feature(values), _feature(values)
    del ours.string_stats.rank_histogram.buckets[2:]
    assert compare("linf", ours, theirs).distance() == pytest.approx(0.0, abs=1e-12)
    # One that is more frequent than what the other side tells is not left out there: it is missing.
    del ours.string_stats.rank_histogram.buckets[:]
    ours.string_stats.rank_histogram.buckets.add(label="e", sample_count=4)
    assert compare("linf", ours, theirs).distance() == pytest.approx(5 / 14)


@pytest.mark.parametrize(
    ("measure", "ours", "theirs", "why"),
    [
        ("linf", [1.0, 2.0], [1.0, 2.0], "linf is not for numeric features"),
        ("jensen_shannon", [1.0], ["1"], "numeric here, but categorical"),
        ("jensen_shannon", [1.0], [None], "no values"),
    ],
)
def test_what_cannot_be_compared_says_why(measure: str, ours: list[Any], theirs: list[Any], why: str) -> None:
    with pytest.raises(NotComparableError, match=why):
        compare(measure, _feature(ours), _feature(theirs))


def test_change_is_told_in_values() -> None:
    told = describe_change(_feature(["Cash"] * 3 + ["Card"]), _feature(["Cash"] + ["Card"] * 3))
    assert told == "'Card' in 25.0% of the rows against 75.0%"
    assert describe_change(_feature([1.0, 1.0]), _feature([2.0, 2.0])) == "median 1 against 2, mean 1 against 2"
