"""Lines of a CSV file against rows: what an unbalanced quote swallows is counted, set aside and refused."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.components.example_gen.helpers import one_split, quarantined, rows, write
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen import readers
from weighbridge.components.example_gen.lines import FIELD_LINES, Lines
from weighbridge.verdict import Gate, read_gates

PLAIN = "".join(f"{number},x,{number}\n" for number in range(100))


def lost_gate(folder: Path) -> Gate:
    [gate] = (gate for gate in read_gates(folder) if gate.name.startswith("examples.rows_lost"))
    return gate


@pytest.mark.parametrize("block", [1 << 14, 16 << 20])
@pytest.mark.parametrize(
    ("torn", "lost", "row", "reason"),
    [
        (f'1,"x,5\n{PLAIN}7,"y",8\n', 101, 102, "a quoted field swallowed 101 lines: is a quote missing?"),
        (f'1,"x,5\n{PLAIN}', 200, 102, "2 fields, expected 3; a quoted field swallowed 200 lines: is a quote missing?"),
        ('1,"x,5\n2,"y,6\n', 1, 102, "a quoted field swallowed 1 line: is a quote missing?"),
        # The next quote happens to stand where one may close a field, but what it closes looks like rows.
        (f'1,"x,5\n{PLAIN}7,y",8\n', 101, 102, "a quoted field swallowed 101 lines: is a quote missing?"),
    ],
)
def test_an_unbalanced_quote_loses_no_rows_unseen(
    torn: str, lost: int, row: int, reason: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "BLOCK_BYTES", block)
    path = write(tmp_path / "in.csv", f"a,b,c\n{PLAIN}{torn}{PLAIN}")
    summary = one_split(path, tmp_path / "out", allowed=0.5)
    assert (summary["rows_lost"], summary["quarantined_rows"]) == (lost, 1)
    assert summary["columns"] == {"a": "int64", "b": "bytes", "c": "int64"}  # what is torn tells no types
    [told] = quarantined(tmp_path / "out")
    assert (told["row"], told["reason"]) == (row, reason)
    assert told["line"].startswith('1,"x,5\n')
    gate = lost_gate(tmp_path / "out")
    assert gate.refuses
    assert (gate.observed, gate.threshold, gate.unit) == (lost, 0, "lines")
    assert f"row {row} of in.csv: {reason}" in gate.message


def test_texts_of_several_lines_are_no_loss(tmp_path: Path) -> None:
    texts = ['Dear "Ann",\nI write, to you\n\n5,y,6', "\r\nstarts\r\n\r\nand ends\r\n", 'one, "two"', "", '""\n""']
    long = "words, and more words here\n" * (FIELD_LINES - 1)
    table = io.StringIO(newline="")
    csv.writer(table).writerows([["a", "b", "c"], *([n, text, n] for n, text in enumerate([*texts, long]))])
    unquoted = '7,5" pipe,9\n\n8,3",9\n'  # inches, and a blank line
    path = write(tmp_path / "in.csv", f'{table.getvalue()}{unquoted}9,last,"of\nall"')
    schema = 'feature { name: "b" type: BYTES } feature { name: "c" type: BYTES }'
    summary = one_split(path, tmp_path / "out", schema_text=schema)
    assert (summary["rows_lost"], summary["quarantined_rows"]) == (0, 0)
    found = {row["a"]: row.get("b", b"").decode() for row in rows(tmp_path / "out")}
    assert found == {**dict(enumerate([*texts, long])), 7: '5" pipe', 8: '3"', 9: "last"}
    assert lost_gate(tmp_path / "out").passed


def test_a_malformed_row_of_several_lines_loses_none(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", 'a,b\n1,"x\ny",5\n2,"z\nz"\n')
    assert one_split(path, tmp_path / "out", allowed=0.5)["rows_lost"] == 0
    assert [line["reason"] for line in quarantined(tmp_path / "out")] == ["3 fields, expected 2"]


def test_a_field_of_very_many_lines_is_taken_for_a_missing_quote(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", 'a,b\n1,"' + "text\n" * (FIELD_LINES + 1) + '"\n2,short\n')
    summary = one_split(path, tmp_path / "out", allowed=0.5)
    assert (summary["rows_lost"], summary["quarantined_rows"]) == (FIELD_LINES + 1, 1)


def test_a_row_longer_than_a_block_tells_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BLOCK_BYTES", 500)
    path = write(tmp_path / "in.csv", f'a,b,c\n{PLAIN}1,"x,5\n{PLAIN}')
    with pytest.raises(UsageError, match=r"in\.csv has a row of more than .* after row \d+") as caught:
        one_split(path, tmp_path / "out")
    assert "Is a quote missing" in caught.value.hint


def test_how_many_lines_may_be_lost_is_a_threshold(tmp_path: Path) -> None:
    from weighbridge.components.example_gen.gates import ExamplesGates

    gates = ExamplesGates.model_validate({"rows_lost": {"max": 3, "severity": "warning"}})
    [_, passed], [_, refused] = gates.judge(0, 10, 3), gates.judge(0, 10, 4)
    assert passed.passed
    assert (refused.status, refused.severity) == ("refused", "warning")
    assert [gate.name for gate in gates.judge(0, 10, None)] == ["examples.quarantined_fraction.max"]


@settings(max_examples=200, deadline=None)
@given(
    table=st.lists(
        st.lists(st.text('ab,"\r\n é', max_size=12), min_size=2, max_size=2).filter(any), min_size=1, max_size=9
    ),
    every=st.booleans(),
    cuts=st.lists(st.integers(1, 30), min_size=1),
)
@example(table=[["", "\r"]], every=True, cuts=[1])  # what Python 3.11.2 took for an open field
def test_whatever_a_csv_writer_writes_is_accounted_for(table: list[list[str]], every: bool, cuts: list[int]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL).writerows(table)
    lines = Lines(2)
    blocks = readers._Blocks(io.BytesIO(written.getvalue().encode()), lines)
    sizes = iter(cuts * 1_000)
    while blocks.read(next(sizes) + 1):
        pass
    assert lines.found == len(table)
    broken = [value for row in table for value in row if "\n" in value or "\r" in value]
    assert lines.quoted_breaks or not broken
    assert all(lines.sound(value.encode()) for value in broken)
