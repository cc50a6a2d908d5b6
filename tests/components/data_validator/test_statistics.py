"""Statistics: the same as TFDV's own, bounded in memory, and what models take from them."""

import math
from pathlib import Path
from typing import Any

import pytest

from tests.components.data_validator.conftest import to_batch
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.examples import read_batches
from weighbridge.components.data_validator.statistics import (
    VOCABULARY_SIZE,
    compute_statistics,
    read_statistics,
    statistics_options,
    statistics_path,
    write_statistics,
)
from weighbridge.components.data_validator.summary import CategoricalSummary, NumericSummary, feature_summary


def _rounded(message: Any) -> Any:
    """A proto as nested values; numbers to nine digits, for sums are added up in another order."""
    if hasattr(message, "ListFields"):
        return {field.name: _rounded(value) for field, value in message.ListFields()}
    if isinstance(message, float):
        return float(f"{message:.9g}")
    if hasattr(message, "__iter__") and not isinstance(message, str | bytes):
        return [_rounded(value) for value in message]
    return message


def _by_name(statistics: Any) -> dict[str, Any]:
    return {feature.path.step[0]: _rounded(feature) for feature in statistics.datasets[0].features}


def test_statistics_are_those_of_tfdv(taxi_examples: str, taxi_statistics: dict[str, Any]) -> None:
    import tensorflow_data_validation as tfdv

    theirs = tfdv.generate_statistics_from_tfrecord(
        f"{taxi_examples}/Split-train/*", stats_options=statistics_options()
    )
    ours = taxi_statistics["train"]
    assert ours.datasets[0].num_examples == theirs.datasets[0].num_examples == 10_001
    ours, theirs = _by_name(ours), _by_name(theirs)
    assert ours.keys() == theirs.keys()
    for name, feature in theirs.items():
        widths = [_equal_widths(each) for each in (ours[name], feature)]
        assert ours[name] == feature, name
        # These are made from the quantiles, of which TFDV by itself would compute ten times as many.
        assert widths[0] == pytest.approx(widths[1], abs=0.01 * 10_001), name


def _equal_widths(feature: dict[str, Any]) -> list[float]:
    """Take a feature's histogram of equally wide buckets out of it: how many rows are up to the end of each."""
    numbers = feature.get("num_stats", {})
    found = list(numbers.get("histograms", []))
    numbers["histograms"] = [each for each in found if each.type == each.QUANTILES]
    counts = [bucket.sample_count for each in found if each.type == each.STANDARD for bucket in each.buckets]
    return [sum(counts[: end + 1]) for end in range(len(counts))]


def test_many_small_batches_give_what_one_large_batch_gives(taxi_examples: str) -> None:
    whole = _by_name(compute_statistics(read_batches(taxi_examples, "eval", batch_rows=100_000)))
    parts = _by_name(compute_statistics(read_batches(taxi_examples, "eval", batch_rows=613)))
    assert parts["payment_type"] == whole["payment_type"]
    assert parts["company"] == whole["company"]
    for name in ("fare", "trip_seconds"):
        for key in ("mean", "std_dev", "min", "max", "num_zeros", "common_stats"):
            assert parts[name]["num_stats"].get(key) == whole[name]["num_stats"].get(key), (name, key)
        assert math.isclose(parts[name]["num_stats"]["median"], whole[name]["num_stats"]["median"], rel_tol=0.05)


def test_a_column_that_comes_later_counts_as_missing_before() -> None:
    statistics = compute_statistics([to_batch({"a": [1, 2]}), to_batch({"a": [3], "b": [4]})])
    features = {feature.path.step[0]: feature for feature in statistics.datasets[0].features}
    assert features["a"].num_stats.common_stats.num_non_missing == 3
    assert features["b"].num_stats.common_stats.num_non_missing == 1
    assert statistics.datasets[0].num_examples == 3


def test_no_batches_give_statistics_of_no_rows() -> None:
    assert compute_statistics([]).datasets[0].num_examples == 0


def test_the_same_data_give_the_same_bytes(taxi_examples: str, taxi_statistics: dict[str, Any]) -> None:
    again = compute_statistics(read_batches(taxi_examples, "train"))
    assert again.SerializeToString(deterministic=True) == taxi_statistics["train"].SerializeToString(deterministic=True)


def test_integers_that_the_schema_calls_categorical_are_counted() -> None:
    from tensorflow_metadata.proto.v0 import schema_pb2

    feature = schema_pb2.Feature(name="area", type=schema_pb2.INT)
    feature.int_domain.is_categorical = True
    statistics = compute_statistics([to_batch({"area": [8, 8, 32]})], schema=schema_pb2.Schema(feature=[feature]))
    buckets = statistics.datasets[0].features[0].string_stats.rank_histogram.buckets
    assert [(bucket.label, bucket.sample_count) for bucket in buckets] == [("8", 2), ("32", 1)]


def test_vocabularies_are_longer_than_tfdv_keeps_by_default(tmp_path: Path) -> None:
    words = [f"word-{number:05}" for number in range(VOCABULARY_SIZE)]
    path = write_statistics(tmp_path / "FeatureStats.pb", compute_statistics([to_batch({"word": words + words[:7]})]))
    word = feature_summary(str(path))["word"]
    assert isinstance(word, CategoricalSummary)
    assert sorted(word.vocabulary) == words
    assert set(word.vocabulary[:7]) == set(words[:7])
    assert word.counts[:8] == (2.0,) * 7 + (1.0,)
    assert word.unique == VOCABULARY_SIZE


def test_summary_of_real_trips(
    taxi_statistics: dict[str, Any], taxi_columns: dict[str, list[Any]], tmp_path: Path
) -> None:
    import numpy as np

    path = write_statistics(statistics_path(tmp_path, "train"), taxi_statistics["train"])
    summary = feature_summary(str(path))
    train = {name: [v for row, v in enumerate(values) if row % 3] for name, values in taxi_columns.items()}
    fare, payment, seconds = summary["fare"], summary["payment_type"], summary["trip_seconds"]
    assert isinstance(fare, NumericSummary)
    assert isinstance(seconds, NumericSummary)
    assert isinstance(payment, CategoricalSummary)
    assert fare.mean == pytest.approx(np.mean(train["fare"]), rel=1e-6)
    assert fare.std == pytest.approx(np.std(train["fare"]), rel=1e-6)
    assert (fare.min, fare.max) == pytest.approx((min(train["fare"]), max(train["fare"])))
    assert len(fare.quantiles) == 99
    assert fare.quantiles[49] == pytest.approx(np.median(train["fare"]), rel=0.03)
    assert seconds.missing_fraction == pytest.approx(train["trip_seconds"].count(None) / len(train["trip_seconds"]))
    assert payment.vocabulary[:2] == ("Cash", "Credit Card")
    assert payment.counts[0] == train["payment_type"].count("Cash")
    assert payment.unique == len(payment.vocabulary) == len(set(train["payment_type"]))


def test_boundaries_share_the_rows_and_never_repeat() -> None:
    percentiles = tuple(float(number) for number in range(1, 100))
    spread = NumericSummary(50, 29, 0, 100, 50, percentiles, 0)
    assert spread.boundaries(4) == (25.0, 50.0, 75.0)
    assert spread.boundaries(100) == percentiles
    assert spread.boundaries(1) == ()
    mostly_zero = NumericSummary(1, 2, 0, 9, 0, (0.0,) * 60 + percentiles[:39], 0)
    assert mostly_zero.boundaries(4) == (0.0, 15.0)
    assert NumericSummary(1, 0, 1, 1, 1, (), 0).boundaries(10) == ()
    with pytest.raises(UsageError, match="buckets=0"):
        spread.boundaries(0)


def test_features_without_values_have_no_summary(tmp_path: Path) -> None:
    statistics = compute_statistics([to_batch({"there": [1.5, 2.5], "empty": [None, None]})])
    assert list(feature_summary(str(write_statistics(tmp_path / "s.pb", statistics)))) == ["there"]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xff no protobuf"])
def test_unreadable_statistics_are_an_error_that_names_the_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "FeatureStats.pb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"FeatureStats\.pb"):
        read_statistics(path)


def test_tfdv_makes_no_more_quantiles_than_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times as many for each feature were most of the time that wide data took."""
    from tensorflow_data_validation.statistics.generators import basic_stats_generator

    asked = []
    real = basic_stats_generator._get_quantiles_counts
    monkeypatch.setattr(
        basic_stats_generator, "_get_quantiles_counts", lambda found, count: asked.append(count) or real(found, count)
    )
    compute_statistics([to_batch({"a": [1, 2, 3]})])
    assert asked
    assert max(asked) <= 1_000
    assert basic_stats_generator._NUM_QUANTILES_FACTOR_FOR_STD_HISTOGRAM == 100  # for all others
