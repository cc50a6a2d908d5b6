"""The commit in a run's record."""

import json
import subprocess

import pytest

from tests.weighbridge.runs.histories import add_run
from weighbridge.runs.commit import commit_of
from weighbridge.runs.record import Run
from weighbridge.runs.workspace import Workspace


def git(folder, *arguments):
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    (folder / "pipeline").mkdir(parents=True)
    (folder / "pipeline/pipeline.py").write_text("x = 1\n")
    git(tmp_path, "init", "--quiet", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "begin")
    return folder


def test_it_is_the_head_with_changes_where_tracked_files_differ(repository):
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "v1")
    (repository / "work").mkdir()
    (repository / "work/run.json").write_text("{}")
    assert commit_of(repository) == commit_of(repository / "pipeline") == head
    (repository / "pipeline/pipeline.py").write_text("x = 2\n")
    assert commit_of(repository / "pipeline") == f"{head}+changes"


def test_what_a_repository_does_not_keep_has_no_commit(repository, tmp_path):
    installed = repository / "venv/site-packages"
    installed.mkdir(parents=True)
    assert commit_of(installed) == ""
    assert commit_of(tmp_path) == ""
    assert commit_of(tmp_path / "gone") == ""


def test_a_repository_without_a_commit_has_none(tmp_path):
    git(tmp_path, "init", "--quiet")
    assert commit_of(tmp_path) == ""


def test_without_git_there_is_none(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(repository) == ""


def test_a_record_of_an_earlier_version_is_read(tmp_path):
    run = add_run(Workspace(tmp_path, "taxi"), 1)
    document = json.loads((run.folder / "run.json").read_text())
    del document["commit"], document["delivered"]
    (run.folder / "run.json").write_text(json.dumps(document))
    record = Run.read(run.folder).record
    assert (record.commit, record.delivered) == ("", None)
    assert record.public_json()["delivered"] is None
