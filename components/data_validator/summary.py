"""Statistics as models need them: numbers for normalisation and buckets, vocabularies, without TFDV's protos.

A model that bakes these into its graph takes raw features when it serves, and needs no other pass over the data.
"""

from dataclasses import dataclass
from typing import Any

from weighbridge.common.errors import UsageError


@dataclass(frozen=True)
class NumericSummary:
    """A numeric feature over all rows of a split. All values are in the feature's own unit.

    Attributes:
        mean: mean of the finite values that are there.
        std: their standard deviation (population, ddof 0).
        min: smallest value.
        max: largest value.
        median: approximate median.
        quantiles: the approximate 1st to 99th percentile, ascending; a frequent value is several of them.
            Statistics of stock TFX hold the 10th, 20th … 90th only.
        missing_fraction: share of rows without a value, 0 to 1.
    """

    mean: float
    std: float
    min: float
    max: float
    median: float
    quantiles: tuple[float, ...]
    missing_fraction: float

    def boundaries(self, buckets: int) -> tuple[float, ...]:
        """Boundaries between `buckets` buckets that hold about equally many rows, ascending and distinct.

        There are at most `buckets - 1`, and fewer where a frequent value would be several of them.
        """
        if buckets < 1:
            raise UsageError(f"buckets={buckets} is not a valid number of buckets", "Expected 1 or more.")
        parts = len(self.quantiles) + 1
        if parts == 1:
            return ()
        return tuple(sorted({self.quantiles[max(part * parts // buckets, 1) - 1] for part in range(1, buckets)}))


@dataclass(frozen=True)
class CategoricalSummary:
    """A text (or categorical integer) feature over all rows of a split.

    Attributes:
        vocabulary: its values, most frequent first; at most `statistics.VOCABULARY_SIZE` of them. What is no
            UTF-8 text, and text of a kilobyte or more, is one placeholder value.
        counts: in how many rows each value of `vocabulary` occurs.
        missing_fraction: share of rows without a value, 0 to 1.
        unique: number of distinct values, also of those beyond the vocabulary (then estimated).
    """

    vocabulary: tuple[str, ...]
    counts: tuple[float, ...]
    missing_fraction: float
    unique: int


def feature_summary(path: str) -> dict[str, NumericSummary | CategoricalSummary]:
    """Summarise each feature of a split that has values.

    Args:
        path: the split's `FeatureStats.pb`, as DataValidator or stock StatisticsGen writes it.

    Returns:
        By feature name; features that are neither numbers nor text (raw bytes, structs) are left out.

    Raises:
        UsageError: the file is missing or holds no statistics.
    """
    from weighbridge.components.data_validator.statistics import dataset_of, read_statistics

    dataset = dataset_of(read_statistics(path), path)
    return {
        feature_name(feature): summary
        for feature in dataset.features
        if (summary := _summarise(feature, dataset.num_examples)) is not None
    }


def feature_name(feature: Any) -> str:
    """Name of a `FeatureNameStatistics`: its path with dots, or the plain name of older statistics."""
    return ".".join(feature.path.step) or feature.name


def missing_fraction(feature: Any, rows: int) -> float:
    """Share of `rows` in which a feature has no value; 1 where there are no rows.

    Stock CsvExampleGen writes an empty list for a missing value, which TFDV does not call missing; here it is,
    where rows have at most one value.
    """
    common = feature_common(feature)
    present = common.tot_num_values if common.max_num_values <= 1 else common.num_non_missing
    return 1.0 - present / rows if rows else 1.0


def feature_common(feature: Any) -> Any:
    """The `CommonStatistics` of a feature of any kind."""
    kind = feature.WhichOneof("stats")
    if kind is None:
        raise UsageError(f"Feature {feature_name(feature)!r} has no statistics", "Compute them again.")
    return getattr(feature, kind).common_stats


def _summarise(feature: Any, rows: int) -> NumericSummary | CategoricalSummary | None:
    kind = feature.WhichOneof("stats")
    if kind not in ("num_stats", "string_stats") or not feature_common(feature).tot_num_values:
        return None
    missing = missing_fraction(feature, rows)
    if kind == "string_stats":
        buckets = feature.string_stats.rank_histogram.buckets
        return CategoricalSummary(
            vocabulary=tuple(bucket.label for bucket in buckets),
            counts=tuple(bucket.sample_count for bucket in buckets),
            missing_fraction=missing,
            unique=feature.string_stats.unique,
        )
    numbers = feature.num_stats
    return NumericSummary(
        mean=numbers.mean,
        std=numbers.std_dev,
        min=numbers.min,
        max=numbers.max,
        median=numbers.median,
        quantiles=_inner_boundaries(numbers),
        missing_fraction=missing,
    )


def _inner_boundaries(numbers: Any) -> tuple[float, ...]:
    quantiles = next((found for found in numbers.histograms if found.type == found.QUANTILES), None)
    return tuple(bucket.high_value for bucket in quantiles.buckets[:-1]) if quantiles is not None else ()
