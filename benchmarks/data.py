"""Taxi trips in any number: the packaged rows again and again, with jitter, so that nothing is simply a repetition."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from weighbridge.components.example_gen.resolve import resolve
from weighbridge.pipelines.taxi.pipeline import TRIPS

_NO_HEADER = csv.WriteOptions(include_header=False)
_JITTERED = ("fare", "trip_miles", "trip_seconds")


def write_trips(path: Path, rows: int, seed: int = 0) -> Path:
    """Write `rows` trips as CSV; up to the number of the packaged ones these are taken as they are."""
    packaged = csv.read_csv(resolve(TRIPS).files[0])
    random = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file, csv.CSVWriter(file, packaged.schema, write_options=_NO_HEADER) as writer:
        # Arrow quotes the header, and stock CsvExampleGen would take the quotes for part of the names.
        file.write(f"{','.join(packaged.schema.names)}\n".encode())
        written = 0
        while written < rows:
            part = packaged.slice(0, min(rows - written, packaged.num_rows))
            writer.write_table(part if not written else _jittered(part, random))
            written += part.num_rows
    return path


def _jittered(table: pa.Table, random: np.random.Generator) -> pa.Table:
    for name in _JITTERED:
        column = table.column(name)
        factors = random.uniform(0.95, 1.05, table.num_rows)
        values = column.to_numpy() * factors
        array = pa.array(values.round(2), mask=np.isnan(values)).cast(column.type, safe=False)
        table = table.set_column(table.schema.get_field_index(name), name, array)
    return table
