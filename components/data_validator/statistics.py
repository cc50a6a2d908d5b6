"""TFDV statistics of a split: computed batch by batch in this process, read and written as TFX keeps them.

TFDV's own generators do the work, fed one Arrow batch after another: the same statistics as through a Beam
pipeline, without its overhead, in memory that depends on the batch and the sketches and not on the data.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.common.progress import report
from weighbridge.components.data_validator.histograms import fast_histograms, replaced

if TYPE_CHECKING:
    import pyarrow as pa
    from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

STATISTICS_FILE = "FeatureStats.pb"

# TFDV keeps 1,000 values of a categorical feature by default; vocabularies are made from them, so keep more.
# Counts are exact for features of at most this many distinct values, estimated beyond (a Misra-Gries sketch).
VOCABULARY_SIZE = 10_000
# Percentiles: boundaries of models' buckets are picked from them, and distances of numeric features need them.
QUANTILE_BUCKETS = 100
# TFDV makes its histogram of equally wide buckets from a hundred times as many quantiles as it is asked for: 1,000 of
# them by default. With the percentiles above these would be 10,000 for each feature, which is most of its time.
_QUANTILES_PER_BUCKET = 10


def statistics_options(schema: "schema_pb2.Schema | None" = None) -> Any:
    """The `tfdv.StatsOptions` that statistics are computed with: unweighted, every row.

    Args:
        schema: tells which integers are categories and which text is raw bytes.
    """
    from tensorflow_data_validation.statistics.stats_options import StatsOptions

    return StatsOptions(
        schema=schema,
        num_rank_histogram_buckets=VOCABULARY_SIZE,
        num_quantiles_histogram_buckets=QUANTILE_BUCKETS,
    )


def compute_statistics(
    batches: "Iterable[pa.RecordBatch]",
    *,
    schema: "schema_pb2.Schema | None" = None,
    watch: "Callable[[pa.RecordBatch], None] | None" = None,
    title: str = "",
) -> "statistics_pb2.DatasetFeatureStatisticsList":
    """Statistics of all rows of `batches`.

    Args:
        batches: in TFX's Arrow form: every column is a (large) list array of numbers or bytes, one list per row,
            null where the value is missing. Columns may come and go between batches.
        schema: see `statistics_options`.
        watch: is shown each batch as well, for what statistics do not tell.
        title: of the progress reports, e.g. the split's name.

    Returns:
        A list of one dataset; one without features and rows where there are no batches.
    """
    from tensorflow_data_validation.statistics import stats_impl

    generators = stats_impl.get_generators(statistics_options(schema), in_memory=True)
    partial = [generator.create_accumulator() for generator in generators]
    rows = 0
    for batch in batches:
        partial = [
            generator.add_input(accumulator, batch) for generator, accumulator in zip(generators, partial, strict=True)
        ]
        if watch is not None:
            watch(batch)
        rows += batch.num_rows
        report(f"{title} {rows:,} rows".lstrip())
    report(f"{title} summing up {rows:,} rows".lstrip())
    with _fewer_quantiles(), fast_histograms():
        result = stats_impl.extract_statistics_output(partial, generators)
    if not result.datasets:
        result.datasets.add()
    # In a fixed order, so that the same data give the same bytes.
    result.datasets[0].features.sort(key=lambda feature: tuple(feature.path.step))
    return result


def _fewer_quantiles() -> AbstractContextManager[None]:
    """As many quantiles as TFDV computes with its own options; the histogram of quantiles stays as it is."""
    from tensorflow_data_validation.statistics.generators import basic_stats_generator

    name = "_NUM_QUANTILES_FACTOR_FOR_STD_HISTOGRAM"
    return replaced(basic_stats_generator, name, min(getattr(basic_stats_generator, name), _QUANTILES_PER_BUCKET))


def statistics_path(folder: str | Path, split: str) -> Path:
    """Where TFX keeps a split's statistics in an ExampleStatistics artifact."""
    return Path(folder, f"Split-{split}", STATISTICS_FILE)


def write_statistics(path: str | Path, statistics: "statistics_pb2.DatasetFeatureStatisticsList") -> Path:
    """Write statistics in TFX's binary form; the same statistics always give the same bytes."""
    return files.write_bytes(path, statistics.SerializeToString(deterministic=True))


def read_statistics(path: str | Path) -> "statistics_pb2.DatasetFeatureStatisticsList":
    """Read the statistics of a split.

    Args:
        path: a `FeatureStats.pb`.

    Raises:
        UsageError: the file is missing, cannot be read or holds no statistics.
    """
    from google.protobuf.message import DecodeError
    from tensorflow_metadata.proto.v0 import statistics_pb2

    try:
        statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"No statistics at {path}: {error.strerror}") from error
    except DecodeError as error:
        raise UsageError(f"{path} holds no statistics: {error}") from error
    dataset_of(statistics, path)
    return statistics


def dataset_of(
    statistics: "statistics_pb2.DatasetFeatureStatisticsList", where: str | Path
) -> "statistics_pb2.DatasetFeatureStatistics":
    """The statistics over all rows; `where` they came from is named in errors.

    Raises:
        UsageError: there are none.
    """
    whole = [dataset for dataset in statistics.datasets if dataset.name in ("", "All Examples")]
    if not whole:
        raise UsageError(f"{where} holds no statistics over all rows")
    return whole[0]
