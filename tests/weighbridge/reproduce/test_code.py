"""The code of a model: as it lies here, or its commit beside it, which is gone afterwards."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import wait_until
from tests.weighbridge.reproduce import tumours
from weighbridge.common.errors import UsageError
from weighbridge.evidence.provenance import Origin
from weighbridge.reproduce.cleared import cleared_folder
from weighbridge.reproduce.code import check_out, find_code, import_root
from weighbridge.runs.origin import changes_digest


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A user's repository, where the command is called."""
    repository = tmp_path / "repository"
    tumours.write(repository)
    monkeypatch.chdir(repository)
    monkeypatch.syspath_prepend(str(repository))
    for name in [name for name in sys.modules if name.partition(".")[0] == "tumours"]:
        monkeypatch.delitem(sys.modules, name)
    return repository


def origin(here: Path, **changed: str) -> Origin:
    commit = tumours.git(here, "rev-parse", "HEAD")
    return Origin(**{"module": "tumours.pipeline", "commit": commit, "folder": "tumours"} | changed)


def test_the_commit_that_is_here_is_taken_as_it_is(repository, tmp_path):
    of = origin(repository)
    code = find_code(of)
    assert (code.commit, code.here) == ("", repository)
    assert check_out(code, of, tmp_path / "code") == repository
    assert not (tmp_path / "code").exists()


def test_changes_that_are_here_still_are_taken_as_they_are(repository):
    (repository / "tumours/model.py").write_text("changed = True\n")
    of = origin(repository, changes=changes_digest(repository, repository / "tumours"))
    assert find_code(of).described.endswith("as it is here with its changes")


def test_another_commit_is_checked_out_beside_the_code_here(repository):
    of = origin(repository)
    hook = repository / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {repository}/hooked\n")
    hook.chmod(0o755)
    (repository / "tumours/model.py").write_text("changed = True\n")
    tumours.commit(repository, "Change the model")
    (repository / "tumours/model.py").write_text("changed = 'again'\n")
    with cleared_folder(repository) as scratch:
        root = check_out(find_code(of), of, scratch / "code")
        assert root == scratch / "code"
        assert "SGDClassifier" in (root / "tumours/model.py").read_text()
        assert (repository / "tumours/model.py").read_text() == "changed = 'again'\n"
    assert not scratch.exists()
    assert not (repository / "hooked").exists()
    assert len(tumours.git(repository, "worktree", "list").splitlines()) == 1
    assert tumours.git(repository, "status", "--porcelain") == "M tumours/model.py"


def test_a_kill_leaves_no_work_tree(repository, tmp_path):
    script = f"""
import sys, time
from pathlib import Path
from weighbridge.reproduce.cleared import cleared_folder
from weighbridge.reproduce.code import Code, check_out
from weighbridge.evidence.provenance import Origin
repository, of = Path({str(repository)!r}), Origin(module="tumours.pipeline", folder="tumours")
with cleared_folder(repository) as scratch:
    check_out(Code(repository, sys.argv[1], None, ""), of, scratch / "code")
    print(scratch, flush=True)
    time.sleep(600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, origin(repository).commit],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    scratch = Path(process.stdout.readline().strip())
    assert (scratch / "code/tumours/model.py").is_file()
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: not scratch.exists() and len(tumours.git(repository, "worktree", "list").splitlines()) == 1)


def test_changes_that_were_never_committed_are_asked_for(repository):
    of = origin(repository, changes="sha256:0123456789abcdef")
    with pytest.raises(UsageError, match=r"never committed \(sha256:0123456789ab…\), and they are not here"):
        find_code(of)
    (repository / "tumours/model.py").write_text("other = True\n")
    with pytest.raises(UsageError, match="and they are others"):
        find_code(of)


def test_a_commit_that_is_gone_is_to_be_fetched(repository):
    of = origin(repository, commit="0" * 40, repository="https://example.org/tumours.git")
    with pytest.raises(UsageError, match=f"is commit {'0' * 40}, which is not in {repository}") as refused:
        find_code(of)
    assert refused.value.hint == f"Fetch it: git -C {repository} fetch https://example.org/tumours.git {'0' * 40}"


def test_outside_of_a_repository_it_is_to_be_cloned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    of = Origin(module="nowhere.pipeline", commit="1" * 40, repository="https://example.org/tumours.git")
    with pytest.raises(UsageError, match="no git repository here") as refused:
        find_code(of)
    assert "git clone https://example.org/tumours.git" in refused.value.hint


def test_code_of_no_repository_is_taken_as_it_is_here(repository, tmp_path, monkeypatch):
    package = tmp_path / "plain/tumours"
    package.parent.mkdir()
    (repository / "tumours").rename(package)
    monkeypatch.chdir(package.parent)
    monkeypatch.syspath_prepend(str(package.parent))
    code = find_code(Origin(module="tumours.pipeline"))
    assert (code.commit, code.here) == ("", package.parent)
    with pytest.raises(UsageError, match=r"There is no pipeline 'gone\.pipeline'"):
        find_code(Origin(module="gone.pipeline"))


def test_a_module_is_imported_from_above_its_package_also_through_a_link(tmp_path):
    (tmp_path / "pipelines/taxi").mkdir(parents=True)
    (tmp_path / "pipelines/taxi/pipeline.py").touch()
    (tmp_path / "project").mkdir()
    (tmp_path / "project/pipelines").symlink_to("../pipelines")
    folder = tmp_path / "pipelines/taxi"
    assert import_root("project.pipelines.taxi.pipeline", folder, tmp_path) == tmp_path
    assert import_root("taxi.pipeline", folder, tmp_path) == tmp_path / "pipelines"
    assert import_root("pipeline", folder, tmp_path) == folder
    assert import_root("elsewhere.pipeline", folder, tmp_path) is None


def test_a_commit_without_the_module_says_so(repository):
    tumours.git(repository, "mv", "tumours", "renamed")
    commit = tumours.commit(repository, "Rename")
    of = origin(repository)
    tumours.git(repository, "mv", "renamed", "tumours")
    tumours.commit(repository, "Rename back")
    with cleared_folder(repository) as scratch, pytest.raises(UsageError, match=f"{commit} holds no module tumours"):
        check_out(find_code(of), of, scratch / "code")
