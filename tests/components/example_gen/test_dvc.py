"""DVC's pointers as inputs: what they name is read, wherever its bytes are, and nothing else."""

import gzip
import shutil
from pathlib import Path

import pytest

from tests.components.example_gen.dvc_files import (
    cached,
    install_dvc,
    listing,
    md5,
    pointer,
    repository,
    run_dvc,
)
from tests.components.example_gen.helpers import one_split
from tests.made_once import made_once
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.dvc import tracked
from weighbridge.components.example_gen.resolve import input_digest, resolve

ROWS = b"a,b\n1,2\n3,4\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository that has `trips.csv` in its working tree and in its cache."""
    repository(tmp_path / "repository")
    folder = tmp_path / "repository"
    (folder / "trips.csv").write_bytes(ROWS)
    pointer(folder / "trips.csv", cached(folder / ".dvc/cache", ROWS))
    return folder


def test_a_pointer_is_the_file_beside_it(folder: Path, tmp_path: Path) -> None:
    summary = one_split(folder / "trips.csv.dvc", tmp_path / "out")
    assert (summary["total_rows"], [each["path"] for each in summary["files"]]) == (2, [str(folder / "trips.csv")])
    assert summary["dvc"] == {str(folder / "trips.csv"): md5(ROWS)}


@pytest.mark.parametrize("beside", [None, b"a,b\n9,9\n"], ids=["gone", "changed"])
def test_what_is_not_beside_it_is_read_from_the_cache(folder: Path, tmp_path: Path, beside: bytes | None) -> None:
    before = input_digest(str(folder / "trips.csv.dvc"))
    (folder / "trips.csv").unlink()
    if beside:
        (folder / "trips.csv").write_bytes(beside)
    summary = one_split(folder / "trips.csv.dvc", tmp_path / "out")
    assert (summary["total_rows"], summary["dvc"]) == (2, {str(folder / "trips.csv"): md5(ROWS)})
    assert summary["files"][0]["path"] == str(folder / f".dvc/cache/files/md5/{md5(ROWS)[:2]}/{md5(ROWS)[2:]}")
    assert summary["input_digest"] == before  # the same data, wherever they lie: nothing runs again


def test_where_nothing_has_the_bytes_the_command_that_brings_them_is_told(folder: Path) -> None:
    shutil.rmtree(folder / ".dvc/cache")
    (folder / "trips.csv").write_bytes(b"a,b\n9,9\n")
    with pytest.raises(UsageError, match="holds other bytes") as refused:
        resolve(str(folder / "trips.csv.dvc"))
    assert f"dvc pull {folder}/trips.csv.dvc" in refused.value.hint
    assert f"dvc add {folder}/trips.csv" in refused.value.hint


def test_a_damaged_cache_is_not_read(folder: Path) -> None:
    (folder / "trips.csv").unlink()
    (folder / f".dvc/cache/files/md5/{md5(ROWS)[:2]}/{md5(ROWS)[2:]}").write_bytes(ROWS + b"5,6\n")
    with pytest.raises(UsageError, match="has none of them"):
        resolve(str(folder / "trips.csv.dvc"))


@pytest.mark.parametrize("old", [False, True], ids=["dvc3", "dvc2"])
def test_the_cache_may_lie_where_the_configuration_says(tmp_path: Path, old: bool) -> None:
    folder = repository(
        tmp_path / "r", "[core]\n    remote = x\n['remote \"x\"']\n    url = /y\n[cache]\n    dir = /no\n"
    )
    (folder / ".dvc/config.local").write_text("[cache]\n    dir = ../../shared\n")
    data = gzip.compress(ROWS)
    pointer(folder / "trips.csv.gz", cached(tmp_path / "shared", data, old=old))
    assert one_split(folder / "trips.csv.gz.dvc", tmp_path / "out")["total_rows"] == 2


def test_before_dvc_3_line_ends_of_windows_count_as_those_of_unix(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    (folder / "trips.csv").write_bytes(ROWS.replace(b"\n", b"\r\n"))
    pointer(folder / "trips.csv", md5(ROWS), hash=None)
    assert resolve(str(folder / "trips.csv.dvc")).files == (str(folder / "trips.csv"),)
    pointer(folder / "trips.csv", md5(ROWS))
    with pytest.raises(UsageError, match="holds other bytes"):
        resolve(str(folder / "trips.csv.dvc"))


def test_a_folder_may_be_one_pointer_or_hold_pointers(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    files = {"day-1.csv": ROWS, "deep/day-2.csv": ROWS + b"5,6\n", "readme.txt": b"x"}
    for data in files.values():
        cached(folder / ".dvc/cache", data)
    pointer(folder / "days", cached(folder / ".dvc/cache", listing(files), ".dir"))
    summary = one_split(folder / "days.dvc", tmp_path / "out")
    assert (summary["total_rows"], len(summary["files"])) == (5, 2)  # a text is no data
    assert set(summary["dvc"]) == {str(folder / "days" / name) for name in files if name.endswith(".csv")}

    shutil.rmtree(folder / ".dvc/cache")  # the list of files is gone; the working tree has them all
    for name, data in files.items():
        (folder / "days" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "days" / name).write_bytes(data)
    assert len(resolve(str(folder / "days.dvc")).files) == 2
    (folder / "days/readme.txt").write_bytes(b"y")
    with pytest.raises(UsageError, match="dvc pull"):
        resolve(str(folder / "days.dvc"))

    several = folder / "several"
    for name in ("one.csv", "two.csv"):
        several.mkdir(exist_ok=True)
        (several / name).write_bytes(ROWS + name.encode() + b",0\n")
        pointer(several / name, md5((several / name).read_bytes()))
    assert [Path(path).name for path in resolve(str(several)).files] == ["one.csv", "two.csv"]


def test_pointers_may_be_spans(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    for span in (1, 2):
        pointer(folder / f"span-{span}.csv", cached(folder / ".dvc/cache", ROWS + b"%d,0\n" % span))
    resolved = resolve(str(folder / "span-{SPAN}.csv.dvc"), window=2)
    assert (resolved.span, list(resolved.spans.values())) == (2, [1, 2])


def test_two_pointers_to_the_same_bytes_would_count_twice(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    for name in ("one.csv", "two.csv"):
        pointer(folder / name, cached(folder / ".dvc/cache", ROWS))
    with pytest.raises(UsageError, match="count twice"):
        resolve(str(folder))


@pytest.mark.parametrize("text", ["", "outs: []", "outs: [{path: a.csv}]", ": :", "outs: 3", "- 1"])
def test_what_is_no_pointer_is_told(folder: Path, text: str) -> None:
    (folder / "trips.csv.dvc").write_text(text)
    with pytest.raises(UsageError, match=r"trips\.csv\.dvc is n"):
        resolve(str(folder / "trips.csv.dvc"))


def test_what_a_lock_says_of_an_input_is_kept_while_it_holds(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    (folder / "made").mkdir()
    (folder / "made/trips.csv").write_bytes(ROWS)
    lock = "schema: '2.0'\nstages:\n  make:\n    cmd: x\n    outs:\n    - path: made/trips.csv\n      hash: md5\n"
    (folder / "dvc.lock").write_text(f"{lock}      md5: {md5(ROWS)}\n")
    path = str(folder / "made/trips.csv")
    assert one_split(folder / "made", tmp_path / "out")["dvc"] == {path: md5(ROWS)}
    (folder / "made/trips.csv").write_bytes(ROWS + b"5,6\n")
    assert tracked([path]) == {}
    assert tracked([str(tmp_path / "elsewhere.csv"), "gs://bucket/x.csv"]) == {}


@pytest.mark.slow
def test_what_dvc_itself_writes_is_read(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`dvc add` of a file and of a folder, `dvc repro`, a cache of one's own; then only pointers are left."""
    program = made_once(tmp_path_factory, "dvc", install_dvc) / "venv/bin/dvc"
    folder = tmp_path / "r"
    (folder / "days/deep").mkdir(parents=True)
    run_dvc(program, folder, "init", "--no-scm")
    run_dvc(program, folder, "cache", "dir", "../cache")
    (folder / "trips.csv").write_bytes(ROWS.replace(b"\n", b"\r\n"))
    (folder / "days/day-1.csv").write_bytes(ROWS + b"7,8\n")
    (folder / "days/deep/täg.csv").write_bytes(ROWS + b"5,6\n")
    (folder / "dvc.yaml").write_text("stages:\n  make:\n    cmd: cp trips.csv made.csv\n    outs: [made.csv]\n")
    run_dvc(program, folder, "add", "trips.csv", "days")
    run_dvc(program, folder, "repro")
    assert tracked([str(folder / "made.csv"), str(folder / "days/day-1.csv")]).keys() == {
        str(folder / "made.csv"),
        str(folder / "days/day-1.csv"),
    }
    (tmp_path / "cache").rename(tmp_path / "away")
    assert len(resolve(str(folder / "days.dvc")).files) == 2  # from the working tree alone
    (tmp_path / "away").rename(tmp_path / "cache")
    (folder / "trips.csv").unlink()
    shutil.rmtree(folder / "days")
    assert one_split(folder / "trips.csv.dvc", tmp_path / "a")["total_rows"] == 2
    assert one_split(folder / "days.dvc", tmp_path / "b")["total_rows"] == 6
