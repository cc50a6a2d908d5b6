"""The data of a model: found by name, verified by digest, laid where nothing else is read."""

import shutil
from pathlib import Path

import pytest

from tests.components.pusher.buckets import BUCKET, GCS, double_of
from tests.weighbridge.reproduce.pushed import inputs
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.resolve import input_digest, resolve
from weighbridge.evidence.provenance import DataOrigin
from weighbridge.evidence.summary import InputFile
from weighbridge.reproduce.data import lay, verify
from weighbridge.storage import inputs as inputs_of_store


@pytest.fixture
def spans(tmp_path: Path) -> str:
    """A pattern over three spans, each of two files."""
    for span in (1, 2, 3):
        folder = tmp_path / f"data/span-{span}"
        folder.mkdir(parents=True)
        for name in ("a.csv", "b.csv"):
            (folder / name).write_text(f"x\n{span}{name}\n")
    return str(tmp_path / "data/span-{SPAN}/*.csv")


def span_files(pattern: str, span: int) -> list[Path]:
    return [Path(path) for path in resolve(pattern, str(span)).files]


def test_an_old_span_is_laid_alone_and_reads_as_it_did(spans, tmp_path):
    files = span_files(spans, 1) + span_files(spans, 2)
    before = input_digest(spans, "2", window=2)
    laid = lay(verify(inputs(*files), spans), spans, tmp_path / "laid")
    assert laid.data is not None
    assert resolve(laid.data).span == 2
    assert input_digest(laid.data, "latest", window=2) == before
    assert laid.described.startswith("4 files, ")


def test_a_folder_is_laid_without_what_was_added_since(tmp_path):
    folder = tmp_path / "rows"
    (folder / "below").mkdir(parents=True)
    for name in ("a.csv", "below/b.csv"):
        (folder / name).write_text(f"x\n{name}\n")
    data = inputs(folder / "a.csv", folder / "below/b.csv")
    (folder / "c.csv").write_text("x\nlater\n")
    laid = lay(verify(data, str(folder)), str(folder), tmp_path / "laid")
    names = [Path(path).relative_to(laid.data).as_posix() for path in resolve(laid.data).files]
    assert names == ["a.csv", "below/b.csv"]


def test_a_single_file_is_laid_as_a_file(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("x\n1\n")
    laid = lay(verify(inputs(path), str(path)), str(path), tmp_path / "laid")
    assert laid.data == str(tmp_path / "laid/rows.csv")
    assert Path(laid.data).read_text() == "x\n1\n"


def test_what_is_laid_by_a_glob_is_read_by_the_same_glob(spans, tmp_path):
    glob = spans.replace("{SPAN}", "3")
    laid = lay(verify(inputs(*span_files(spans, 3)), glob), glob, tmp_path / "laid")
    assert [Path(path).name for path in resolve(laid.data).files] == ["a.csv", "b.csv"]


def test_a_changed_byte_and_a_missing_file_are_named(spans):
    files = span_files(spans, 1)
    data = inputs(*files)
    files[0].write_text(files[0].read_text().replace("1", "7", 1))
    files[1].unlink()
    with pytest.raises(UsageError) as refused:
        verify(data, spans)
    assert f"{files[0]} was changed: its SHA-256 is " in refused.value.message
    assert f"{files[1]} is not there" in refused.value.message
    assert "--data FOLDER" in refused.value.hint


def test_of_many_changed_files_the_first_are_named(tmp_path):
    files = [tmp_path / f"{number}.csv" for number in range(9)]
    for path in files:
        path.write_text("x\n1\n")
    data = inputs(*files)
    for path in files:
        path.unlink()
    with pytest.raises(UsageError, match=r"4\.csv is not there, and 4 more"):
        verify(data, str(tmp_path))


@pytest.mark.parametrize("kept", ["same tree", "pattern", "flat"])
def test_data_that_were_moved_are_found_by_their_names(kept, spans, tmp_path):
    data = inputs(*span_files(spans, 2))
    shutil.move(tmp_path / "data", tmp_path / "moved")
    other = {
        "same tree": str(tmp_path / "moved"),
        "pattern": str(tmp_path / "moved/span-{SPAN}/*.csv"),
        "flat": str(tmp_path / "moved/span-2"),
    }[kept]
    found = verify(data, spans, other)
    assert [Path(file.path) for file in found] == [tmp_path / "moved/span-2/a.csv", tmp_path / "moved/span-2/b.csv"]
    laid = lay(found, spans, tmp_path / "laid")
    assert resolve(laid.data).span == 2


def test_one_file_given_for_one_file_needs_no_name(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("x\n1\n")
    data = inputs(path)
    path.rename(tmp_path / "archived.csv")
    [file] = verify(data, str(path), str(tmp_path / "archived.csv"))
    assert file.path == str(tmp_path / "archived.csv")


def test_a_pipeline_without_a_parameter_for_its_data_reads_them_where_they_were(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("x\n1\n")
    data = inputs(path)
    assert lay(verify(data, ""), "", tmp_path / "laid").data is None
    (tmp_path / "other").mkdir()
    path.rename(tmp_path / "other/rows.csv")
    with pytest.raises(UsageError, match="has no parameter data"):
        lay(verify(data, "", str(tmp_path / "other")), "", tmp_path / "laid")


def test_a_relative_path_is_looked_for_from_the_repository_too(tmp_path, monkeypatch):
    path = tmp_path / "repository/rows.csv"
    path.parent.mkdir()
    path.write_text("x\n1\n")
    monkeypatch.chdir(path.parent)
    data = inputs(Path("rows.csv"))
    monkeypatch.chdir(tmp_path)
    [file] = verify(data, "rows.csv", bases=[path.parent])
    assert file.path == str(path)
    assert lay([file], "rows.csv", tmp_path / "laid").data == str(tmp_path / "laid/rows.csv")


def test_data_in_a_store_are_verified_and_brought_here(tmp_path, monkeypatch):
    double_of(GCS, monkeypatch)
    addresses = [f"gs://{BUCKET}/rows/span-{span}/a.csv" for span in (1, 2)]
    for span, address in enumerate(addresses, 1):
        GCS.overwrite(address, f"x\n{span}\n".encode())
    pattern = f"gs://{BUCKET}/rows/span-{{SPAN}}/*.csv"
    file = InputFile(path=addresses[0], bytes=4, sha256=inputs_of_store.digest(addresses[0]))
    data = [DataOrigin(files=[file])]
    laid = lay(verify(data, pattern), pattern, tmp_path / "laid")
    assert resolve(laid.data).files == (str(tmp_path / "laid/span-1/a.csv"),)
    assert (tmp_path / "laid/span-1/a.csv").read_text() == "x\n1\n"
    GCS.overwrite(addresses[0], b"x\n9\n")
    with pytest.raises(UsageError, match=f"{addresses[0]} was changed"):
        verify(data, pattern)
