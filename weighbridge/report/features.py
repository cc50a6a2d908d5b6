"""Feature statistics as charts and tables need them, read from TFDV's `FeatureStats.pb` without TensorFlow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighbridge.common.errors import UsageError


@dataclass(frozen=True)
class Bucket:
    """`rows` of the feature's values lie in (low, high]; a bucket with low == high is one frequent value."""

    low: float
    high: float
    rows: float


@dataclass(frozen=True)
class Numbers:
    """Distribution of a numeric feature, in the feature's own unit; `buckets` hold about equally many rows."""

    mean: float
    std: float
    min: float
    median: float
    max: float
    zeros: int
    whole: bool
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True)
class Words:
    """Distribution of a text feature: its most frequent values with their rows, and how many there are in all."""

    unique: int
    values: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Feature:
    """One feature in one split.

    Attributes:
        name: dotted path.
        rows: rows of the split.
        missing: share of rows without a value, 0 to 1.
        distribution: None where the feature has no values, or is neither numbers nor text.
    """

    name: str
    rows: int
    missing: float
    distribution: Numbers | Words | None


def read_features(path: str | Path) -> list[Feature]:
    """Read the features of a split, by name.

    Args:
        path: the split's `FeatureStats.pb`.

    Raises:
        UsageError: the file cannot be read or holds no statistics.
    """
    from google.protobuf.message import DecodeError
    from tensorflow_metadata.proto.v0 import statistics_pb2

    try:
        found = statistics_pb2.DatasetFeatureStatisticsList.FromString(Path(path).read_bytes())
    except (OSError, DecodeError) as error:
        raise UsageError(f"{path} holds no statistics: {error}") from error
    if not found.datasets:
        raise UsageError(f"{path} holds no statistics")
    # Statistics of slices may follow; the first are of all rows.
    dataset = found.datasets[0]
    return sorted((_feature(each, dataset.num_examples) for each in dataset.features), key=lambda each: each.name)


def _feature(stats: Any, rows: int) -> Feature:
    kind = stats.WhichOneof("stats")
    common = getattr(stats, kind).common_stats if kind else None
    # An empty list of values counts as not missing there, but has nothing to show.
    there = min(common.num_non_missing, common.tot_num_values) if common else 0
    distribution: Numbers | Words | None = None
    if there and kind == "num_stats":
        distribution = _numbers(stats.num_stats, whole=stats.type == stats.INT)
    elif there and kind == "string_stats":
        ranked = stats.string_stats.rank_histogram.buckets
        distribution = Words(
            stats.string_stats.unique, tuple((bucket.label, bucket.sample_count) for bucket in ranked[:50])
        )
    name = ".".join(stats.path.step) or stats.name
    return Feature(name, rows, 1.0 - there / rows if rows else 1.0, distribution)


def _numbers(stats: Any, whole: bool) -> Numbers:
    # Equally wide buckets hide everything behind one outlier; those of equally many rows do not.
    histograms = sorted(stats.histograms, key=lambda histogram: histogram.type != histogram.QUANTILES)
    buckets = histograms[0].buckets if histograms else ()
    return Numbers(
        mean=stats.mean,
        std=stats.std_dev,
        min=stats.min,
        median=stats.median,
        max=stats.max,
        zeros=stats.num_zeros,
        whole=whole,
        buckets=tuple(Bucket(each.low_value, each.high_value, each.sample_count) for each in buckets),
    )
