"""Splits by time: starts that count back from the newest row, an end, and the ways in which a time is written."""

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.components.example_gen.helpers import one_split, outcome, quarantined, rows, run, write, write_table
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen import formats, readers
from weighbridge.components.example_gen.reading import Reading
from weighbridge.components.example_gen.splits import Splits
from weighbridge.components.example_gen.times import before_end, column_microseconds, iso, microseconds, midnight_after

DAYS = ["2010-11-30T10:00", "2010-12-01T00:00", "2010-12-02T23:59:59.999999", "2010-12-03T00:00", "2010-12-09T12:50"]


def by_time(time_end: Any = None, **starts: Any) -> Splits:
    return Splits(time_column="at", time_splits=starts, time_end=time_end)


def ids(folder: Path, *splits: str) -> list[list[int]]:
    return [sorted(row["id"] for row in rows(folder, split)) for split in splits]


def write_days(path: Path, texts: list[str] = DAYS, unit: str = "us") -> Path:
    """Rows with their number as `id`: times in Parquet, text in CSV."""
    times: Any = texts
    if path.suffix == ".parquet":
        times = pa.array([datetime.datetime.fromisoformat(text) for text in texts], pa.timestamp(unit))
    return write_table(path, pa.table({"id": list(range(len(texts))), "at": times}))


@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_seven_days_before_the_end_are_the_last_seven_whole_days(name: str, tmp_path: Path) -> None:
    path = write_days(tmp_path / name)
    summary = run(path, tmp_path / "out", splits=by_time(train=None, eval="-7d"))
    assert summary["time_splits"] == {"train": None, "eval": "2010-12-03T00:00:00+00:00"}
    assert summary["time_end"] == "2010-12-10T00:00:00+00:00"
    assert ids(tmp_path / "out", "train", "eval") == [[0, 1, 2], [3, 4]]
    assert (summary["rows_after_end"], summary["total_rows"]) == (0, 5)
    # What a time is in the examples is what it was.
    assert summary["columns"]["at"] == ("bytes" if name == "in.csv" else "int64")


def test_hours_and_weeks_and_a_newest_row_at_midnight(tmp_path: Path) -> None:
    path = write_days(tmp_path / "in.parquet", ["2010-11-01T00:00", "2010-11-25T00:00", "2010-12-09T00:00"], "ms")
    summary = run(path, tmp_path / "out", splits=by_time(train=None, eval="-3w", test="-24h"))
    assert summary["time_end"] == "2010-12-10T00:00:00+00:00"
    assert summary["time_splits"]["eval"] == "2010-11-19T00:00:00+00:00"
    assert summary["time_splits"]["test"] == "2010-12-09T00:00:00+00:00"
    assert ids(tmp_path / "out", "train", "eval", "test") == [[0], [1], [2]]


@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_rows_from_the_end_on_are_counted_and_in_no_split(name: str, tmp_path: Path) -> None:
    path = write_days(tmp_path / name)
    summary = run(path, tmp_path / "out", splits=by_time("2010-12-03", train=None, eval="-2d"))
    assert summary["time_splits"]["eval"] == "2010-12-01T00:00:00+00:00"
    assert ids(tmp_path / "out", "train", "eval") == [[0], [1, 2]]  # the end is exclusive
    assert (summary["rows_after_end"], summary["total_rows"], summary["quarantined_rows"]) == (2, 5, 0)
    assert quarantined(tmp_path / "out") == []


def test_an_end_as_a_number(tmp_path: Path) -> None:
    path = write_table(tmp_path / "in.parquet", pa.table({"id": [0, 1, 2, 3], "at": [1.0, 9.5, 10.0, float("nan")]}))
    summary = run(path, tmp_path / "out", splits=by_time(10, train=None, eval=5), allowed=0.5)
    assert ids(tmp_path / "out", "train", "eval") == [[0], [1]]
    assert (summary["rows_after_end"], summary["quarantined_rows"]) == (1, 1)
    assert summary["time_splits"] == {"train": None, "eval": 5.0}
    assert summary["time_end"] == 10.0


@pytest.mark.parametrize("end", [None, "", "2010-12-03"])
def test_a_single_split_by_time(end: str | None, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "id,at\n" + "".join(f"{n},{text}\n" for n, text in enumerate(DAYS)) + "9,\n")
    summary = run(path, tmp_path / "out", splits=by_time(end, all=None), allowed=0.5)
    assert ids(tmp_path / "out", "all") == [[0, 1, 2] if end else [0, 1, 2, 3, 4]]
    assert summary["quarantined_rows"] == 1
    assert summary["rows_after_end"] == (2 if end else 0)


def test_without_times_the_summary_says_so(tmp_path: Path) -> None:
    summary = one_split(write(tmp_path / "in.csv", "a\n1\n"), tmp_path / "out")
    assert (summary["time_splits"], summary["time_end"]) == ({}, None)
    assert (summary["rows_after_end"], summary["rows_left_out"], summary["sample"]) == (0, 0, 1.0)


def test_a_malformed_row_does_not_move_the_end(tmp_path: Path) -> None:
    text = "id,at\n1,2010-12-01\n2,2010-12-02\nx,2099-01-01\n3,2098-01-01,7\n"
    splits = by_time(train=None, eval="-1d")
    schema = 'feature { name: "id" type: INT }'
    summary = run(write(tmp_path / "in.csv", text), tmp_path / "out", splits=splits, schema_text=schema, allowed=0.5)
    assert summary["time_end"] == "2010-12-03T00:00:00+00:00"
    assert summary["quarantined_rows"] == 2


def early(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A time made of another column, in another year."""
    ids = batch.column(batch.schema.get_field_index("id"))
    moments = [datetime.datetime(2001, 1, 1 + number) for number in ids.to_pylist()]
    return pa.RecordBatch.from_arrays([ids, pa.array(moments, pa.timestamp("us"))], ["id", "at"])


@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_the_newest_row_is_that_of_what_prepare_fn_makes(name: str, tmp_path: Path) -> None:
    path = write_days(tmp_path / name)
    summary = run(path, tmp_path / "out", splits=by_time(train=None, eval="-2d"), prepare_fn=f"{__name__}.early")
    assert summary["time_end"] == "2001-01-06T00:00:00+00:00"
    assert ids(tmp_path / "out", "train", "eval") == [[0, 1, 2], [3, 4]]


@pytest.mark.parametrize("name", ["in.parquet", "in.orc"])
def test_only_the_time_column_is_looked_at_first(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_days(tmp_path / name)
    kind = formats.formats()[path.suffix.removeprefix(".")]
    seen = []

    def spy(reading: Reading) -> Any:
        for batch in kind.read(reading):
            seen.append(batch.schema.names)
            yield batch

    monkeypatch.setitem(formats.formats(), kind.name, dataclasses.replace(kind, read=spy))
    run(path, tmp_path / "out", splits=by_time(train=None, eval="-7d"))
    assert seen == [["at"], ["id", "at"]]
    seen.clear()
    run(path, tmp_path / "out", splits=by_time("2010-12-10", train=None, eval="-7d"))
    assert seen == [["id", "at"]]  # the end is known


def test_own_output_read_again_gives_the_same_splits(tmp_path: Path) -> None:
    splits = by_time(train=None, eval="-7d")
    summary = run(write_days(tmp_path / "in.parquet"), tmp_path / "out", splits=splits)
    again = run(tmp_path / "out", tmp_path / "again", splits=splits)
    assert again["splits"] == summary["splits"]
    assert again["time_splits"] == summary["time_splits"]


def test_types_that_change_late_change_no_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BLOCK_BYTES", 1_000)
    lines = [f"{n},2010-12-{1 + n % 9:02}T10:00\n" for n in range(400)]
    late = write(tmp_path / "late.csv", "id,at\n" + "".join(lines) + "0.5,2010-12-09T11:00\n")
    first = write(tmp_path / "first.csv", "id,at\n0.5,2010-12-09T11:00\n" + "".join(lines))
    splits = by_time(train=None, eval="-3d")
    found = [outcome(tmp_path / p.stem, run(p, tmp_path / p.stem, splits=splits)) for p in (late, first)]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("starts", "told"),
    [
        ({"eval": "-7x"}, "'-7x' is not a time before the end"),
        ({"eval": "-0d"}, "'-0d' is not a time before the end"),
        ({"eval": "-7"}, "'-7' is not a time before the end"),
        ({"eval": "June"}, "'June' is not a time"),
        ({"eval": "-999999w"}, "in no year from 1 to 9999"),
        ({"eval": "-7d", "test": "2010-12-01"}, "not in ascending order: eval from 2010-12-03T"),
        ({"eval": "2010-12-01", "test": "-2w"}, "not in ascending order"),
    ],
)
def test_starts_without_sense(starts: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = write_days(tmp_path / "in.csv")
    with pytest.raises(UsageError, match=told):
        run(path, tmp_path / "out", splits=by_time(train=None, **starts))


def test_absolute_and_relative_starts_together(tmp_path: Path) -> None:
    splits = by_time(train=None, eval="2010-12-01", test="-1w")
    summary = run(write_days(tmp_path / "in.csv"), tmp_path / "out", splits=splits)
    assert ids(tmp_path / "out", "train", "eval", "test") == [[0], [1, 2], [3, 4]]
    assert summary["time_splits"]["eval"] == "2010-12-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"id": [1, 2], "when": [1, 2]}, "time_column 'at' is not in the data\nColumns: id, when"),
        ({"id": [1, 2], "at": [0.5, 1.5]}, "time_column='at' holds float"),
        ({"id": [1, 2], "at": [[1], [2]]}, "time_column='at' holds list"),
        ({"id": [1, 2], "at": ["12/31/2009", "1/1/2010"]}, "holds text that is not an ISO time"),
        ({"id": [1, 2], "at": pa.nulls(2, pa.timestamp("us"))}, "No row has a time in time_column='at'"),
    ],
)
def test_columns_that_hold_no_times(table: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / "in.parquet", pa.table(table))
    for splits in (by_time(train=None, eval="-7d"), by_time("2010-12-01", train=None, eval="2010-11-01")):
        if splits.need_newest or "No row" not in told:
            with pytest.raises(UsageError, match=told):
                run(path, tmp_path / "out", splits=splits)


def test_an_empty_split_is_named_with_its_bounds(tmp_path: Path) -> None:
    week_without_orders = ["2010-11-30T10:00", "2010-12-01T00:00", "2010-12-20T12:00"]
    path = write_days(tmp_path / "in.parquet", week_without_orders)
    told = r"Split 'eval' of .* is empty: no row has its 'at' from 2010-12-07T\S+ on and before 2010-12-14T"
    with pytest.raises(UsageError, match=told) as caught:
        run(path, tmp_path / "out", splits=by_time(train=None, eval="-2w", test="-1w"))
    assert "the others have: train 2, test 1; after the end: 0" in str(caught.value)
    with pytest.raises(UsageError, match=r"Split 'train' .* before 2010-11-30T.*after the end: 2"):
        run(path, tmp_path / "out", splits=by_time("2010-12-01", train=None, eval="-1d"))
    with pytest.raises(UsageError, match=r"Split 'all' .* before 2010-01-01T.*\(after the end: 3\)"):
        run(path, tmp_path / "out", splits=by_time("2010-01-01", all=None))


def test_times_out_of_order_and_of_several_files(tmp_path: Path) -> None:
    shuffled = [DAYS[number] for number in (3, 0, 4, 2, 1)]
    write_days(tmp_path / "in/1.csv", shuffled[:2])
    write_days(tmp_path / "in/2.csv", shuffled[2:])
    summary = run(tmp_path / "in", tmp_path / "out", splits=by_time(train=None, eval="-7d"))
    assert [split["rows"] for split in summary["splits"].values()] == [3, 2]
    assert summary["time_end"] == "2010-12-10T00:00:00+00:00"


def test_times_with_and_without_a_zone(tmp_path: Path) -> None:
    texts = [
        "2010-12-03T00:30+01:00",  # still the 2nd of December
        "2010-12-03T00:30",
        "2010-12-02T23:30Z",
        "2010-12-02T23:30:00-0100",
        "2010-12-03",
    ]
    expected = [[0, 2], [1, 3, 4]]
    for name, order in (("mixed", range(5)), ("reversed", range(4, -1, -1))):
        lines = "".join(f"{number},{texts[number]}\n" for number in order)
        path = write(tmp_path / f"{name}.csv", f"id,at\n{lines}")
        run(path, tmp_path / name, splits=by_time(train=None, eval="2010-12-03"))
        assert ids(tmp_path / name, "train", "eval") == expected
        summary = run(path, tmp_path / name, splits=by_time(train=None, eval="2010-12-03T02:00+02:00"))
        assert ids(tmp_path / name, "train", "eval") == expected
        assert summary["time_splits"]["eval"] == "2010-12-03T00:00:00+00:00"


def test_parquet_times_of_every_unit_and_zone(tmp_path: Path) -> None:
    for unit in ("s", "ms", "us", "ns"):
        for zone in (None, "Europe/London", "+05:30"):
            moments = [datetime.datetime(2010, 12, day, tzinfo=datetime.UTC) for day in (1, 5, 9)]
            table = pa.table({"id": [0, 1, 2], "at": pa.array(moments, pa.timestamp(unit, zone))})
            path = write_table(tmp_path / "in.parquet", table)
            run(path, tmp_path / "out", splits=by_time(train=None, eval="-5d"))
            assert ids(tmp_path / "out", "train", "eval") == [[0], [1, 2]]


def test_the_last_four_weeks_of_real_order_lines(online_retail: Path, tmp_path: Path) -> None:
    splits = Splits(time_column="InvoiceDate", time_splits={"train": None, "eval": "-4w"}, time_end="2010-11-01")
    sample = {"share": 0.05, "columns": ("CustomerID",)}
    summary = run(online_retail, tmp_path / "out", splits=splits, sample=sample)
    assert summary["time_splits"]["eval"] == "2010-10-04T00:00:00+00:00"
    assert summary["rows_after_end"] > 100_000
    times = {name: [row["InvoiceDate"] for row in rows(tmp_path / "out", name)] for name in ("train", "eval")}
    assert max(times["train"]) < microseconds("2010-10-04") <= min(times["eval"])
    assert max(times["eval"]) < microseconds("2010-11-01")


MOMENTS = st.integers(microseconds("1970-01-02"), microseconds("2100-01-01"))


@given(text=st.datetimes(timezones=st.none() | st.timezones()))
def test_iso_and_back(text: datetime.datetime) -> None:
    assert microseconds(iso(microseconds(text.isoformat()))) == microseconds(text.isoformat())


@given(time=MOMENTS)
def test_the_end_is_the_first_midnight_behind_the_newest_row(time: int) -> None:
    end, day = midnight_after(time), before_end("-1d")
    assert time < end <= time + day
    assert end % day == 0
    assert iso(end).endswith("T00:00:00+00:00")


@given(moments=st.lists(st.tuples(MOMENTS, st.booleans()), max_size=20))
def test_texts_are_read_each_for_itself(moments: list[tuple[int, bool]]) -> None:
    texts = [iso(time).removesuffix("" if zoned else "+00:00") for time, zoned in moments]
    column = pa.array([None, *(text.encode() for text in texts)], pa.binary())
    assert column_microseconds(column, "at").to_pylist() == [None, *(time for time, _ in moments)]


STARTS = st.sampled_from([("-1d",), ("-36h",), ("-3w", "-2d"), ("-400d", "-1w", "-1h")])
MINUTES = datetime.timedelta(minutes=30)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    others=st.lists(st.none() | st.datetimes(datetime.datetime(2008, 1, 1), datetime.datetime(2010, 3, 1))),
    end=st.none() | st.sampled_from(["2010-02-01T00:00", "2010-02-15T05:00+02:00"]),
    starts=STARTS,
    batch_rows=st.sampled_from([7, 10_000]),
    random=st.randoms(use_true_random=False),
    share=st.sampled_from([1.0, 0.5]),
)
def test_relative_splits_are_absolute_ones_in_any_order(
    others: list[datetime.datetime | None],
    end: str | None,
    starts: tuple[str, ...],
    batch_rows: int,
    random: Any,
    share: float,
    tmp_path: Path,
) -> None:
    last = microseconds(end or "2010-03-02")
    begins = [last - before_end(start) for start in ("-500d", *starts)]
    # Thirty rows in each split, so that none is empty, also in a sample.
    some = [datetime.datetime.fromisoformat(iso(begin)).replace(tzinfo=None) + MINUTES for begin in begins] * 30
    newest = [] if end else [datetime.datetime(2010, 3, 1, 23, 30)]
    times = [*some, *newest, *others]
    table = pa.table({"id": list(range(len(times))), "at": pa.array(times, pa.timestamp("us"))})
    arranged = table.take(random.sample(range(len(times)), len(times)))
    names = [f"s{number}" for number in range(len(starts))]
    splits = by_time(end, train=None, **dict(zip(names, starts, strict=True)))
    absolute = by_time(iso(last), train=None, **dict(zip(names, map(iso, begins[1:]), strict=True)))
    told = []
    with pytest.MonkeyPatch.context() as patch:
        for folder, rows_, how in (("in", table, splits), ("arranged", arranged, splits), ("plain", table, absolute)):
            path = write_table(tmp_path / f"{folder}.parquet", rows_)
            summary = run(path, tmp_path / folder, splits=how, allowed=0.99, sample={"share": share})
            del summary["files"], summary["quarantined_first"], summary["rows_lost"]  # which depend on where rows stand
            told.append((outcome(tmp_path / folder, summary), summary | {"input_digest": ""}))
            patch.setattr(readers, "BATCH_ROWS", batch_rows)
    assert told[0] == told[1] == told[2]
    summary = told[0][1]
    in_splits = sum(split["rows"] for split in summary["splits"].values())
    counted = [summary[name] for name in ("rows_after_end", "rows_left_out", "quarantined_rows")]
    assert in_splits + sum(counted) == summary["total_rows"] == len(times)
    assert summary["quarantined_rows"] == others.count(None) == len(quarantined(tmp_path / "in"))
    assert (summary["rows_left_out"] > 0) == (share < 1)
