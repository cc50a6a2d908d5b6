import pytest

from weighbridge.common import files


def test_write_replaces_whole_and_leaves_nothing_beside(tmp_path):
    path = files.write_text(tmp_path / "new/folder/file.txt", "one")
    files.write_text(path, "two")
    assert path.read_text() == "two"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = files.write_json(tmp_path / "value.json", {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(path, {"a": float("nan")})
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_rename_leaves_nothing_staged(tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        files.write_text(tmp_path / "file.txt", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_staged_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), files.staged_folder(tmp_path / "folder") as staged:
        (staged / "half").write_text("x")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with files.staged_folder(tmp_path / "folder") as staged:
        (staged / "whole").write_text("x")
        assert not (tmp_path / "folder").exists()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["whole"]


def test_a_staged_folder_never_replaces_one_that_is_there(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/kept").write_text("old")
    with pytest.raises(FileExistsError), files.staged_folder(tmp_path / "folder") as staged:
        (staged / "new").write_text("new")
    assert (tmp_path / "folder/kept").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
