"""A sample: always the same rows, whole groups, cut through all splits alike."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.components.example_gen.helpers import outcome, rows, run, write, write_table
from tests.components.example_gen.test_properties import ROWS, batch
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.sample import Sample
from weighbridge.components.example_gen.splits import Splits
from weighbridge.verdict import read_gates

ROWS_PER_CUSTOMER = 10
TABLE = pa.table({"customer": [n // ROWS_PER_CUSTOMER for n in range(20_000)], "x": list(range(20_000))})


def customers(folder: Path, *splits: str) -> list[int]:
    return [row["customer"] for split in splits for row in rows(folder, split) if "customer" in row]


def test_a_share_of_the_rows_of_each_split(tmp_path: Path) -> None:
    path = write_table(tmp_path / "in.parquet", TABLE)
    whole = run(path, tmp_path / "whole")
    summary = run(path, tmp_path / "out", sample=Sample(share=0.2))
    assert summary["sample"] == 0.2
    assert summary["total_rows"] == 20_000
    assert summary["rows_left_out"] + sum(split["rows"] for split in summary["splits"].values()) == 20_000
    for name in ("train", "eval"):
        assert summary["splits"][name]["rows"] / whole["splits"][name]["rows"] == pytest.approx(0.2, abs=0.02)
        known = {row["x"] for row in rows(tmp_path / "whole", name)}
        assert {row["x"] for row in rows(tmp_path / "out", name)} <= known  # no row changes its split


@pytest.mark.parametrize(("keys", "columns"), [(("customer",), ()), ((), ("customer",)), (("x",), ("customer",))])
def test_all_rows_of_a_group_or_none(keys: tuple[str, ...], columns: tuple[str, ...], tmp_path: Path) -> None:
    path = write_table(tmp_path / "in.parquet", TABLE)
    run(path, tmp_path / "out", splits=Splits(key_columns=keys), sample=Sample(share=0.3, columns=columns))
    found = customers(tmp_path / "out", "train", "eval")
    assert set(np.unique(found, return_counts=True)[1].tolist()) == {ROWS_PER_CUSTOMER}
    assert len(set(found)) / 2_000 == pytest.approx(0.3, abs=0.04)


def test_rows_without_a_group_stand_for_themselves(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "in.parquet", pa.table({"customer": pa.array([None] * 2_000 + [1]), "x": range(2_001)})
    )
    splits = Splits(weights={"all": 1}, key_columns=("customer",))
    summary = run(path, tmp_path / "out", splits=splits, sample=Sample(share=0.5))
    assert summary["rows_left_out"] / 2_000 == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_the_same_rows_in_any_order_and_format(name: str, tmp_path: Path) -> None:
    arrangement = np.random.default_rng(1).permutation(TABLE.num_rows)
    sample = Sample(share=0.1, columns=("customer",))
    found = [
        outcome(tmp_path / folder, run(write_table(tmp_path / file, table), tmp_path / folder, sample=sample))
        for folder, file, table in (("one", "in.parquet", TABLE), ("two", name, TABLE.take(arrangement)))
    ]
    assert found[0] == found[1]


def test_time_splits_stay_where_they_are(tmp_path: Path) -> None:
    text = "id,at\n" + "".join(f"{n},2010-12-{1 + n % 9:02}T{n % 24:02}:00\n" for n in range(900))
    splits = Splits(time_column="at", time_splits={"train": None, "eval": "-3d"})
    path = write(tmp_path / "in.csv", text)
    whole = run(path, tmp_path / "whole", splits=splits)
    part = run(path, tmp_path / "part", splits=splits, sample=Sample(share=0.05))
    assert part["time_splits"] == whole["time_splits"]
    assert part["time_end"] == whole["time_end"]


def test_malformed_rows_count_as_in_all_the_data(tmp_path: Path) -> None:
    text = "id,at\n" + "".join(f"{n},{n}\n" for n in range(1_000)) + "1,2,3\n" * 10 + "7,\n" * 10
    path = write(tmp_path / "in.csv", text)
    splits = Splits(time_column="at", time_splits={"train": None, "eval": 500.0}, time_end=900)
    fractions = []
    for share in (1.0, 0.1):
        summary = run(path, tmp_path / "out", splits=splits, sample=Sample(share=share), allowed=0.03)
        assert (summary["quarantined_rows"], summary["rows_after_end"], summary["total_rows"]) == (20, 100, 1_020)
        gate, lost = read_gates(tmp_path / "out")
        assert lost.observed == 0
        fractions.append(gate.observed)
    assert fractions == [20 / 1_020] * 2


def test_a_sample_that_leaves_a_split_without_rows_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a\n1\n2\n3\n")
    with pytest.raises(UsageError, match=r"is empty: 0 rows in the sample=0.001 that leaves out 3 rows are too few"):
        run(path, tmp_path / "out", sample=Sample(share=0.001))


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n" + "1,2\n" * 50)
    run(path, tmp_path / "examples", splits={"all": 1})
    for input in (path, tmp_path / "examples"):
        with pytest.raises(UsageError, match="Sample column 'customer' is not in the data\nColumns: a, b"):
            run(input, tmp_path / "out", splits={"all": 1}, sample=Sample(share=0.9, columns=("customer",)))


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan"), "all"])
def test_shares_without_sense(share: Any) -> None:
    with pytest.raises(ValidationError):
        Sample(share=share)


@settings(deadline=None)
@given(rows=ROWS, share=st.floats(0.01, 1), data=st.data())
def test_each_row_is_kept_for_itself(rows: list[dict[str, Any]], share: float, data: st.DataObject) -> None:
    sample = Sample(share=share, columns=data.draw(st.sampled_from([(), ("a",), ("a", "c")])))
    kept = sample.keeps(batch(rows)).tolist()
    order = data.draw(st.permutations(range(len(rows))))
    assert sample.keeps(batch([rows[number] for number in order])).tolist() == [kept[number] for number in order]
    more = Sample(share=(1 + share) / 2, columns=sample.columns).keeps(batch(rows))
    assert np.all(more[np.array(kept)])
