"""What holds for any data: digests and splits do not depend on how rows are arranged."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.components.example_gen.helpers import one_split, rows
from weighbridge.components.example_gen import formats, readers
from weighbridge.components.example_gen.feature_types import FeatureTypes, canonical
from weighbridge.components.example_gen.rows import RowsDigest, row_hashes
from weighbridge.components.example_gen.splits import Splits

TYPES = {"a": pa.int64(), "b": pa.float64(), "c": pa.string(), "d": pa.list_(pa.int64()), "e": pa.list_(pa.string())}
INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(max_size=5)
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "a": INTEGERS,
            "b": st.floats(width=32),
            "c": TEXTS,
            "d": st.lists(INTEGERS, min_size=1, max_size=3),
            "e": st.lists(TEXTS, min_size=1, max_size=3),
        },
    ),
    min_size=1,
    max_size=12,
)


def batch(rows: list[dict[str, Any]], names: list[str] | None = None) -> pa.RecordBatch:
    names = names or list(TYPES)
    arrays = [pa.array([row.get(name) for row in rows], TYPES[name]) for name in names]
    return canonical(pa.RecordBatch.from_arrays(arrays, names), "a test")


@settings(deadline=None)
@given(rows=ROWS, data=st.data())
def test_digest_does_not_know_the_arrangement(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    whole = RowsDigest.of(batch(rows))
    shuffled = data.draw(st.permutations(rows))
    names = data.draw(st.permutations(list(TYPES)))
    cut = data.draw(st.integers(1, len(rows)))
    parts = [part for part in (shuffled[:cut], shuffled[cut:]) if part]
    assert sum((RowsDigest.of(batch(part, names)) for part in parts), RowsDigest()) == whole


@settings(deadline=None)
@given(rows=ROWS, data=st.data())
def test_digest_knows_the_values(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(rows) - 1))
    value = data.draw(INTEGERS.filter(lambda value: value != rows[number].get("a")))
    changed = [*rows[:number], rows[number] | {"a": value}, *rows[number + 1 :]]
    assert RowsDigest.of(batch(changed)) != RowsDigest.of(batch(rows))
    assert RowsDigest.of(batch([*rows, rows[0]])) != RowsDigest.of(batch(rows))


@settings(deadline=None)
@given(rows=ROWS)
def test_missing_value_is_an_absent_column(rows: list[dict[str, Any]]) -> None:
    only_a = [{"a": row.get("a", 0)} for row in rows]
    assert row_hashes(batch(only_a)).tolist() == row_hashes(batch(only_a, ["a"])).tolist()
    empty_lists = [{**row, "d": row.get("d", []), "e": row.get("e", [])} for row in rows]
    assert RowsDigest.of(batch(empty_lists)) == RowsDigest.of(batch(rows))


def test_values_of_one_column_are_not_those_of_another() -> None:
    ab = canonical(pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], ["a", "b"]), "")
    ba = canonical(pa.RecordBatch.from_arrays([pa.array([2]), pa.array([1])], ["a", "b"]), "")
    assert row_hashes(ab).tolist() != row_hashes(ba).tolist()
    assert row_hashes(ab, key=0).tolist() != row_hashes(ab, key=1).tolist()
    swapped = pa.RecordBatch.from_arrays([pa.array([[1, 2], [2, 1]])], ["d"])
    assert len(set(row_hashes(canonical(swapped, "")).tolist())) == 2


def test_hashes_are_what_they_were() -> None:
    # Another hash would move rows between splits, and make all digests of old runs strangers.
    known = batch([{"a": 1, "b": 0.5, "c": "x", "d": [1, 2], "e": ["y"]}, {}])
    assert row_hashes(known).tolist() == EXPECTED


EXPECTED = [4811726565707635411, 0]


def test_zero_has_no_sign() -> None:
    values = canonical(pa.RecordBatch.from_arrays([pa.array([0.0, -0.0])], ["b"]), "")
    first, second = row_hashes(values).tolist()
    assert first == second


@settings(deadline=None)
@given(rows=ROWS, weights=st.lists(st.integers(1, 9), min_size=1, max_size=4), data=st.data())
def test_split_of_a_row_is_stable(rows: list[dict[str, Any]], weights: list[int], data: st.DataObject) -> None:
    splits = Splits(weights={f"s{number}": weight for number, weight in enumerate(weights)})
    assigned = splits.assign(batch(rows)).tolist()
    assert set(assigned) <= set(range(len(weights)))
    order = data.draw(st.permutations(range(len(rows))))
    shuffled = splits.assign(batch([rows[number] for number in order])).tolist()
    assert shuffled == [assigned[number] for number in order]
    assert splits.assign(batch(rows[:1])).tolist() == assigned[:1]


@settings(deadline=None)
@given(rows=ROWS, others=ROWS)
def test_same_key_same_split(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> None:
    splits = Splits(key_columns=("a", "c"))
    pairs = [(row, {**other, "a": row.get("a"), "c": row.get("c")}) for row, other in zip(rows, others, strict=False)]
    first = splits.assign(batch([row for row, _ in pairs]))
    second = splits.assign(batch([other for _, other in pairs]))
    assert np.array_equal(first, second)


def test_a_larger_share_keeps_what_was_in_it() -> None:
    values = batch([{"a": number} for number in range(1_000)])
    half, most = (Splits(weights={"train": share, "eval": 10 - share}).assign(values) for share in (5, 8))
    assert np.all(most[half == 0] == 0)


CELLS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(CELLS | st.just("a\nb") | st.just('"\r\n,"'), min_size=1, max_size=30))
def test_csv_round_trip(texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BLOCK_BYTES", 300)
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "id"), *((text, f"row {number}") for number, text in enumerate(texts))])
    path = tmp_path / "in.csv"
    path.write_text(file.getvalue(), encoding="utf-8", newline="")
    batches = formats.read(str(path), "csv", FeatureTypes({"text": "bytes"}, frozenset({"text"})), pytest.fail)
    assert [row["text"] for batch in batches for row in batch.to_pylist()] == texts


@pytest.mark.parametrize("block", range(40, 80))
def test_line_ends_in_values_survive_the_end_of_a_block(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "BLOCK_BYTES", block)
    (tmp_path / "in.csv").write_bytes(b"a,b\r\n" + b'"x\r\ny\rz",1\r\n' * 10)
    batches = formats.read(str(tmp_path / "in.csv"), "csv", FeatureTypes(), pytest.fail)
    assert [row["a"] for batch in batches for row in batch.to_pylist()] == ["x\r\ny\rz"] * 10


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.none() | st.integers(-(2**53), 2**53), min_size=1, max_size=20))
def test_kind_of_the_whole_column_whatever_the_order(values: list[int | None], tmp_path: Path) -> None:
    texts = ["" if value is None else str(value) for value in values]
    for order in (texts, texts[::-1]):
        (tmp_path / "in.csv").write_text("a,b\n" + "".join(f"{text},1\n" for text in order))
        summary = one_split(tmp_path / "in.csv", tmp_path / "out")
        assert summary["columns"] == ({"a": "int64"} if any(texts) else {}) | {"b": "int64"}
        assert sorted(row["a"] for row in rows(tmp_path / "out") if "a" in row) == sorted(
            value for value in values if value is not None
        )
