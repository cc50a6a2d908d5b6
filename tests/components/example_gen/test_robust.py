"""What once went wrong, or could go wrong silently."""

from pathlib import Path

import pyarrow as pa
import pytest

from tests.components.example_gen.helpers import one_split, rows, run, write, write_table
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen import readers
from weighbridge.components.example_gen.resolve import resolve
from weighbridge.components.example_gen.splits import Splits

NUMBERS = "id,x\n" + "".join(f"{number},{number * 3}\n" for number in range(500))


def test_a_fraction_in_one_row_moves_no_other_row(tmp_path: Path) -> None:
    run(write(tmp_path / "whole.csv", NUMBERS), tmp_path / "whole")
    run(write(tmp_path / "mixed.csv", NUMBERS + "500,0.5\n"), tmp_path / "mixed")
    for split in ("train", "eval"):
        before = {row["id"] for row in rows(tmp_path / "whole", split)}
        assert before == {row["id"] for row in rows(tmp_path / "mixed", split)} - {500}


def test_the_same_numbers_as_integers_and_as_floats_are_the_same_rows(tmp_path: Path) -> None:
    values = list(range(500))
    whole = run(write_table(tmp_path / "int.parquet", pa.table({"x": values})), tmp_path / "int")
    floats = pa.table({"x": pa.array(values, pa.float64())})
    assert run(write_table(tmp_path / "float.parquet", floats), tmp_path / "float")["splits"] == whole["splits"]


def test_ids_too_long_for_an_integer_stay_apart_as_text(tmp_path: Path) -> None:
    text = "id\n1\n12345678901234567890\n12345678901234567891\n"
    assert one_split(write(tmp_path / "in.csv", text), tmp_path / "out")["columns"] == {"id": "bytes"}
    assert len({row["id"] for row in rows(tmp_path / "out")}) == 3


def test_a_number_beyond_int64_is_refused_and_not_wrapped(tmp_path: Path) -> None:
    path = write_table(tmp_path / "in.parquet", pa.table({"x": pa.array([2**63 + 1], pa.uint64())}))
    with pytest.raises(UsageError, match=r"column 'x' of .* holds what no int64 can"):
        one_split(path, tmp_path / "out")


def test_a_column_twice_is_refused_in_any_format(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"])
    with pytest.raises(UsageError, match="column 'x' twice"):
        one_split(write_table(tmp_path / "in.parquet", table), tmp_path / "out")


def test_a_feature_that_only_the_schema_has_is_not_listed_as_a_column(tmp_path: Path) -> None:
    schema = 'feature { name: "x" type: INT } feature { name: "y" type: FLOAT }'
    summary = one_split(write(tmp_path / "in.csv", "x\n1\n"), tmp_path / "out", schema_text=schema)
    assert summary["columns"] == {"x": "int64"}


def test_times_in_text_are_compared_as_times(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "id,at\n1,2010-02-28 23:59\n2,2010-03-01 00:00\n3,2010-03-01T00:00\n")
    splits = Splits(time_column="at", time_splits={"train": None, "eval": "2010-03-01T00:00"})
    run(path, tmp_path / "out", splits=splits)
    assert [row["id"] for row in rows(tmp_path / "out", "train")] == [1]
    assert [row["id"] for row in rows(tmp_path / "out", "eval")] == [2, 3]


def test_times_in_another_notation_are_refused_and_not_split_wrongly(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "id,at\n1,12/31/2009\n2,01/01/2011\n")
    splits = Splits(time_column="at", time_splits={"train": None, "eval": "2010-06-01"})
    with pytest.raises(UsageError, match="not an ISO time"):
        run(path, tmp_path / "out", splits=splits)


def test_addresses_that_cannot_be_read_say_so() -> None:
    with pytest.raises(UsageError, match="is not an address that can be read"):
        resolve("s3://bucket/x.csv")


def test_many_late_changes_of_type_cost_two_more_readings_and_not_one_each(tmp_path: Path, monkeypatch) -> None:
    names = [f"c{number}" for number in range(12)]
    early = [",".join(["1"] * 12)] * 400
    late = [",".join("0.5" if column == row else "1" for column in range(12)) for row in range(12)]
    path = write(tmp_path / "in.csv", "\n".join([",".join(names), *early, *late]) + "\n")
    monkeypatch.setattr(readers, "BLOCK_BYTES", 1000)
    opened = []
    real = readers._open
    monkeypatch.setattr(readers, "_open", lambda path: opened.append(path) or real(path))
    summary = one_split(path, tmp_path / "out")
    assert summary["columns"] == dict.fromkeys(names, "float")
    assert summary["splits"]["all"]["rows"] == 412
    assert len(opened) <= 5
