"""What thousands of columns cost, beside the libraries that do the same work, on the same rows in one run.

python -m benchmarks.wide [--columns 2000] [--columns 5000] [--rows 3000]
"""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from benchmarks.shapes import cpu_seconds, read, show, weigh, write_csv
from weighbridge.components.artifacts.examples import read_batches
from weighbridge.components.data_validator.anomalies import find_anomalies
from weighbridge.components.data_validator.schema import infer_schema
from weighbridge.components.data_validator.statistics import compute_statistics, statistics_options
from weighbridge.components.example_gen.encode import encode


def main(
    columns: Annotated[list[int] | None, typer.Option(help="Of the file; repeatable.")] = None,
    rows: Annotated[int, typer.Option(help="Of each file.")] = 3_000,
) -> None:
    """Print CPU seconds, and their ratios to those of the libraries."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        first = write_csv(folder / "first.csv", 100, 4)
        read(first, 4)
        weigh(first, 4)  # imports
        for width in columns or [2_000]:
            _compare(write_csv(folder / f"{width}.csv", rows, width), rows, width)


def _compare(path: Path, rows: int, width: int) -> None:
    reading = cpu_seconds(lambda: read(path, width))
    uri = str(path.with_suffix(".examples"))
    batches = list(read_batches(uri, "train"))
    statistics = compute_statistics(batches)
    schema = infer_schema(statistics)
    plain = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
    flat = pa.RecordBatch.from_arrays([column.flatten() for column in plain.columns], plain.schema.names)
    print(f"{width:,} columns, {rows:,} rows")
    pairs: dict[str, tuple[Any, Any]] = {
        "tf.Examples": (lambda: _tfx_bsl(plain), lambda: encode(flat)),
        "statistics": (lambda: _tfdv_statistics(batches), lambda: compute_statistics(batches)),
        "held against a schema": (
            lambda: _tfdv_anomalies(statistics, schema),
            lambda: find_anomalies(statistics, schema),
        ),
    }
    for title, (theirs, ours) in pairs.items():
        show(f" {title}", {"library": cpu_seconds(theirs), "Weighbridge": cpu_seconds(ours)})
    show(" whole steps", {"ExampleGen": reading, "DataValidator": cpu_seconds(lambda: weigh(path, width))})


def _tfx_bsl(batch: pa.RecordBatch) -> None:
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    RecordBatchToExamplesEncoder().encode(batch)


def _tfdv_statistics(batches: list[pa.RecordBatch]) -> None:
    from tensorflow_data_validation.statistics import stats_impl

    whole = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
    stats_impl.generate_statistics_in_memory(whole, statistics_options())


def _tfdv_anomalies(statistics: Any, schema: Any) -> None:
    from tensorflow_data_validation.api import validation_api

    validation_api.validate_statistics(statistics, schema)


if __name__ == "__main__":
    typer.run(main)
