"""Types, missing values and malformed rows."""

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from tests.components.example_gen.helpers import one_split, quarantined, rows, run, write, write_table
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen import feature_types, readers
from weighbridge.verdict import read_gates

SCHEMA = 'feature { name: "a" type: INT } feature { name: "b" type: FLOAT } feature { name: "c" type: BYTES }'


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BLOCK_BYTES", 1_000)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("last", "kind"), [("7", "int64"), ("0.5", "float"), ("1e3", "float"), ("n/a", "bytes")])
def test_last_row_decides_on_the_type(last: str, kind: str, tmp_path: Path) -> None:
    text = "a,b\n" + "".join(f"{n},x\n" for n in range(3_000)) + f"{last},y\n"
    summary = one_split(write(tmp_path / "in.csv", text), tmp_path / "out")
    assert summary["columns"] == {"a": kind, "b": "bytes"}
    assert summary["total_rows"] == 3_001
    found = {row["a"] for row in rows(tmp_path / "out") if row["b"] == b"x"}
    convert: Callable[[int], object] = {"int64": int, "float": float, "bytes": lambda n: str(n).encode()}[kind]
    assert found == {convert(n) for n in range(3_000)}
    assert {type(value) for value in found} == {type(convert(0))}


@pytest.mark.usefixtures("small_blocks")
def test_column_whose_values_begin_late(tmp_path: Path) -> None:
    write(tmp_path / "in/1.csv", "a,b\n" + "1,\n" * 2_000)
    write(tmp_path / "in/2.csv", "a,b\n2,3\n,0.5\n")
    summary = one_split(tmp_path / "in", tmp_path / "out")
    assert summary["columns"] == {"a": "int64", "b": "float"}
    assert rows(tmp_path / "out")[-2:] == [{"a": 2, "b": 3.0}, {"b": 0.5}]


def test_column_without_any_value_is_absent(tmp_path: Path) -> None:
    summary = one_split(write(tmp_path / "in.csv", "a,b\n1,\n2,\n"), tmp_path / "out")
    assert summary["columns"] == {"a": "int64"}


def test_schema_quarantines_what_is_not_of_its_type(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b,c\n1,1,7\nx,2,8\n3,many,9\n,,\n4.5,4,10\n")
    summary = one_split(path, tmp_path / "out", schema_text=SCHEMA, allowed=0.9)
    assert rows(tmp_path / "out") == [{"a": 1, "b": 1.0, "c": b"7"}, {}]
    assert quarantined(tmp_path / "out") == [
        {"file": str(path), "row": 3, "reason": "a is 'x', expected a whole number", "line": "x,2,8"},
        {"file": str(path), "row": 4, "reason": "b is 'many', expected a number", "line": "3,many,9"},
        {"file": str(path), "row": 6, "reason": "a is '4.5', expected a whole number", "line": "4.5,4,10"},
    ]
    assert (summary["total_rows"], summary["quarantined_rows"]) == (5, 3)
    assert summary["columns"] == {"a": "int64", "b": "float", "c": "bytes"}


def test_without_schema_the_column_becomes_text(tmp_path: Path) -> None:
    summary = one_split(write(tmp_path / "in.csv", "a,b\n1,2\nx,3\n"), tmp_path / "out")
    assert summary["columns"] == {"a": "bytes", "b": "int64"}
    assert rows(tmp_path / "out") == [{"a": b"1", "b": 2}, {"a": b"x", "b": 3}]


def test_wrong_number_of_fields(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", 'a,b\n1,2\n"3\nstill row 3",4,5\n6,7\n8\n9,10\n')
    one_split(path, tmp_path / "out", allowed=0.5)
    assert quarantined(tmp_path / "out") == [
        {"file": str(path), "row": 3, "reason": "3 fields, expected 2", "line": '"3\nstill row 3",4,5'},
        {"file": str(path), "row": 5, "reason": "1 fields, expected 2", "line": "8"},
    ]
    assert rows(tmp_path / "out") == [{"a": 1, "b": 2}, {"a": 6, "b": 7}, {"a": 9, "b": 10}]


def test_a_quarantined_row_can_be_mended_from_its_line(tmp_path: Path) -> None:
    odd = ['"a, b"', "many", '"5 "" wide\u2028\x85"', ""]
    path = write(tmp_path / "in.csv", "name,quantity,text,none\nx,1,y,1\n" + ",".join(odd) + "\n")
    schema = 'feature { name: "quantity" type: INT }'
    one_split(path, tmp_path / "out", schema_text=schema, allowed=0.9)
    [told] = quarantined(tmp_path / "out")
    assert (told["row"], told["reason"]) == (3, "quantity is 'many', expected a whole number")
    mended = write(tmp_path / "mended.csv", f"name,quantity,text,none\n{told['line'].replace('many', '7')}\n")
    one_split(mended, tmp_path / "again", schema_text=schema)
    assert rows(tmp_path / "again") == [{"name": b"a, b", "quantity": 7, "text": '5 " wide\u2028\x85'.encode()}]


def test_of_an_endless_line_only_the_beginning_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", f"a,b\n1,2\n{'x' * 50_000}\n")
    one_split(path, tmp_path / "out", allowed=0.9)
    assert quarantined(tmp_path / "out")[0]["line"] == "x" * 10_000


def test_text_in_a_parquet_column_of_numbers_is_told(tmp_path: Path) -> None:
    path = write_table(tmp_path / "in.parquet", pa.table({"a": ["1", "many"]}))
    with pytest.raises(UsageError, match=r"Column 'a' is text in .*in\.parquet, but a whole number"):
        one_split(path, tmp_path / "out", schema_text=SCHEMA)


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n1,2\n\n\n3\n\n4,5\n6,7,8\nx,1\n")
    one_split(path, tmp_path / "out", schema_text='feature { name: "a" type: INT }', allowed=0.9)
    assert [line["row"] for line in quarantined(tmp_path / "out")] == [3, 5, 6]


@pytest.mark.usefixtures("small_blocks")
def test_row_numbers_over_many_blocks(tmp_path: Path) -> None:
    def line(number: int) -> str:
        if number in short or 1_500 <= number < 2_000:  # also whole blocks of them
            return f"{number}\n"
        return f"{'x' if number in words else number},{number}\n"

    short, words = {2, 3, 700, 701, 2_400, 3_001}, {4, 650, 702, 1_499, 2_000, 2_999}
    path = write(tmp_path / "in.csv", "a,b\n" + "".join(map(line, range(2, 3_002))))
    schema = 'feature { name: "a" type: INT }'
    one_split(path, tmp_path / "out", schema_text=schema, allowed=0.9)
    assert sorted(line["row"] for line in quarantined(tmp_path / "out")) == sorted(
        short | words | set(range(1_500, 2_000))
    )
    assert len(rows(tmp_path / "out")) == 3_000 - 6 - 6 - 500


@pytest.mark.parametrize(
    ("bad", "allowed", "passed"),
    [(0, 0.0, True), (1, 0.0, False), (1, 0.1, True), (2, 0.1, False), (10, 0.99, False)],
)
def test_gate_on_quarantined_rows(bad: int, allowed: float, passed: bool, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n" + "1,2\n" * (10 - bad) + "1,2,3\n" * bad)
    summary = one_split(path, tmp_path / "out", allowed=allowed)
    gate, _ = read_gates(tmp_path / "out")
    assert gate.name == "examples.quarantined_fraction.max"
    assert gate.passed is passed
    assert gate.refuses is not passed
    assert gate.observed == pytest.approx(bad / 10)
    assert gate.threshold == allowed
    assert json.loads((tmp_path / "out/summary.json").read_text()) == summary
    assert summary["splits"]["all"]["rows"] == 10 - bad


def test_summary(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n1,x\n2,y\n")
    summary = one_split(path, tmp_path / "out")
    assert json.loads((tmp_path / "out/summary.json").read_text()) == summary
    [file] = summary["files"]
    assert file["path"] == str(path)
    assert file["bytes"] == path.stat().st_size
    assert file["sha256"].startswith("sha256:")
    assert summary["span"] is None
    assert summary["content_digest"].startswith("sha256:")
    assert [path.name for path in (tmp_path / "out/Split-all").iterdir()] == ["data_tfrecord-00000-of-00001.gz"]


def test_parquet_types(tmp_path: Path) -> None:
    moment = datetime.datetime(2010, 6, 1, 12, 0, 0, 250_000)
    zoned = moment.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    microseconds = int(moment.replace(tzinfo=datetime.UTC).timestamp() * 1_000_000)
    table = pa.table(
        {
            "id": pa.array([1, 2], pa.int16()),
            "flag": pa.array([True, None]),
            "amount": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)),
            "name": pa.array(["a", None]).dictionary_encode(),
            "big": pa.array(["b", None], pa.large_string()),
            "at": pa.array([moment, None], pa.timestamp("ns")),
            "zoned": pa.array([zoned, None], pa.timestamp("ms", "Europe/Berlin")),
            "day": pa.array([moment.date(), None], pa.date32()),
            "numbers": pa.array([[1, 2, 3], []], pa.list_(pa.int32())),
            "words": pa.array([["x", "y"], None], pa.list_(pa.string())),
            "nothing": pa.nulls(2),
        }
    )
    summary = one_split(write_table(tmp_path / "in.parquet", table), tmp_path / "out")
    assert rows(tmp_path / "out") == [
        {
            "id": 1,
            "flag": 1,
            "amount": 1.5,
            "name": b"a",
            "big": b"b",
            "at": microseconds,
            "zoned": microseconds - 2 * 3600 * 1_000_000,
            "day": 14_761 * 86_400 * 1_000_000,
            "numbers": [1, 2, 3],
            "words": [b"x", b"y"],
        },
        {"id": 2},
    ]
    again = one_split(tmp_path / "out", tmp_path / "again")
    assert again["content_digest"] == summary["content_digest"]
    assert again["columns"] == summary["columns"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([{"x": 1}]),
        pa.array([[[1]]]),
        pa.array([datetime.timedelta(1)]),
        pa.array([datetime.time(12)]),
    ],
    ids=["struct", "nested list", "duration", "time of day"],
)
def test_type_that_no_example_can_hold(column: pa.Array, tmp_path: Path) -> None:
    path = write_table(tmp_path / "in.parquet", pa.table({"odd": column}))
    with pytest.raises(UsageError, match=r"column 'odd' of .*in\.parquet is of type"):
        one_split(path, tmp_path / "out")


def test_list_with_a_missing_element(tmp_path: Path) -> None:
    path = write_table(tmp_path / "in.parquet", pa.table({"a": [[1, None], [2]]}))
    with pytest.raises(UsageError, match=r"column 'a' of .* holds lists with missing elements"):
        one_split(path, tmp_path / "out")


def test_parquet_files_of_several_types(tmp_path: Path) -> None:
    write_table(tmp_path / "in/1.parquet", pa.table({"a": [1, 2]}))
    write_table(tmp_path / "in/2.parquet", pa.table({"a": [0.5]}))
    summary = one_split(tmp_path / "in", tmp_path / "out")
    assert summary["columns"] == {"a": "float"}
    assert rows(tmp_path / "out") == [{"a": 0.5}, {"a": 1.0}, {"a": 2.0}]
    write_table(tmp_path / "in/3.parquet", pa.table({"a": ["x"]}))
    with pytest.raises(UsageError, match=r"Column 'a' is .* in .*parquet, but .* before or in the schema"):
        one_split(tmp_path / "in", tmp_path / "out")


def test_parquet_against_the_schema(tmp_path: Path) -> None:
    path = write_table(tmp_path / "in.parquet", pa.table({"a": [0.5]}))
    with pytest.raises(UsageError, match=r"'a' of .* holds floats, but the schema says INT"):
        one_split(path, tmp_path / "out", schema_text=SCHEMA)
    path = write_table(tmp_path / "in.parquet", pa.table({"b": [1]}))
    assert one_split(path, tmp_path / "out", schema_text=SCHEMA)["columns"]["b"] == "float"


def test_schema_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="schema cannot be read"):
        one_split(write(tmp_path / "in.csv", "a\n1\n"), tmp_path / "out", schema_text="feature {{")


def double(batch: pa.RecordBatch) -> pa.RecordBatch:
    values = [None if value is None else 2 * value for value in batch.column(0).to_pylist()]
    return pa.RecordBatch.from_arrays([pa.array(values), pa.array(["k"] * len(values))], ["twice", "key"])


def failing(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.column(17)


def wrong_type(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.to_pandas()


def test_prepare_fn(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n1,x\n2,y\n")
    summary = one_split(path, tmp_path / "out", prepare_fn=f"{__name__}.double")
    assert rows(tmp_path / "out") == [{"key": b"k", "twice": 2}, {"key": b"k", "twice": 4}]
    assert summary["columns"] == {"key": "bytes", "twice": "int64"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("failing", r"prepare_fn='.*failing' failed on .*in\.csv: IndexError"),
        ("wrong_type", "returned DataFrame, expected a pyarrow.RecordBatch"),
        ("absent", "absent"),
    ],
)
def test_prepare_fn_that_fails(name: str, told: str, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n1,x\n")
    with pytest.raises(UsageError, match=told):
        run(path, tmp_path / "out", prepare_fn=f"{__name__}.{name}")


def test_a_few_bad_values_among_many_cost_few_casts(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{number}.5" for number in range(5_000)]
    bad = {7: "many", 2_500: "", 2_501: "few", 4_999: "n/a"}
    for row, text in bad.items():
        texts[row] = text
    calls = []
    real = feature_types._cast
    monkeypatch.setattr(feature_types, "_cast", lambda column, kind: calls.append(len(column)) or real(column, kind))
    found = feature_types.FeatureTypes({"a": "float"}, frozenset({"a"}))
    batch = pa.RecordBatch.from_arrays([pa.array([text or None for text in texts])], ["a"])
    typed, told = feature_types.cast_texts(batch, found)
    assert told == {row: f"a is {text!r}, expected a number" for row, text in bad.items() if text}
    assert typed.column(0).to_pylist() == [
        None if row == 2_500 else row + 0.5 for row in range(5_000) if row not in told
    ]
    assert len(calls) < 500  # and not one for each distinct text
