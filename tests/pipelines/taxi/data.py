"""Taxi examples and statistics in TFX's form, made from the CSV without any component of ours but the statistics."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from weighbridge.pipelines.taxi import features

SCHEMA_FILE = Path(features.__file__).with_name("schema.pbtxt")


def trips(path: Path) -> pa.Table:
    """The raw rows with the label, missing text as null."""
    table = csv.read_csv(path, convert_options=csv.ConvertOptions(strings_can_be_null=True, null_values=[""]))
    return pa.Table.from_batches([features.prepare(batch) for batch in table.combine_chunks().to_batches()])


def write_examples(table: pa.Table, folder: Path) -> Path:
    """Two thirds of the rows as split `train`, one third as `eval`, below `folder`."""
    index = pa.array(range(table.num_rows))
    is_eval = pc.equal(pc.subtract(index, pc.multiply(pc.divide(index, 3), 3)), 0)
    write_split(table.filter(pc.invert(is_eval)), folder, "train")
    write_split(table.filter(is_eval), folder, "eval")
    return folder


def write_split(table: pa.Table, folder: Path, split: str) -> None:
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    path = folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for batch in table.to_batches(max_chunksize=4096):
            columns = [_as_lists(column) for column in batch.columns]
            lists = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
            for example in RecordBatchToExamplesEncoder().encode(lists):
                writer.write(example)


def _as_lists(column: pa.Array) -> pa.Array:
    types = {"double": pa.float32(), "string": pa.binary()}
    values = column.cast(types.get(str(column.type), column.type))
    there = pc.is_valid(values).to_pylist()
    offsets = [0]
    for valid in there:
        offsets.append(offsets[-1] + valid)
    starts = [None if not valid else offset for offset, valid in zip(offsets, there, strict=False)]
    return pa.ListArray.from_arrays(pa.array([*starts, offsets[-1]], pa.int32()), values.drop_null())


def write_statistics(examples: Path, path: Path, *, schema_file: Path = SCHEMA_FILE) -> Path:
    """Statistics of the train split, as DataValidator computes them."""
    from weighbridge.components.artifacts.examples import read_batches
    from weighbridge.components.data_validator import schema, statistics

    reviewed = schema.parse_schema(schema_file.read_text()) if schema_file.exists() else None
    computed = statistics.compute_statistics(read_batches(str(examples), "train"), schema=reviewed)
    return statistics.write_statistics(path, computed)
