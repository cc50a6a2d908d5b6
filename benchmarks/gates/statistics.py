"""TFDV's statistics of one column, made from its values: what both DataValidator and TFDV judge drift by."""

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.gates.columns import Floats, Kind, Values
from weighbridge.components.data_validator.histograms import generate_equi_width_histogram, generate_quantiles_histogram
from weighbridge.components.data_validator.statistics import QUANTILE_BUCKETS

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

COLUMN = "x"
_WIDTHS = 10  # TFDV's default number of buckets of equal widths
_FINE = 1000  # quantiles that TFDV makes these from


def statistics_of(column: Values, kind: Kind) -> "statistics_pb2.DatasetFeatureStatistics":
    """The statistics of a dataset that has this column alone.

    Args:
        column: [rows], none missing.
        kind: of its values.
    """
    from tensorflow_metadata.proto.v0 import statistics_pb2

    dataset = statistics_pb2.DatasetFeatureStatistics(num_examples=len(column))
    feature = dataset.features.add()
    feature.path.step.append(COLUMN)
    if kind == "numeric":
        feature.type = statistics_pb2.FeatureNameStatistics.FLOAT
        _numbers(feature.num_stats, column.astype(np.float64))
        common = feature.num_stats.common_stats
    else:
        feature.type = statistics_pb2.FeatureNameStatistics.STRING
        _categories(feature.string_stats, column)
        common = feature.string_stats.common_stats
    common.num_non_missing = common.tot_num_values = len(column)
    common.min_num_values = common.max_num_values = 1
    common.avg_num_values = 1.0
    return dataset


def _numbers(stats: "statistics_pb2.NumericStatistics", values: Floats) -> None:
    stats.mean, stats.std_dev = float(values.mean()), float(values.std())
    stats.min, stats.median, stats.max = (float(np.quantile(values, q)) for q in (0, 0.5, 1))
    ordered = np.sort(values)
    widths = generate_equi_width_histogram(*_quantiles(ordered, _FINE), stats.min, stats.max, _WIDTHS, 0)
    for histogram in (widths, generate_quantiles_histogram(*_quantiles(ordered, QUANTILE_BUCKETS))):
        stats.histograms.append(histogram)


def _quantiles(ordered: Floats, buckets: int) -> tuple[Floats, Floats]:
    """Quantiles [buckets + 1], and how many rows lie up to each."""
    places = np.rint(np.linspace(0, len(ordered) - 1, min(buckets, len(ordered) - 1) + 1)).astype(np.intp)
    return ordered[places], (places + 1).astype(np.float64)


def _categories(stats: "statistics_pb2.StringStatistics", values: Values) -> None:
    labels, counts = np.unique(values, return_counts=True)
    stats.unique = len(labels)
    stats.avg_length = float(np.char.str_len(labels.astype(str)) @ counts / len(values))
    for rank, place in enumerate(np.argsort(-counts, kind="stable").tolist()):
        where = {"low_rank": rank, "high_rank": rank, "label": str(labels[place])}
        stats.rank_histogram.buckets.add(**where, sample_count=float(counts[place]))
