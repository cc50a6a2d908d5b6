"""Which files an input means."""

import datetime
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.components.example_gen.helpers import one_split, write
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.resolve import input_digest, resolve, span_day
from weighbridge.storage import inputs


def names(folder: Path, input: str, span: str = "latest", window: int = 1) -> tuple[int | None, list[str]]:
    resolved = resolve(str(folder / input), span, window)
    return resolved.span, [str(Path(path).relative_to(folder)) for path in resolved.files]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        *("a.csv", "b.csv", "deep/c.csv", "_SUCCESS", ".hidden.csv", "notes.txt"),
        *("span-1/x.csv", "span-2/x.csv", "span-10/x.csv", "span-10/y.csv", "span-ten/x.csv"),
        *("2026-02-28.csv", "2026-03-01.csv", "2026-02-31.csv", "2025-12-31.csv"),
    ):
        write(tmp_path / "data" / name, "a\n1\n")
    return tmp_path / "data"


def test_file_folder_and_glob(folder: Path) -> None:
    assert names(folder, "a.csv") == (None, ["a.csv"])
    assert names(folder, "?.csv") == (None, ["a.csv", "b.csv"])
    assert names(folder, "[ab].csv") == (None, ["a.csv", "b.csv"])
    assert names(folder, "deep") == (None, ["deep/c.csv"])
    _, found = names(folder, ".")
    assert {"a.csv", "deep/c.csv", "span-10/y.csv"} <= set(found)
    assert not {"_SUCCESS", ".hidden.csv", "notes.txt"} & set(found)


def test_folder_whose_name_looks_like_a_glob(tmp_path: Path) -> None:
    write(tmp_path / "data [v1]/a.csv", "a\n1\n")
    assert names(tmp_path, "data [v1]") == (None, ["data [v1]/a.csv"])


@pytest.mark.parametrize(
    ("span", "window", "number", "files"),
    [
        ("latest", 1, 10, ["span-10/x.csv", "span-10/y.csv"]),
        ("latest", 2, 10, ["span-2/x.csv", "span-10/x.csv", "span-10/y.csv"]),
        ("2", 1, 2, ["span-2/x.csv"]),
        ("2", 2, 2, ["span-1/x.csv", "span-2/x.csv"]),
    ],
)
def test_spans(folder: Path, span: str, window: int, number: int, files: list[str]) -> None:
    assert names(folder, "span-{SPAN}/*.csv", span, window) == (number, files)


def test_days(folder: Path) -> None:
    pattern = "{YYYY}-{MM}-{DD}.csv"
    number, files = names(folder, pattern)
    assert files == ["2026-03-01.csv"]
    assert number is not None
    assert span_day(number) == datetime.date(2026, 3, 1)
    assert names(folder, pattern, "2026-02-28", 2)[1] == ["2025-12-31.csv", "2026-02-28.csv"]
    assert names(folder, pattern, str(number))[1] == files
    assert resolve(f"{folder}/{{YYYY}}-{{MM:2}}-{{DD}}.csv").files == (f"{folder}/2026-03-01.csv",)


def test_field_that_stands_twice(tmp_path: Path) -> None:
    for name in ("1/data-1.csv", "2/data-1.csv", "3/data-4.csv"):
        write(tmp_path / name, "a\n1\n")
    assert names(tmp_path, "{SPAN}/data-{SPAN}.csv") == (1, ["1/data-1.csv"])


@pytest.mark.parametrize(
    ("input", "span", "window", "told"),
    [
        ("absent.csv", "latest", 1, "no input at"),
        ("absent-*.csv", "latest", 1, "no input at"),
        ("notes.txt", "latest", 1, "no known format"),
        ("absent-{SPAN}.csv", "latest", 1, "No span matches"),
        ("span-{SPAN}/*.csv", "3", 1, "'3' is not among the spans"),
        ("span-{SPAN}/*.csv", "yesterday", 1, "'yesterday' is not a span"),
        ("span-{SPAN}/*.csv", "latest", 4, "window=4 wants 4 spans"),
        ("span-{SPAN}/*.csv", "latest", 0, "window=0"),
        ("{YYYY}-{MM}.csv", "latest", 1, "A pattern holds|holds"),
        ("{WEEK}.csv", "latest", 1, "holds"),
        ("a.csv", "2", 1, "has no {SPAN}"),
    ],
)
def test_input_without_sense(folder: Path, input: str, span: str, window: int, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        names(folder, input, span, window)


def test_other_inputs_without_sense(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No input data"):
        resolve("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no CSV, Parquet, ORC or TFRecord files"):
        resolve(str(tmp_path / "empty"))
    write(tmp_path / "a.csv", "a\n1\n")
    write(tmp_path / "a.parquet", "")
    with pytest.raises(UsageError, match="mixes formats"):
        resolve(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("a.CSV", "csv"),
        ("a.csv.gz", "csv"),
        ("a.pq", "parquet"),
        ("tfrecords.csv", "csv"),
        ("data_tfrecord-00000-of-00001.gz", "tfrecord"),
        ("a.tfrecord", "tfrecord"),
    ],
)
def test_formats(name: str, format_: str, tmp_path: Path) -> None:
    assert resolve(str(write(tmp_path / name, ""))).format == format_


def test_fingerprint_changes_with_the_data_alone(folder: Path) -> None:
    pattern = str(folder / "span-{SPAN}/*.csv")
    first = input_digest(pattern)
    write(folder / "span-10/x.csv", "a\n1\n")  # the same bytes, later
    write(folder / "span-2/x.csv", "a\n3\n")  # another span
    assert input_digest(pattern) == first
    write(folder / "span-10/x.csv", "a\n2\n")
    changed = input_digest(pattern)
    write(folder / "span-11/x.csv", "a\n2\n")
    assert len({first, changed, input_digest(pattern)}) == 3


@settings(max_examples=30, deadline=None)
@given(
    days=st.sets(st.dates(datetime.date(1970, 1, 1), datetime.date(2100, 1, 1)), min_size=1, max_size=6), data=st.data()
)
def test_any_window_of_days(
    tmp_path_factory: pytest.TempPathFactory, days: set[datetime.date], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("days")
    for day in days:
        write(folder / f"{day:%Y/%m/%d}/data.csv", "a\n1\n")
    ordered = sorted(days)
    last = data.draw(st.integers(0, len(ordered) - 1))
    window = data.draw(st.integers(1, last + 1))
    resolved = resolve(f"{folder}/{{YYYY}}/{{MM}}/{{DD}}/data.csv", ordered[last].isoformat(), window)
    assert resolved.span == (ordered[last] - datetime.date(1970, 1, 1)).days
    wanted = ordered[last - window + 1 : last + 1]
    assert list(resolved.files) == [f"{folder}/{day:%Y/%m/%d}/data.csv" for day in wanted]


def test_glob_of_local_files(folder: Path) -> None:
    found = inputs.glob(f"{folder}/**")
    assert f"{folder}/deep/c.csv" in found
    assert found == sorted(found)
    assert inputs.glob(f"{folder}/*.csv") == [
        f"{folder}/{name}.csv" for name in ("2025-12-31", "2026-02-28", "2026-02-31", "2026-03-01", "a", "b")
    ]
    assert inputs.glob(f"{folder}/absent/*") == []


def test_local_file(folder: Path) -> None:
    path = str(folder / "a.csv")
    assert inputs.is_file(path)
    assert not inputs.is_file(str(folder))
    assert inputs.is_folder(str(folder))
    assert not inputs.is_folder(path)
    assert inputs.identity(path).size == 4
    assert inputs.digest(path) == "sha256:" + __import__("hashlib").sha256(b"a\n1\n").hexdigest()
    with inputs.open_read(path) as file:
        assert file.read() == b"a\n1\n"
    with pytest.raises(UsageError, match="cannot be read"):
        inputs.open_read(str(folder / "absent.csv"))


def test_a_file_inside_a_package(taxi_csv: Path) -> None:
    found = resolve("package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv")
    assert found.files == (str(taxi_csv),)
    with pytest.raises(UsageError, match="no Python package 'nowhere'"):
        resolve("package:nowhere/data.csv")
    with pytest.raises(UsageError, match="no input at"):
        resolve("package:tfx/nothing.csv")


@pytest.mark.parametrize("input", [".", "*.csv", os.fsdecode(b"na\xefve.csv")])
def test_a_name_that_is_no_text_is_told(input: str, tmp_path: Path) -> None:
    write(tmp_path / os.fsdecode(b"na\xefve.csv"), "a\n1\n")
    with pytest.raises(UsageError, match=r"the file b'.*/na\\xefve\.csv' is not UTF-8") as caught:
        resolve(str(tmp_path / input))
    str(caught.value).encode()  # and can be printed


@pytest.mark.parametrize("name", ["{}.csv", "{1}.csv", "{a:2}.csv", "x{.csv"])
def test_braces_may_be_part_of_a_name(name: str, tmp_path: Path) -> None:
    write(tmp_path / name, "a\n1\n")
    assert names(tmp_path, name) == (None, [name])
    assert names(tmp_path, ".") == (None, [name])
    assert one_split(tmp_path / name, tmp_path / "out")["total_rows"] == 1
