"""`weighbridge list`: which pipelines can be run from a folder, told without importing any."""

import json
from pathlib import Path

import pytest

from tests.weighbridge.cli.test_runs import in_window
from tests.weighbridge.runs.histories import add_run, gates
from weighbridge.runs.listing import pipelines
from weighbridge.runs.workspace import Workspace

OWN = '''"""Which customers leave.

More of it.
"""

import nowhere_to_be_found
from weighbridge.standard import StandardParameters

raise SystemExit("it was imported")

class Parameters(StandardParameters): ...

def create_pipeline(parameters, context): ...
'''


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A repository of a user's own, where the command is typed."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(path: Path, text: str = OWN) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def listed(weighbridge) -> dict[str, dict]:
    done = weighbridge("list", "--json")
    assert done.code == 0, done.err
    return {each["reference"]: each for each in json.loads(done.out)}


def test_own_pipelines_come_first_and_are_not_imported(weighbridge, folder):
    module = write(folder / "churn" / "pipeline.py")
    found = listed(weighbridge)
    assert list(found) == ["./churn/pipeline.py", "recommender", "taxi"]
    own = found["./churn/pipeline.py"]
    assert (own["name"], own["description"], own["problem"]) == ("churn", "Which customers leave.", "")
    assert (own["file"], own["last_run"]) == (str(module), None)
    assert "taxi trips" in found["taxi"]["description"]


def test_the_last_run_and_how_it_ended(weighbridge, folder, workdir):
    write(folder / "churn" / "pipeline.py")
    space = Workspace(workdir, "churn")
    add_run(space, 1)
    add_run(space, 2, gates=gates(2, bad=True))
    add_run(space, 3, kind="promotion", delivered_to="staging", parameters={})
    add_run(Workspace(workdir, "churn", rehearsal=True), 4)
    last = listed(weighbridge)["./churn/pipeline.py"]["last_run"]
    assert (last["state"], last["why"]) == ("refused", "quality.auc.min +1")
    line = next(line for line in weighbridge("list").out.splitlines() if line.startswith("churn"))
    assert "refused 2026-03-04 03:14 quality.auc.min" in line
    assert line.rstrip().endswith("Which customers leave.")


def test_one_that_ran_and_is_elsewhere_is_listed_by_its_module(folder, workdir):
    add_run(Workspace(workdir, "fraud"), 1)
    assert [each.reference for each in pipelines(folder, workdir) if each.name == "fraud"] == ["taxi"]


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        (OWN + '\nNAME = "leavers"\n', "leavers", ""),
        ("def create_pipeline(", "churn", "line 1: '(' was never closed"),
        ("def create_pipeline(parameters, context): ...\n", "churn", "it has no Parameters"),
        ("from a import Parameters\ncreate_pipeline = made(1)\n", "churn", ""),
        ("from a import P as Parameters\ndef create_pipeline(p, c): ...\n", "churn", ""),
        ("class A:\n    def create_pipeline(self, x): ...\n", None, ""),
        ("def create_pipeline(name, root, data, module): ...  # TFX's own template\n", None, ""),
        ("from other import create_pipeline\n", None, ""),
    ],
)
def test_what_a_module_is_shows_in_its_source(folder, workdir, text, name, problem):
    write(folder / "churn" / "pipeline.py", text)
    own = [each for each in pipelines(folder, workdir) if each.reference.startswith(".")]
    assert [each.name for each in own] == ([name] if name else [])
    assert all(problem in each.problem and bool(problem) == bool(each.problem) for each in own)


def test_environments_hidden_folders_tests_and_the_work_directory_are_left_out(weighbridge, folder):
    for name in (".venv/x", "venv/x", "site-packages/x", ".git/x", "work/taxi", "a/b/c/d/e/f/g", "env3/lib"):
        write(folder / name / "pipeline.py")
    write(folder / "env3" / "pyvenv.cfg", "")
    write(folder / "churn" / "test_pipeline.py")
    write(folder / "deep/a/b/c/d/pipeline.py")
    done = weighbridge("list", "--json", "--workdir", "work")
    assert [each["reference"] for each in json.loads(done.out)] == ["./deep/a/b/c/d/pipeline.py", "recommender", "taxi"]


def test_two_of_one_name_are_warned_of(weighbridge, folder):
    write(folder / "taxi" / "pipeline.py")
    done = weighbridge("list")
    assert done.code == 0
    assert "2 pipelines are called taxi" in done.err


def test_where_there_is_none_of_ones_own_it_says_so(weighbridge, folder):
    done = weighbridge("list")
    assert (done.code, "taxi" in done.out) == (0, True)
    assert "No pipeline of your own is below this folder." in done.err


def test_a_window_and_control_characters(weighbridge, folder, workdir):
    write(folder / "churn" / "pipeline.py", OWN.replace("Which customers", "Which \x1b[31mcustomers"))
    lines = in_window(80, "list", workdir=workdir)
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in weighbridge("list").out
