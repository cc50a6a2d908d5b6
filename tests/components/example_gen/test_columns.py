"""Columns that have other names in the data than in the pipeline."""

from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from tests.components.example_gen.helpers import one_split, outcome, quarantined, rows, run, write, write_table
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.process import ReadRequest
from weighbridge.components.example_gen.splits import Splits

TABLE = pa.table({"Invoice": list(range(60)), "Price": [n / 2 for n in range(60)], "Tags": ["a", "b", "c"] * 20})
COLUMNS = {"Invoice": "InvoiceNo", "Price": "UnitPrice"}


@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz", "in.parquet"])
def test_what_comes_out_is_as_if_the_data_had_these_names(name: str, tmp_path: Path) -> None:
    renamed = write_table(tmp_path / f"renamed-{name}", TABLE.rename_columns(["InvoiceNo", "UnitPrice", "Tags"]))
    splits = Splits(key_columns=("InvoiceNo",))
    wanted = outcome(tmp_path / "wanted", run(renamed, tmp_path / "wanted", splits=splits))
    given = run(write_table(tmp_path / name, TABLE), tmp_path / "out", splits=splits, columns=COLUMNS)
    assert outcome(tmp_path / "out", given) == wanted
    assert set(given["columns"]) == {"InvoiceNo", "UnitPrice", "Tags"}


def test_tf_examples_are_renamed_too(tmp_path: Path) -> None:
    one_split(write_table(tmp_path / "in.parquet", TABLE), tmp_path / "examples")
    summary = one_split(tmp_path / "examples", tmp_path / "out", columns=COLUMNS)
    assert set(summary["columns"]) == {"InvoiceNo", "UnitPrice", "Tags"}
    assert rows(tmp_path / "out")[0]["InvoiceNo"] == 0


def lines(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Fails unless the columns have the pipeline's names."""
    doubled = pa.array([2 * number for number in batch.column("number").to_pylist()])
    return pa.RecordBatch.from_arrays([doubled], ["twice"])


def test_prepare_fn_schema_and_reasons_know_the_new_names(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "No,x\n1,5\nmany,6\n2,7\n")
    schema = 'feature { name: "number" type: INT }'
    summary = one_split(
        path,
        tmp_path / "out",
        columns={"No": "number"},
        schema_text=schema,
        prepare_fn=f"{__name__}.lines",
        allowed=0.5,
    )
    assert rows(tmp_path / "out") == [{"twice": 2}, {"twice": 4}]
    assert summary["columns"] == {"twice": "int64"}
    assert quarantined(tmp_path / "out") == [
        {"file": str(path), "row": 3, "reason": "number is 'many', expected a whole number", "line": "many,6"}
    ]


def test_the_newest_time_of_a_renamed_column(tmp_path: Path) -> None:
    times = ["2010-12-01", "2010-12-08", "2010-12-09"]
    for name in ("in.csv", "in.parquet"):
        table = pa.table({"id": [0, 1, 2], "Date": times})
        splits = Splits(time_column="at", time_splits={"train": None, "eval": "-2d"})
        summary = run(write_table(tmp_path / name, table), tmp_path / "out", splits=splits, columns={"Date": "at"})
        assert [split["rows"] for split in summary["splits"].values()] == [1, 2]


def test_two_columns_can_change_names(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n1,x\n")
    one_split(path, tmp_path / "out", columns={"a": "b", "b": "a"})
    assert rows(tmp_path / "out") == [{"a": b"x", "b": 1}]


@pytest.mark.parametrize("name", ["in.csv", "in.parquet", "examples"])
@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"Invoise": "InvoiceNo"}, "no column 'Invoise' in .*\nIts columns: Invoice, Price, Tags"),
        ({"Price": "Tags"}, "has a column 'Tags' already"),
    ],
)
def test_names_that_the_data_do_not_have(name: str, columns: dict[str, str], told: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / ("in.csv" if name == "examples" else name), TABLE)
    if name == "examples":
        one_split(path, tmp_path / name)
        told = told if "Invoise" in told else "column 'Tags' "
    with pytest.raises(UsageError, match=told):
        one_split(tmp_path / name, tmp_path / "out", columns=columns)


@pytest.mark.parametrize(
    ("columns", "told"),
    [({"a": "x", "b": "x"}, "gives 'a', 'b' one name: 'x'"), ({"a": ""}, "gives 'a' no name")],
)
def test_names_without_sense(columns: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ReadRequest(input="in.csv", columns=columns)
