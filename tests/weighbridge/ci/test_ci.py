"""What a CI server asks: what commits touched, which reports there are, what waits for delivery."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.ci.changes import base_of, changes, document_tests
from weighbridge.ci.pending import pending
from weighbridge.ci.summary import LIMIT, summary
from weighbridge.common.errors import UsageError
from weighbridge.runs.finish import copy_reports, write_remote_reports
from weighbridge.verdict import Gate, Verdict

ROOT = Path(__file__).parents[3]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "tests").mkdir(parents=True)
    (folder / "code.py").write_text("x = 1\n")
    (folder / "README.md").write_text("Read me.\n")
    (folder / "tests/test_readme.py").write_text("pytestmark = pytest.mark.documents\n")
    (folder / "tests/test_code.py").write_text("")
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, **texts: str) -> str:
    for name, text in texts.items():
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


def test_documents_alone_ask_for_their_tests_alone(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    commit(repository, **{"README.md": "More.\n"})
    found = changes(repository, base)
    assert (found.files, found.code, found.documents) == (("README.md",), False, True)
    assert found.tests == "-m documents tests/test_readme.py"


def test_code_asks_for_all_tests_whatever_else_changed(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    commit(repository, **{"README.md": "More.\n", "code.py": "x = 2\n"})
    found = changes(repository, base)
    assert found.code
    assert found.documents
    assert found.tests == ""


def test_code_that_was_renamed_to_a_document_is_code(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    git(repository, "mv", "code.py", "code.md")
    commit(repository)
    assert changes(repository, base).code


def test_the_same_commit_asks_for_nothing(repository: Path) -> None:
    found = changes(repository, "HEAD")
    assert (found.files, found.code, found.documents, found.tests) == ((), False, False, None)


def test_what_others_did_on_the_target_branch_is_not_of_the_change(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "mine")
    commit(repository, **{"README.md": "Mine.\n"})
    git(repository, "checkout", "--quiet", "main")
    commit(repository, **{"code.py": "theirs = 1\n"})
    git(repository, "checkout", "--quiet", "mine")
    assert changes(repository, "main").files == ("README.md",)


@pytest.mark.parametrize("base", ["", "nowhere", "--output=/tmp/x", "0" * 40])
def test_a_base_that_is_not_here_counts_as_everything(repository: Path, base: str) -> None:
    found = changes(repository, base)
    assert found.code
    assert found.tests == ""


def test_a_folder_without_commits_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a git checkout"):
        changes(tmp_path, "HEAD")


@given(st.lists(st.text(st.characters(blacklist_characters="\0/", blacklist_categories=["Cs", "Cc"]), min_size=1)))
def test_a_file_is_a_document_or_code_by_its_name_alone(names: list[str]) -> None:
    from weighbridge.ci.changes import _DOCUMENT

    for name in names:
        assert _DOCUMENT.fullmatch(f"{name}.md")
        assert _DOCUMENT.fullmatch(f"docs/{name}")
        assert not _DOCUMENT.fullmatch(f"{name}.py")
        assert not _DOCUMENT.fullmatch(f"{name}.md.py")


def test_the_base_is_the_target_branch_else_the_last_good_commit() -> None:
    assert base_of({"CHANGE_TARGET": "main", "GIT_PREVIOUS_SUCCESSFUL_COMMIT": "abc"}) == "origin/main"
    assert base_of({"GITHUB_BASE_REF": "main"}) == "origin/main"
    assert base_of({"GIT_PREVIOUS_SUCCESSFUL_COMMIT": "abc"}) == "abc"
    assert base_of({"CHANGE_TARGET": ""}) == ""


def test_this_repositorys_tests_of_documents_are_found() -> None:
    found = document_tests(ROOT).split()
    assert "tests/test_documents.py" in found
    assert "tests/infra/kubernetes/test_rights.py" in found


def verdict(run_id: str) -> Verdict:
    gate = Gate(name="quality.auc.min", status="refused", observed=0.5, threshold=0.9, message="Train it better.")
    return Verdict.of([gate], pipeline="taxi", run_id=run_id, subject={})


def test_reports_are_copied_and_those_that_are_not_there_are_not_missed(tmp_path: Path) -> None:
    run = tmp_path / "runs/20260101-000000-abcd"
    run.mkdir(parents=True)
    (run / "log.txt").write_text("It broke.")
    copy_reports(run, tmp_path / "kept")
    assert [path.name for path in (tmp_path / "kept" / run.name).iterdir()] == ["log.txt"]
    (run / "charts").mkdir()
    (run / "charts/1-quality.svg").write_text("<svg/>")
    copy_reports(run, tmp_path / "kept")
    assert (tmp_path / "kept" / run.name / "charts/1-quality.svg").read_text() == "<svg/>"
    copy_reports(run, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "runs"]


def test_a_verdict_alone_becomes_reports_too(tmp_path: Path) -> None:
    write_remote_reports(verdict("far-away"), tmp_path)
    names = {path.name for path in (tmp_path / "far-away").iterdir()}
    assert names == {"verdict.json", "junit.xml", "report.md", "report.html"}


def test_the_summary_has_the_latest_verdict_first_and_is_never_too_long(tmp_path: Path) -> None:
    assert "no verdict" in summary(tmp_path)
    assert "no verdict" in summary(tmp_path / "nowhere")
    for run_id in ("20260101-000000-abcd", "20260102-000000-abcd"):
        write_remote_reports(verdict(run_id), tmp_path)
    text = summary(tmp_path)
    assert text.index("20260102") < text.index("20260101")
    (tmp_path / "20260102-000000-abcd/report.md").write_text("| a row of it |\n" * LIMIT)
    assert len(summary(tmp_path)) <= LIMIT
    assert summary(tmp_path).endswith("The rest is in the reports.\n")


def test_nothing_waits_where_nothing_was_staged(tmp_path: Path) -> None:
    assert pending("taxi", "staging", tmp_path) == []
    with pytest.raises(UsageError, match="no stage 'stage'"):
        pending("taxi", "stage", tmp_path)
    with pytest.raises(UsageError, match="no pipeline"):
        pending("taxy", "staging", tmp_path)


@pytest.fixture
def ci(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    def call(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "weighbridge", "ci", *arguments]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True)

    return call


def test_the_commands_answer_in_json_and_end_in_the_four_exit_codes(
    ci: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    assert json.loads(ci("changes", "--base", "HEAD").stdout)["code"] is False
    assert json.loads(ci("pending", "--workdir", str(tmp_path), "--", "taxi").stdout) == []
    wrong = ci("pending", "--", "taxy")
    assert wrong.returncode == 2
    assert "There is no pipeline 'taxy'" in wrong.stderr
    assert "no verdict" in ci("summary", str(tmp_path)).stdout
