"""Columns count only beside the TFRecord files that they were written with."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.components.example_gen.helpers import one_split, write
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts import binding
from weighbridge.components.artifacts.binding import bound_columns
from weighbridge.components.artifacts.examples import read_batches, split_files


def examples(folder: Path, name: str, values: str) -> Path:
    one_split(write(folder / f"{name}.csv", f"a\n{values}"), folder / name)
    return folder / name


def ids(folder: Path) -> list[int]:
    return sorted(value for batch in read_batches(str(folder), "all") for [value] in batch.column("a").to_pylist())


def other_columns(mine: Path, other: Path) -> None:
    shutil.copy(other / "columns/all/_00000.parquet", mine / "columns/all/_00000.parquet")


def other_records(mine: Path, other: Path) -> None:
    [target], [source] = split_files(str(mine), "all"), split_files(str(other), "all")
    shutil.copy(source, target)


def one_file_more(mine: Path, other: Path) -> None:
    [source] = split_files(str(other), "all")
    shutil.copy(source, mine / "Split-all/data_tfrecord-00001-of-00002.gz")


def one_part_more(mine: Path, other: Path) -> None:
    shutil.copy(mine / "columns/all/_00000.parquet", mine / "columns/all/_00001.parquet")


@pytest.mark.parametrize("change", [other_columns, other_records, one_file_more, one_part_more])
def test_files_that_were_not_written_together_are_refused(change: Callable[[Path, Path], None], tmp_path: Path) -> None:
    mine, other = examples(tmp_path, "mine", "1\n2\n3\n"), examples(tmp_path, "other", "1\n2\n4\n")
    assert ids(mine) == [1, 2, 3]
    change(mine, other)
    with pytest.raises(UsageError, match=r"split 'all' in .*mine are not as they were written") as caught:
        ids(mine)
    assert "let ExampleGen run again" in caught.value.hint


def test_an_artifact_may_move(tmp_path: Path) -> None:
    shutil.copytree(examples(tmp_path, "mine", "1\n2\n"), tmp_path / "there")
    assert bound_columns(tmp_path / "there", "all", split_files(str(tmp_path / "there"), "all"))
    assert ids(tmp_path / "there") == [1, 2]


def test_columns_that_nothing_binds_are_left_for_the_records(tmp_path: Path) -> None:
    mine, other = examples(tmp_path, "mine", "1\n2\n3\n"), examples(tmp_path, "other", "1\n2\n4\n")
    (mine / "columns/all/_binding.json").unlink()
    other_columns(mine, other)
    assert ids(mine) == [1, 2, 3]


def test_a_digest_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = examples(tmp_path, "mine", "1\n2\n")
    made = []
    monkeypatch.setattr(binding, "file_digest", lambda path: made.append(path) or "sha256:")
    binding._digest.cache_clear()
    for _ in range(3):
        with pytest.raises(UsageError):
            ids(mine)
    assert len(made) == 1
    binding._digest.cache_clear()
