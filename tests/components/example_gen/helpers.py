"""Ways to make inputs in every format, and to look at what came of them."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, orc, parquet

from weighbridge.components.artifacts.examples import read_batches, read_files, split_files
from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.components.example_gen.generate import generate
from weighbridge.components.example_gen.process import ReadRequest
from weighbridge.components.example_gen.splits import Splits


def run(input: Path | str, folder: Path, *, allowed: float = 0.0, **request: Any) -> dict[str, Any]:
    """`generate` with few words; the summary as it is in its file."""
    if isinstance(request.get("splits"), dict):
        request["splits"] = Splits(weights=request["splits"])
    gates = ExamplesGates(max_quarantined_fraction=allowed)
    return generate(ReadRequest(input=str(input), **request), folder, gates).model_dump(mode="json")


def one_split(input: Path | str, folder: Path, **request: Any) -> dict[str, Any]:
    """`generate` into the single split `all`, for small inputs."""
    return run(input, folder, splits={"all": 1}, **request)


def write(path: Path, text: str) -> Path:
    """Write text, compressed where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_table(path: Path, table: pa.Table) -> Path:
    """Write a table in the format of the path's name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(".parquet"):
        parquet.write_table(table, path)
    elif path.name.endswith(".orc"):
        orc.write_table(table, path)
    else:
        csv.write_csv(table, path)
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(path.read_bytes()))
    return path


def rows(folder: Path, split: str = "all") -> list[dict[str, Any]]:
    """Rows of a split in a stable order; a missing value is an absent name, a single one stands without its list.

    They are read from the columns, and must be the same in the TFRecord files.
    """
    found = _plain(read_batches(str(folder), split))
    decoded = _plain(read_files(split_files(str(folder), split), None, 1000))
    assert [repr(row) for row in found] == [repr(row) for row in decoded]  # NaN is not NaN, but reads the same
    return found


def _plain(batches: Iterable[pa.RecordBatch]) -> list[dict[str, Any]]:
    found = [
        {name: row[name][0] if len(row[name]) == 1 else row[name] for name in sorted(row) if row[name]}
        for batch in batches
        for row in batch.to_pylist()
    ]
    return sorted(found, key=lambda row: repr(sorted(row.items())))


def quarantined(folder: Path) -> list[dict[str, Any]]:
    """Lines of the quarantine file."""
    path = folder / "quarantine/rows.jsonl.gz"
    return [json.loads(line) for line in gzip.open(path, "rt")] if path.exists() else []


def outcome(folder: Path, summary: dict[str, Any]) -> tuple[Any, ...]:
    """What must be equal for equal data: digests, counts, columns and rows."""
    splits = summary["splits"]
    return summary["content_digest"], splits, summary["columns"], {name: rows(folder, name) for name in splits}
