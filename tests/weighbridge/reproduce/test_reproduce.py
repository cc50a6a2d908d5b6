"""Models that were pushed, made again: a month of spans later, from another commit, and from where they had started."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ROOT, Result
from tests.weighbridge.reproduce import tumours

pytestmark = pytest.mark.slow

RUNS = """
import sys
from pathlib import Path
import weighbridge
from tests.weighbridge.reproduce.tumours import write_span

sys.path.insert(0, ".")
for span in range(1, 4):
    write_span(Path(), span)
    assert weighbridge.run("tumours", push=True, workdir="work").passed
"""


def call(repository: Path, *command: str, **environment: str) -> Result:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "120"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A model of scikit-learn's, pushed on three spans, each started from the one before; the code went on since."""
    repository = tmp_path_factory.mktemp("repository")
    tumours.write(repository)
    done = call(repository, "-c", RUNS)
    assert done.code == 0, done.err
    model = repository / "tumours/model.py"
    model.write_text(model.read_text().replace('"log_loss"', '"modified_huber"'))
    tumours.commit(repository, "Take another loss")
    model.write_text(model.read_text() + "# being edited\n")
    return repository


def state(repository: Path) -> list[str]:
    """Everything that is the user's: the tree, the work trees, production, the folders of runs."""
    return [
        tumours.git(repository, "status", "--porcelain"),
        tumours.git(repository, "worktree", "list"),
        *sorted(str(path) for path in (repository / "work").glob("*/*/*")),
    ]


def test_a_version_of_long_ago_is_made_again_bit_for_bit(repository, tmp_path):
    before = state(repository)
    kept = tmp_path / "kept"
    done = call(repository, "-m", "weighbridge", "reproduce", "tumours@1", "--keep", str(kept), TMPDIR=str(tmp_path))
    assert done.code == 0, done.out + done.err
    assert "✓ IDENTICAL" in done.out
    assert "checked out beside the code here" in done.out
    assert "✓ Trainer" in done.out
    pushed = repository / "work/tumours/production/1"
    assert {path.relative_to(pushed) for path in pushed.rglob("*.*")} == {
        path.relative_to(kept / "model") for path in (kept / "model").rglob("*.*")
    }
    assert (kept / "model/saved_model.pb").read_bytes() == (pushed / "saved_model.pb").read_bytes()
    assert state(repository) == before
    # TensorFlow's autograph compiles what it writes into the folder for temporary files.
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"kept"}


def test_a_version_that_started_from_the_one_before_starts_there_again(repository):
    done = call(repository, "-m", "weighbridge", "reproduce", "work/tumours/production/2", "--json")
    assert done.code == 0, done.out + done.err
    assert json.loads(done.out)["state"] == "identical"


def test_other_luck_is_told_by_variable_and_metric(repository):
    done = call(repository, "-m", "weighbridge", "reproduce", "tumours@1", "--json", LUCK="3")
    assert done.code == 1, done.out + done.err
    found = json.loads(done.out)
    variables = {each["name"]: each for each in found["variables"]}
    assert set(variables) == {"weights", "bias"}  # mean and scale owe nothing to luck
    assert variables["weights"]["largest"] > 0
    assert found["state"] in ("within_intervals", "beyond_intervals")
    [metric] = found["metrics"]
    assert metric["gate"] == "quality.auc.min"
    assert metric["made_again"] is not None
