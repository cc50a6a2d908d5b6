"""The same rows give the same splits and digests, whatever file, format, order or partition they come in."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from tests.components.example_gen.helpers import one_split, outcome, rows, run, write, write_table
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen import readers


@pytest.fixture(scope="module")
def taxi(taxi_csv: Path) -> pa.Table:
    # As our own reader types it: the digests below must not depend on who parsed the text.
    return csv.read_csv(taxi_csv, convert_options=csv.ConvertOptions(strings_can_be_null=True))


@pytest.fixture(scope="module")
def expected(taxi_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    folder = tmp_path_factory.mktemp("expected")
    summary = run(taxi_csv, folder)
    assert summary["total_rows"] == sum(split["rows"] for split in summary["splits"].values()) == 15_002
    assert summary["quarantined_rows"] == 0
    assert summary["splits"]["train"]["rows"] == pytest.approx(10_000, abs=300)
    return outcome(folder, summary)


@pytest.mark.parametrize("name", ["taxi.csv.gz", "taxi.parquet", "taxi.pq.parquet", "taxi.orc"])
def test_other_formats(taxi: pa.Table, expected: tuple[Any, ...], name: str, tmp_path: Path) -> None:
    summary = run(write_table(tmp_path / "in" / name, taxi), tmp_path / "out")
    assert outcome(tmp_path / "out", summary) == expected


def test_own_output_read_again(taxi_csv: Path, expected: tuple[Any, ...], tmp_path: Path) -> None:
    run(taxi_csv, tmp_path / "first", splits={"a": 1, "b": 5, "c": 2})
    summary = run(tmp_path / "first", tmp_path / "second")
    assert outcome(tmp_path / "second", summary) == expected


def test_shuffled_rows_and_columns_in_files_of_any_size(
    taxi: pa.Table, expected: tuple[Any, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(7)
    shuffled = taxi.take(random.permutation(len(taxi)))
    cuts = [0, 1, 2_000, 2_001, 9_000, len(taxi)]
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        part = shuffled.slice(start, end - start).select(list(random.permutation(taxi.column_names)))
        write_table(tmp_path / f"in/{9 - number}.csv", part)
    monkeypatch.setattr(readers, "BLOCK_BYTES", 50_000)
    summary = run(tmp_path / "in", tmp_path / "out")
    assert outcome(tmp_path / "out", summary) == expected
    assert [Path(file["path"]).name for file in summary["files"]] == ["5.csv", "6.csv", "7.csv", "8.csv", "9.csv"]


def test_online_retail(online_retail: Path, tmp_path: Path) -> None:
    table = parquet.read_table(online_retail).slice(0, 20_000)
    first = run(write_table(tmp_path / "one.parquet", table), tmp_path / "first")
    reversed_ = table.take(np.arange(len(table))[::-1])
    for number in range(4):
        write_table(tmp_path / f"parts/{number}.parquet", reversed_.slice(number * 5_000, 5_000))
    second = run(tmp_path / "parts/*.parquet", tmp_path / "second")
    assert outcome(tmp_path / "first", first) == outcome(tmp_path / "second", second)
    assert first["total_rows"] == 20_000


@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz"])
def test_quoted_newlines_and_commas(name: str, tmp_path: Path) -> None:
    text = 'id,text\n1,"two\nlines, and a ""quote"""\n2,"Zürich 🚕"\n3,\n4,""\n'
    summary = one_split(write(tmp_path / name, text), tmp_path / "out")
    assert summary["columns"] == {"id": "int64", "text": "bytes"}
    assert rows(tmp_path / "out") == [
        {"id": 1, "text": b'two\nlines, and a "quote"'},
        {"id": 2, "text": "Zürich 🚕".encode()},
        {"id": 3},
        {"id": 4},  # quoted or not, an empty field is a missing value
    ]


def test_byte_order_mark_windows_lines_and_blank_lines(tmp_path: Path) -> None:
    one_split(write(tmp_path / "in.csv", "\ufeff\r\na,b\r\n1,x\r\n\r\n2,y\r\n"), tmp_path / "out")
    assert rows(tmp_path / "out") == [{"a": 1, "b": b"x"}, {"a": 2, "b": b"y"}]


def test_an_index_that_pandas_wrote_without_a_name_is_named_as_pandas_reads_it(tmp_path: Path) -> None:
    one_split(write(tmp_path / "in.csv", ",a\n0,x\n1,y\n"), tmp_path / "out")
    assert rows(tmp_path / "out") == [{"Unnamed: 0": 0, "a": b"x"}, {"Unnamed: 0": 1, "a": b"y"}]
    one_split(write(tmp_path / "in.csv", ",a\n0,x\n1,y\n"), tmp_path / "new", columns={"Unnamed: 0": "row"})
    assert rows(tmp_path / "new")[1] == {"row": 1, "a": b"y"}


def test_empty_quoted_number_is_missing(tmp_path: Path) -> None:
    one_split(write(tmp_path / "in.csv", '"a","b"\n"1","x"\n"","y"\n'), tmp_path / "out")
    assert rows(tmp_path / "out") == [{"a": 1, "b": b"x"}, {"b": b"y"}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,b\n", "no rows"),
        ("a,b,a\n1,2,3\n", "'a' twice"),
        ("a,,c\n1,2,3\n", "without a name"),
        (",Unnamed: 0\n1,2\n", "without a name"),
    ],
)
@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz"])
def test_csv_without_sense(text: str, told: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=told):
        one_split(write(tmp_path / name, text), tmp_path / "out")


def test_files_with_other_columns(tmp_path: Path) -> None:
    write(tmp_path / "in/1.csv", "a,b\n1,2\n")
    write(tmp_path / "in/2.csv", "a,c\n1,2\n")
    with pytest.raises(UsageError, match=r"2\.csv are not those of .*1\.csv: it lacks b and has c besides"):
        one_split(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize(
    "name", ["in.csv.gz", "in.parquet", "in.orc", "data_tfrecord-00000-of-00001.gz", "in.tfrecord"]
)
def test_damaged_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"nothing of the kind, and long enough to be read as one")
    with pytest.raises(UsageError, match="cannot be read"):
        one_split(tmp_path / name, tmp_path / "out")


def test_truncated_gz(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv.gz", "a,b\n" + "".join(f"{n},{n * n}\n" for n in range(5_000)))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UsageError, match=r"in\.csv\.gz cannot be read as csv"):
        one_split(path, tmp_path / "out")


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes("a,b\n1,Zürich\n".encode("latin-1"))
    with pytest.raises(UsageError, match=r"UTF8|UTF-8"):
        one_split(tmp_path / "in.csv", tmp_path / "out")


def test_what_an_earlier_attempt_left_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "bad.csv", "a\n1\n2,3\n")
    one_split(tmp_path / "bad.csv", tmp_path / "out", allowed=0.9)
    one_split(write(tmp_path / "good.csv", "a\n7\n"), tmp_path / "out")
    assert rows(tmp_path / "out") == [{"a": 7}]
    assert not (tmp_path / "out/quarantine").exists()
