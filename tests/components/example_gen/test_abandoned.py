"""A CSV file that is not read to its end, as when only its columns are asked for."""

from pathlib import Path

import pytest

from weighbridge.components.example_gen import readers
from weighbridge.components.example_gen.infer import columns_of
from weighbridge.components.example_gen.process import ReadRequest


def test_a_reader_that_is_left_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrow's thread, reading ahead, wanted Python's lock from whoever waited for that thread."""
    monkeypatch.setattr(readers, "BLOCK_BYTES", 1 << 12)
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "".join(f"{number},x{number}\n" for number in range(20_000)))
    for _ in range(300):
        assert columns_of(str(path), ReadRequest(input=str(path)), "csv") == ("a", "b")
