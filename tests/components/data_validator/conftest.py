"""Examples artifacts of real taxi trips and of a few rows made by hand."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

Columns = Mapping[str, Iterable[Any]]
WriteExamples = Callable[[Mapping[str, Columns]], str]

_TAXI_COLUMNS = ("fare", "trip_miles", "trip_seconds", "trip_start_hour", "payment_type", "company", "tips")


def to_batch(columns: Columns) -> Any:
    """Plain values, None where missing, as a batch in TFX's Arrow form."""
    import pyarrow as pa

    arrays = []
    for values in columns.values():
        rows = [None if value is None else list(value) if isinstance(value, list) else [value] for value in values]
        flat = [value for row in rows if row for value in row]
        if flat and isinstance(flat[0], str):
            rows = [None if row is None else [value.encode() for value in row] for row in rows]
        element = pa.int64() if flat and isinstance(flat[0], int) else pa.float32()
        if flat and isinstance(flat[0], str):
            element = pa.large_binary()
        arrays.append(pa.array(rows, pa.large_list(element)))
    return pa.RecordBatch.from_arrays(arrays, list(columns))


def write_split(folder: Path, split: str, columns: Columns) -> None:
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import RecordBatchToExamples

    path = folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path), options="GZIP") as writer:
        if columns:
            for serialized in RecordBatchToExamples(to_batch(columns)):
                writer.write(serialized)


@pytest.fixture
def write_examples(tmp_path: Path) -> WriteExamples:
    """Writes columns by split as an Examples artifact's folder; each call makes another."""

    def write(splits: Mapping[str, Columns]) -> str:
        folder = tmp_path / f"examples-{len(list(tmp_path.glob('examples-*')))}"
        for split, columns in splits.items():
            write_split(folder, split, columns)
        return str(folder)

    return write


@pytest.fixture(scope="session")
def taxi_columns(taxi_csv: Path) -> dict[str, list[Any]]:
    """Seven columns of the real trips, in the file's order, None where missing."""
    import pandas as pd

    trips = pd.read_csv(taxi_csv, usecols=list(_TAXI_COLUMNS))
    return {
        name: [
            None if pd.isna(value) else int(value) if name in ("trip_seconds", "trip_start_hour") else value
            for value in trips[name]
        ]
        for name in _TAXI_COLUMNS
    }


@pytest.fixture(scope="session")
def taxi_examples(taxi_columns: dict[str, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The real trips as an Examples artifact: every third is eval."""
    folder = tmp_path_factory.mktemp("taxi")
    for split, keep in {"train": (1, 2), "eval": (0,)}.items():
        write_split(
            folder,
            split,
            {name: [v for row, v in enumerate(values) if row % 3 in keep] for name, values in taxi_columns.items()},
        )
    return str(folder)


@pytest.fixture(scope="session")
def taxi_statistics(taxi_examples: str) -> dict[str, Any]:
    """TFDV statistics of the taxi splits."""
    from weighbridge.components.artifacts.examples import read_batches
    from weighbridge.components.data_validator.statistics import compute_statistics

    return {split: compute_statistics(read_batches(taxi_examples, split)) for split in ("train", "eval")}
