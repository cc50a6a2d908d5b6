"""What people see of odd data at once: the first malformed rows, and numbers that are none."""

import math
from pathlib import Path

import pyarrow as pa
import pytest

from tests.components.example_gen.helpers import one_split, write, write_table
from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.components.example_gen.generate import generate
from weighbridge.components.example_gen.process import ReadRequest
from weighbridge.components.example_gen.splits import Splits
from weighbridge.evidence.summary import ExamplesSummary
from weighbridge.report import Evidence
from weighbridge.report.html import render_html
from weighbridge.verdict import Verdict, read_gates


def test_a_refusal_names_the_first_rows_and_their_file(tmp_path: Path) -> None:
    write(tmp_path / "in/a.csv", "a,b\n1,2\n1,2,3\n")
    write(tmp_path / "in/b.csv", "a,b\n" + "1\n" * 50)
    summary = one_split(tmp_path / "in", tmp_path / "out")
    told = [(Path(each["file"]).name, each["row"], each["reason"]) for each in summary["quarantined_first"]]
    assert told == [
        ("a.csv", 3, "3 fields, expected 2"),
        *(("b.csv", row, "1 fields, expected 2") for row in (2, 3, 4, 5)),
    ]
    gate, _ = read_gates(tmp_path / "out")
    assert f"All are in {tmp_path}/out/quarantine/rows.jsonl.gz" in gate.message
    assert "row 3 of a.csv: 3 fields, expected 2; row 2 of b.csv: 1 fields, expected 2; row 3 of b.csv" in gate.message
    assert (tmp_path / "out" / summary["quarantine_file"]).is_file()


@pytest.mark.parametrize("gates", [{"severity": "warning"}, {"rows_lost": {"max": 0, "severity": "warning"}}])
def test_a_warning_is_the_same_wherever_a_run_lies(gates: dict[str, object], tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n1,2\n1,2,3\n")
    for name in ("first", "second"):
        request = ReadRequest(input=str(path), splits=Splits(weights={"all": 1}))
        generate(request, tmp_path / name, ExamplesGates.model_validate(gates))
    first, second = (read_gates(tmp_path / name) for name in ("first", "second"))
    assert first == second
    assert "All are in quarantine/rows.jsonl.gz" in first[0].message


def test_what_is_shown_is_bounded(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", f"a,b\n1,2\n{'x' * 5_000},2\n")
    schema = 'feature { name: "a" type: INT }'
    summary = one_split(path, tmp_path / "out", schema_text=schema)
    [row] = summary["quarantined_first"]
    assert len(row["line"]) < 300
    assert len(row["reason"]) < 300
    assert len(read_gates(tmp_path / "out")[0].message) < 1_000 + len(str(tmp_path))


def test_values_that_are_no_finite_numbers_are_counted(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": [1, 2, 3, 4],
            "x": [1.0, math.nan, math.inf, None],
            "y": [[math.nan, 1.0], [-math.inf, math.inf], [], None],
            "z": [1.0, 2.0, 3.0, 4.0],
        }
    )
    summary = one_split(write_table(tmp_path / "in.parquet", table), tmp_path / "out")
    assert summary["non_finite"] == {"x": {"nan": 1, "infinite": 1}, "y": {"nan": 1, "infinite": 2}}


def test_the_report_shows_both_and_escapes_them(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n1,nan\n2,inf\n<script>alert(1)</script>,2\n3,4,5\n")
    schema = 'feature { name: "a" type: INT } feature { name: "b" type: FLOAT }'
    one_split(path, tmp_path / "out", schema_text=schema, allowed=0.9)
    verdict = Verdict.of(read_gates(tmp_path / "out"), pipeline="p", run_id="r", subject={})
    page = render_html(Evidence.collect(verdict, {"examples": tmp_path / "out"}))
    assert "3 fields, expected 2" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;,2" in page
    assert "<script>" not in page
    assert "quarantine/rows.jsonl.gz" in page
    assert "1 column with values that are no finite numbers" in page


def test_summaries_of_earlier_versions_are_read(tmp_path: Path) -> None:
    summary = one_split(write(tmp_path / "in.csv", "a\n1\n"), tmp_path / "out")
    for name in ("rows_lost", "quarantined_first", "quarantine_file", "non_finite"):
        del summary[name]
    assert ExamplesSummary.model_validate(summary).non_finite == {}
