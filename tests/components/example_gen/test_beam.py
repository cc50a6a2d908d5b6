"""On Beam comes out what comes out here."""

from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from pyarrow import csv

from tests.components.example_gen.helpers import outcome, quarantined, run, write, write_table
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.beam import generate_on_beam
from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.components.example_gen.process import ReadRequest
from weighbridge.components.example_gen.sample import Sample
from weighbridge.components.example_gen.splits import Splits
from weighbridge.verdict import read_gates


def on_beam(input: Path, folder: Path, *, allowed: float = 0.0, **request: Any) -> dict[str, Any]:
    gates = ExamplesGates(max_quarantined_fraction=allowed)
    asked = ReadRequest(input=str(input), **request)
    found = generate_on_beam(asked, folder, gates, lambda: beam.Pipeline(runner="DirectRunner"))
    return found.model_dump(mode="json")


def assert_same(input: Path, tmp_path: Path, **request: Any) -> dict[str, Any]:
    here = run(input, tmp_path / "here", **request)
    there = on_beam(input, tmp_path / "there", **request)
    assert there == here
    assert outcome(tmp_path / "there", there) == outcome(tmp_path / "here", here)

    def lines(folder: Path) -> list[str]:
        return sorted(map(repr, quarantined(folder)))

    assert lines(tmp_path / "there") == lines(tmp_path / "here")
    gates = [
        [gate.model_copy(update={"message": gate.message.replace(f"{folder}/", "")}) for gate in read_gates(folder)]
        for folder in (tmp_path / "there", tmp_path / "here")
    ]
    assert gates[0] == gates[1]
    assert not list((tmp_path / "there").glob(".*"))
    return here


@pytest.mark.slow
def test_taxi(taxi_csv: Path, tmp_path: Path) -> None:
    table = csv.read_csv(taxi_csv).slice(0, 3_000)
    for number in range(3):
        write_table(tmp_path / f"in/{number}.csv", table.slice(number * 1_000, 1_000))
    assert_same(tmp_path / "in", tmp_path)


def test_malformed_rows_and_types_known_late(tmp_path: Path) -> None:
    write(tmp_path / "in/1.csv", "a,b,at\n" + "".join(f"{n},,{n}\n" for n in range(40)) + '1,2\n5,"y,6\n7,"z,8\n')
    write(tmp_path / "in/2.csv", "at,b,a\n" + "".join(f"{n},y,{n}.5\n" for n in range(40)) + ",x,1\n")
    splits = Splits(time_column="at", time_splits={"train": None, "eval": 20})
    summary = assert_same(tmp_path / "in", tmp_path, splits=splits, allowed=0.1)
    assert summary["columns"] == {"a": "float", "b": "bytes", "at": "int64"}
    assert (summary["quarantined_rows"], summary["rows_lost"]) == (3, 1)


def test_tfrecord_and_parquet(tmp_path: Path) -> None:
    table = pa.table({"a": list(range(50)), "b": [[1, 2]] * 25 + [None] * 25})
    write_table(tmp_path / "in.parquet", table)
    here = assert_same(tmp_path / "in.parquet", tmp_path / "first", splits=Splits(key_columns=("a",)))
    again = on_beam(tmp_path / "first/here", tmp_path / "second", splits=Splits(key_columns=("a",)))
    assert again["content_digest"] == here["content_digest"]


def test_relative_starts_an_end_new_names_and_a_sample(tmp_path: Path) -> None:
    lines = [f"{n % 50},2010-12-{1 + n % 9:02}T{n % 24:02}:30\n" for n in range(400)]
    write(tmp_path / "in/1.csv", "customer,Date\n" + "".join(lines[:100]))
    write(tmp_path / "in/2.csv", "Date,customer\n,7\n")  # no time at all
    write(tmp_path / "in/3.csv", "customer,Date\n" + "".join(lines[100:]) + "1,2,3\n")
    starts = {"time_column": "at", "time_splits": {"train": None, "eval": "-3d"}}
    for end in (None, "2010-12-08T12:00"):
        summary = assert_same(
            tmp_path / "in",
            tmp_path / str(end),
            splits=Splits(**starts, time_end=end),
            columns={"Date": "at"},
            sample=Sample(share=0.6, columns=("customer",)),
            allowed=0.1,
        )
        assert summary["time_end"] == ("2010-12-08T12:00:00+00:00" if end else "2010-12-10T00:00:00+00:00")
        assert (summary["rows_after_end"] > 0) == bool(end)
        assert summary["rows_left_out"] > 0
        assert summary["quarantined_rows"] == 2


def test_renamed_tf_examples(tmp_path: Path) -> None:
    write_table(tmp_path / "in.parquet", pa.table({"a": list(range(50)), "at": [1] * 25 + [5] * 25}))
    run(tmp_path / "in.parquet", tmp_path / "examples")
    assert_same(tmp_path / "examples", tmp_path / "renamed", columns={"a": "b"})
    with pytest.raises(UsageError, match=r"no column 'c' in .*\nIts columns: a, at"):
        on_beam(tmp_path / "examples", tmp_path / "out", columns={"c": "b"})


def test_every_malformed_row_is_kept_with_what_is_odd_in_it(tmp_path: Path) -> None:
    text = "a,b\n1,2\n" + "x\u2028,1\n" * 3 + "7,\x85,8\n" * 3
    write(tmp_path / "in/1.csv", text)
    write(tmp_path / "in/2.csv", "a,b\n" + "1,2,3\n" * 4)  # nothing but malformed rows
    schema = 'feature { name: "a" type: INT }'
    summary = assert_same(
        tmp_path / "in", tmp_path, splits=Splits(weights={"all": 1}), schema_text=schema, allowed=0.95
    )
    assert summary["quarantined_rows"] == 10


def failing(batch: pa.RecordBatch) -> pa.RecordBatch:
    raise ValueError("nothing works")


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"prepare_fn": f"{__name__}.failing"}, "failed on .*: ValueError: nothing works"),
        ({"splits": Splits(key_columns=("k",))}, "Key column 'k' is not in the data"),
        ({"splits": Splits(weights={f"s{n}": 1 for n in range(9)})}, "is empty"),
        ({"columns": {"c": "d"}}, "no column 'c'"),
        (
            {"splits": Splits(time_column="t", time_splits={"x": None, "y": "-1d"})},
            "time_column 't' is not in the data",
        ),
    ],
)
def test_errors_are_the_same(request_: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n1,2\n3,4\n")
    with pytest.raises(UsageError, match=told):
        on_beam(path, tmp_path / "out", **request_)
