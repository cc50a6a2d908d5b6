"""No row twice, no file passed over, and none that changes while it is read."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tests.components.example_gen.helpers import one_split, write, write_table
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.example_gen import generate, readers

ROWS = "id,x\n" + "".join(f"{number},{number * 3}\n" for number in range(500))


def copy(folder: Path) -> None:
    write(folder / "b.csv", ROWS)


def hard_link(folder: Path) -> None:
    (folder / "b.csv").hardlink_to(folder / "a.csv")


def link(folder: Path) -> None:
    (folder / "b.csv").symlink_to(folder / "a.csv")


def linked_folder(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "a.csv").rename(folder / "deep/a.csv")
    (folder / "latest").symlink_to(folder / "deep")


@pytest.mark.parametrize("double", [copy, hard_link, link, linked_folder])
def test_rows_never_count_twice(double: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / "in/a.csv", ROWS)
    double(tmp_path / "in")
    with pytest.raises(UsageError, match=r"a\.csv and .*\.csv (are one file|hold the same bytes).*count twice"):
        one_split(tmp_path / "in", tmp_path / "out")


def test_a_folder_in_itself_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "in/deep/a.csv", ROWS)
    (tmp_path / "in/deep/up").symlink_to(tmp_path / "in")
    for input in (tmp_path / "in", tmp_path / "in/**/*.csv"):
        with pytest.raises(UsageError, match=r"in/deep/up leads back to a folder that it lies in"):
            one_split(input, tmp_path / "out")


def test_files_without_rows_may_be_equal(tmp_path: Path) -> None:
    for name, text in {"a": "id,x\n", "b": "id,x\n", "c": ROWS}.items():
        write(tmp_path / f"in/{name}.csv", text)
    assert one_split(tmp_path / "in", tmp_path / "out")["total_rows"] == 500


@pytest.mark.parametrize("input", ["in", "in/*/*.csv", "in/**/*.csv", "in/{SPAN}/*.csv"])
def test_a_folder_that_may_not_be_read_is_named(input: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "in/1/a.csv", ROWS)
    write(tmp_path / "in/2/b.csv", ROWS + "501,1\n")
    real = os.scandir

    def refusing(path: str) -> object:
        if str(path).rstrip("/").endswith("in/2"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)  # rights do not bind the root that tests may run as
    with pytest.raises(UsageError, match=r"in/2/? cannot be read: Permission denied"):
        one_split(tmp_path / input, tmp_path / "out")


@pytest.mark.parametrize("target", ["nowhere.csv", "b.csv"])
def test_a_link_that_leads_nowhere_is_named(target: str, tmp_path: Path) -> None:
    write(tmp_path / "in/a.csv", ROWS)
    (tmp_path / "in/b.csv").symlink_to(tmp_path / "in" / target)
    with pytest.raises(UsageError, match=r"in/b\.csv cannot be read"):
        one_split(tmp_path / "in", tmp_path / "out")


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"501,1\n")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def replace(path: Path) -> None:
    data = path.read_bytes()
    other = path.with_name("other")
    other.write_bytes(data.replace(b"1", b"2"))
    other.replace(path)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(20)
        file.write(b"9")


def remove(path: Path) -> None:
    path.unlink()


def touch(path: Path) -> None:
    os.utime(path, (1, 1))


def meanwhile(change: Callable[[Path], None], path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file change right before its rows are asked for."""
    real = generate._attempt

    def attempt(*arguments: object) -> object:
        change(path)
        return real(*arguments)

    monkeypatch.setattr(generate, "_attempt", attempt)


@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
@pytest.mark.parametrize("change", [grow, shrink, replace, overwrite, remove])
def test_a_file_that_changes_is_an_infrastructure_failure(
    change: Callable[[Path], None], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = list(range(500))
    path = write_table(tmp_path / name, pa.table({"id": numbers, "x": numbers}))
    meanwhile(change, path, monkeypatch)
    with pytest.raises(InfrastructureError, match=rf"{name} changed while it was read") as caught:
        one_split(path, tmp_path / "out")
    assert "Run again" in caught.value.hint


def test_a_file_that_is_only_touched_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "in.csv", ROWS)
    meanwhile(touch, path, monkeypatch)
    assert one_split(path, tmp_path / "out")["total_rows"] == 500


def test_a_file_cut_off_under_the_reader_is_no_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "in.csv.gz", ROWS)
    real = readers._open

    def cut(reading: object) -> object:
        os.truncate(path, 200)
        return real(reading)

    monkeypatch.setattr(readers, "_open", cut)
    with pytest.raises(InfrastructureError, match="changed while it was read"):
        one_split(path, tmp_path / "out")
