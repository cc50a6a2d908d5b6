"""Writing: the same content in any format and cut, all of it or nothing."""

import hashlib
import itertools
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tests.weighbridge.datasets.shop.streams import lines
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.example_gen.resolve import resolve
from weighbridge.datasets.shop import write as writing
from weighbridge.datasets.shop.digest import ContentDigest
from weighbridge.datasets.shop.options import ShopOptions
from weighbridge.datasets.shop.output import OutputFiles
from weighbridge.datasets.shop.write import write

OPTIONS = ShopOptions(3000, months=3)
TEXT = {"InvoiceNo": str, "StockCode": str, "CustomerID": str}


def place(path: Path, by: str = "", force: bool = False) -> OutputFiles:
    return OutputFiles.of(str(path), by, force)


def content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_parquet_csv_and_spans_hold_the_same_lines(tmp_path):
    one = write(OPTIONS, place(tmp_path / "a.parquet"))
    as_csv = write(OPTIONS, place(tmp_path / "a.csv"))
    weekly = write(OPTIONS, place(tmp_path / "weeks", "week"))
    monthly = write(OPTIONS, place(tmp_path / "months" / "{SPAN}.csv", "month"))
    assert len({each.digest for each in (one, as_csv, weekly, monthly)}) == 1

    frame = parquet.read_table(one.path).to_pandas()
    read = pd.read_csv(as_csv.path, dtype=TEXT, parse_dates=["InvoiceDate"])
    pd.testing.assert_frame_equal(read, frame.fillna({"Description": np.nan, "CustomerID": np.nan}))
    joined = pa.concat_tables([parquet.read_table(file) for file in weekly.files]).to_pandas()
    pd.testing.assert_frame_equal(joined, frame)
    assert (one.rows, one.customers, one.items) == (3000, frame.CustomerID.nunique(), frame.StockCode.nunique())
    assert (one.first, one.last) == (frame.InvoiceDate.min(), frame.InvoiceDate.max())


def test_the_digest_can_be_taken_again_from_the_file(tmp_path):
    written = write(OPTIONS, place(tmp_path / "a.parquet"))
    again = ContentDigest()
    for batch in parquet.ParquetFile(written.path).iter_batches(batch_size=77):
        again.update(batch)
    assert again.value() == written.digest


@settings(max_examples=50, deadline=None)
@given(
    texts=st.lists(st.one_of(st.none(), st.text(max_size=4)), min_size=1, max_size=30),
    cut=st.integers(0, 30),
    other=st.integers(0, 29),
)
def test_the_digest_tells_contents_apart_and_not_cuts(texts, cut, other):
    def digest(*parts):
        taken = ContentDigest()
        for part in parts:
            numbers = pa.array(range(len(part)), pa.int64())
            taken.update(pa.RecordBatch.from_arrays([pa.array(part, pa.string()), numbers.take(numbers)], ["a", "b"]))
        return taken.value()

    def whole(values):
        taken = ContentDigest()
        taken.update(pa.RecordBatch.from_arrays([pa.array(values, pa.string())], ["a"]))
        return taken.value()

    batch = pa.RecordBatch.from_arrays([pa.array(texts, pa.string())], ["a"])
    taken = ContentDigest()
    for part in (batch.slice(0, cut), batch.slice(cut)):
        taken.update(part)
    assert taken.value() == whole(texts)
    changed = list(texts)
    changed[other % len(texts)] = None if changed[other % len(texts)] is not None else ""
    assert whole(changed) != whole(texts)


def test_spans_are_whole_and_example_gen_finds_them(tmp_path):
    options = ShopOptions(4000, start=date(2010, 1, 20), months=2, drift=("empty-week",), drift_from=date(2010, 2, 8))
    written = write(options, place(tmp_path / "weeks", "week"))
    days = [date.fromisoformat(Path(file).parent.name) for file in written.files]
    assert days[0] == date(2010, 1, 18)
    assert {(after - before).days for before, after in itertools.pairwise(days)} == {7}
    for day, file in zip(days, written.files, strict=True):
        times = parquet.read_table(file).column("InvoiceDate").to_pandas()
        assert (times.dt.to_period("W-SUN").dt.start_time.dt.date == day).all()
        assert bool(len(times)) == (day != date(2010, 2, 8))
    assert resolve(written.path, window=3).files == tuple(written.files[-3:])

    monthly = write(options, place(tmp_path / "months" / "{YYYY}" / "{MM}-{DD}.csv", "month"))
    assert [Path(file).name for file in monthly.files] == ["01-01.csv", "02-01.csv", "03-01.csv"]
    assert resolve(monthly.path, span="2010-02-01").files == (monthly.files[1],)


def test_spans_of_lines_out_of_order_are_whole_too(tmp_path):
    options = ShopOptions(4000, drift=("unordered",))
    written = write(options, place(tmp_path / "months", "month"))
    assert sum(parquet.read_metadata(file).num_rows for file in written.files) == 4000
    assert len(written.files) == 12


def test_what_is_there_is_replaced_only_when_asked(tmp_path):
    path = tmp_path / "a.parquet"
    write(OPTIONS, place(path))
    before = content(path)
    with pytest.raises(UsageError, match="already") as told:
        write(ShopOptions(10), place(path))
    assert "--force" in told.value.hint
    assert content(path) == before
    assert write(ShopOptions(10), place(path, force=True)).rows == 10
    assert parquet.read_metadata(path).num_rows == 10

    spans = tmp_path / "spans"
    write(OPTIONS, place(spans, "week"))
    with pytest.raises(UsageError, match="already"):
        write(OPTIONS, place(spans, "week"))
    shorter = write(ShopOptions(100, months=1), place(spans, "week", force=True))
    assert sorted(map(str, spans.rglob("*.parquet"))) == shorter.files
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.parquet", "spans"]


def test_a_folder_that_holds_anything_else_is_never_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        write(OPTIONS, place(tmp_path, "week", force=True))
    assert (tmp_path / "thesis.txt").exists()
    folder = tmp_path / "a.parquet"
    folder.mkdir()
    with pytest.raises(UsageError, match="a folder"):
        write(OPTIONS, place(folder, force=True))


@pytest.mark.parametrize("by", ["", "week"])
def test_a_write_that_breaks_off_leaves_what_was_there(tmp_path, monkeypatch, by):
    path = tmp_path / ("spans" if by else "a.parquet")
    written = write(OPTIONS, place(path, by))
    before = {file: content(Path(file)) for file in written.files}

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.parquet.ParquetWriter, "write_batch", full)
    with pytest.raises(InfrastructureError, match="No space left"):
        write(ShopOptions(100), place(path, by, force=True))
    assert {file: content(Path(file)) for file in written.files} == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_text_among_numbers_needs_csv(tmp_path):
    with pytest.raises(UsageError, match="text-quantity") as told:
        write(ShopOptions(10, drift=("text-quantity",)), place(tmp_path / "a.parquet"))
    assert "a.csv" in told.value.hint
    write(ShopOptions(2000, drift=("text-quantity",)), place(tmp_path / "a.csv"))
    assert "pcs" in (tmp_path / "a.csv").read_text()


@pytest.mark.parametrize(
    ("out", "by", "named"),
    [
        ("a.xlsx", "", "a.xlsx"),
        ("spans/{SPAN}.parquet", "", "--by"),
        ("a.parquet", "week", "one file"),
        ("spans/{YEAR}.parquet", "week", "{YEAR}"),
        ("spans/{YYYY}/{MM}.parquet", "month", "{MM}"),
        ("{SPAN}.parquet", "week", "folder"),
        ("spans", "year", "year"),
    ],
)
def test_wrong_places_are_named(out, by, named):
    with pytest.raises(UsageError) as told:
        OutputFiles.of(out, by, False)
    assert named in str(told.value)
    assert told.value.hint


def test_the_packaged_lines_can_be_made_again():
    from weighbridge.pipelines import recommender

    packaged = Path(recommender.__file__).parent / "orders.parquet"
    made = lines(60_000, seed=7, customers=3000, items=600, basket=4)
    pd.testing.assert_frame_equal(parquet.read_table(packaged).to_pandas(), made)
    assert packaged.stat().st_size < 900_000


def test_memory_does_not_grow_with_the_lines(tmp_path):
    def peak(rows: int) -> int:
        script = (
            "import resource, sys\n"
            "from weighbridge.datasets.shop.options import ShopOptions\n"
            "from weighbridge.datasets.shop.output import OutputFiles\n"
            "from weighbridge.datasets.shop.write import write\n"
            "write(ShopOptions(int(sys.argv[1]), items=1000, customers=2000), OutputFiles(sys.argv[2]))\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        command = [sys.executable, "-c", script, str(rows), str(tmp_path / f"{rows}.parquet")]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # KiB

    assert peak(1_600_000) < peak(400_000) + 60 * 1024
