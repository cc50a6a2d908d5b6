"""Files of very many columns: their small blocks are put together before each column is looked at."""

from pathlib import Path

import pyarrow as pa
import pytest

from tests.components.example_gen.helpers import one_split, rows, write
from weighbridge.components.example_gen import generate, readers, reading
from weighbridge.components.example_gen.reading import joined


def batch(*values: int | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(values, pa.int64() if any(values) else None)], ["a"])


def test_batches_are_joined_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_JOINED_ROWS", 4)
    given = [batch(1), batch(2), batch(None), batch(None), batch(3), batch(4, 5, 6), batch(7), batch(*range(1, 9))]
    found = [each.column(0).to_pylist() for each in joined(given)]
    assert found == [[1, 2], [None, None], [3, 4, 5, 6], [7], list(range(1, 9))]
    assert list(joined([])) == []


def test_small_blocks_are_processed_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BLOCK_BYTES", 1_000)
    counts = []
    real = generate.Processor.__call__
    monkeypatch.setattr(
        generate.Processor,
        "__call__",
        lambda self, part, at: counts.append(part.num_rows) or real(self, part, at),
    )
    path = write(tmp_path / "in.csv", "a,b\n" + "".join(f"{number},x\n" for number in range(1, 5_000)))
    one_split(path, tmp_path / "out")
    assert sum(counts) == 4_999
    assert len(counts) == 1
    assert {row["a"] for row in rows(tmp_path / "out")} == set(range(1, 5_000))
