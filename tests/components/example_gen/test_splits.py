"""Splits by hash, by key and by time."""

import datetime
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from tests.components.example_gen.helpers import quarantined, rows, run, write, write_table
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.splits import Splits


def test_key_decides(taxi_csv: Path, tmp_path: Path) -> None:
    splits = Splits(weights={"train": 8, "eval": 1, "test": 1}, key_columns=("company", "payment_type"))
    summary = run(taxi_csv, tmp_path, splits=splits)
    keys = {
        name: {(row.get("company"), row.get("payment_type")) for row in rows(tmp_path, name)} for name in splits.names
    }
    assert not keys["train"] & keys["eval"]
    assert not keys["train"] & keys["test"]
    assert not keys["eval"] & keys["test"]
    assert (None, b"Cash") in set().union(*keys.values())
    assert all(split["rows"] > 0 for split in summary["splits"].values())


def test_shares(taxi_csv: Path, tmp_path: Path) -> None:
    summary = run(taxi_csv, tmp_path, splits={"train": 70, "eval": 20, "test": 10})
    shares = {name: split["rows"] / 15_002 for name, split in summary["splits"].items()}
    assert shares == pytest.approx({"train": 0.7, "eval": 0.2, "test": 0.1}, abs=0.015)


def test_key_column_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n1,2\n")
    with pytest.raises(UsageError, match="Key column 'customer' is not in the data"):
        run(path, tmp_path / "out", splits=Splits(key_columns=("customer",)))
    run(path, tmp_path / "examples", splits={"all": 1})
    with pytest.raises(UsageError, match="Key column 'customer' is not in the data"):
        run(tmp_path / "examples", tmp_path / "out", splits=Splits(key_columns=("customer",)))


def test_key_that_is_missing_in_a_whole_file(tmp_path: Path) -> None:
    write(tmp_path / "in/1.csv", "a,b\n1,\n2,\n")
    write(tmp_path / "in/2.csv", "a,b\n3,x\n")
    summary = run(tmp_path / "in", tmp_path / "out", splits=Splits(weights={"all": 1}, key_columns=("b",)))
    assert summary["splits"]["all"]["rows"] == 3


def by_time(**starts: Any) -> Splits:
    return Splits(time_column="at", time_splits=starts)


def seconds(*values: int | None) -> list[datetime.datetime | None]:
    start = datetime.datetime(2010, 6, 1)
    return [None if value is None else start + datetime.timedelta(seconds=value) for value in values]


@pytest.mark.parametrize("name", ["in.parquet", "in.csv"])
def test_times(name: str, tmp_path: Path) -> None:
    times = seconds(-86_400, -1, 0, 1, None)
    if name == "in.parquet":
        table = pa.table({"id": [0, 1, 2, 3, 4], "at": pa.array(times, pa.timestamp("ms"))})
    else:
        texts = [None if time is None else time.isoformat() for time in times]
        table = pa.table({"id": [0, 1, 2, 3, 4], "at": texts})
    path = write_table(tmp_path / name, table)
    summary = run(path, tmp_path / "out", splits=by_time(train=None, eval="2010-06-01"), allowed=0.5)
    assert [row["id"] for row in rows(tmp_path / "out", "train")] in ([0, 1], [1, 0])
    assert {row["id"] for row in rows(tmp_path / "out", "train")} == {0, 1}
    assert {row["id"] for row in rows(tmp_path / "out", "eval")} == {2, 3}  # the start is inclusive
    [line] = quarantined(tmp_path / "out")
    assert line["reason"] == "the time that decides on the split is missing"
    assert summary["quarantined_rows"] == 1
    assert summary["total_rows"] == 5


def test_numbers_as_times(tmp_path: Path) -> None:
    table = pa.table({"id": list(range(6)), "at": [1.0, 9.5, float("nan"), 10.0, 20.0, None]})
    path = write_table(tmp_path / "in.parquet", table)
    run(path, tmp_path / "out", splits=by_time(train=None, eval=10, test=15.5), allowed=0.5)
    found = {name: {row["id"] for row in rows(tmp_path / "out", name)} for name in ("train", "eval", "test")}
    assert found == {"train": {0, 1}, "eval": {3}, "test": {4}}
    assert len(quarantined(tmp_path / "out")) == 2


def test_file_without_any_time(tmp_path: Path) -> None:
    write(tmp_path / "in/1.csv", "id,at\n0,\n1,\n")
    write(tmp_path / "in/2.csv", "id,at\n2,5\n3,15\n")
    summary = run(tmp_path / "in", tmp_path / "out", splits=by_time(train=None, eval=10), allowed=0.5)
    assert summary["quarantined_rows"] == 2
    assert {line["file"] for line in quarantined(tmp_path / "out")} == {str(tmp_path / "in/1.csv")}


def test_wrong_times(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "id,at\n1,2010-01-01\n2,2011-01-01\n")
    with pytest.raises(UsageError, match="'when' is not in the data"):
        run(path, tmp_path / "out", splits=Splits(time_column="when", time_splits={"a": None, "b": 1}))
    with pytest.raises(UsageError, match="holds text, but time_splits starts at 5"):
        run(path, tmp_path / "out", splits=by_time(a=None, b=5))
    with pytest.raises(UsageError, match=r"Split 'b' .* is empty"):
        run(path, tmp_path / "out", splits=by_time(a=None, b="2012-01-01"))
    table = pa.table({"at": pa.array(seconds(0, 1), pa.timestamp("us"))})
    with pytest.raises(UsageError, match="'June' is not a time"):
        run(write_table(tmp_path / "in.parquet", table), tmp_path / "out", splits=by_time(a=None, b="June"))


def test_empty_split(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is empty: 1 rows are too few"):
        run(write(tmp_path / "in.csv", "a\n1\n"), tmp_path / "out")


@pytest.mark.parametrize(
    "values",
    [
        {"weights": {}},
        {"weights": {"train": 0}},
        {"weights": {"../train": 1}},
        {"time_column": "at"},
        {"time_splits": {"a": None, "b": 1}},
        {"time_column": "at", "time_splits": {"a": 0, "b": 1}},
        {"time_column": "at", "time_splits": {}},
        {"time_end": "2010-06-01"},
        {"time_column": "at", "time_splits": {"a": None}, "time_end": "-7d"},
        {"time_column": "at", "time_splits": {"a": None, "b": 2}, "time_end": "2010-06-01"},
        {"time_column": "at", "time_splits": {"a": None, "b": 2}, "time_end": 2},
        {"time_column": "at", "time_splits": {"a": None, "b": "-7d"}, "time_end": 2},
        {"time_column": "at", "time_splits": {"a": None, "b": "-7d", "c": "-2w"}},
        {"time_column": "at", "time_splits": {"a": None, "b": "-7d", "c": "-1w"}},
        {"time_column": "at", "time_splits": {"a": None, "b": "2010-06-01T00:30+01:00", "c": "2010-05-31T23:00"}},
        {"time_column": "at", "time_splits": {"a": None, "b": 2, "c": 1}},
        {"time_column": "at", "time_splits": {"a": None, "b": 2, "c": "2010"}},
        {"weight": {"train": 1}},
    ],
    ids=json.dumps,
)
def test_splits_without_sense(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Splits(**values)
