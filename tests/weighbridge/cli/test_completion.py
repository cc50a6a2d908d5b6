"""What a shell completes: pipelines, runs, steps."""

import os
import subprocess
import sys

import pytest

from tests.command_line import ROOT
from tests.weighbridge.runs.histories import add_run
from weighbridge.runs.record import StepRecord
from weighbridge.runs.workspace import Workspace


@pytest.fixture
def complete(workdir, tmp_path):
    """What bash is offered for the last of the words."""
    add_run(Workspace(workdir, "taxi"), 1, steps=[StepRecord(name=name, state="done") for name in ("Trainer", "Use")])
    (tmp_path / "churn").mkdir()
    (tmp_path / "churn/pipeline.py").write_text("from x import Parameters\ndef create_pipeline(a, b): ...\n")

    def offered(*words: str) -> list[str]:
        environment = os.environ | {
            "WEIGHBRIDGE_WORKDIR": str(workdir),
            "PYTHONPATH": str(ROOT),
            "_WEIGHBRIDGE_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(["weighbridge", *words]),
            "COMP_CWORD": str(len(words)),
        }
        command = [sys.executable, "-c", "from weighbridge.cli.main import main; main()"]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.stdout.split()

    return offered


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("check", "t"), ["taxi"]),
        (("run", "ch"), ["churn/pipeline.py"]),
        (("run", "./c"), ["./churn/pipeline.py"]),
        (("show", "l"), ["latest"]),
        (("diff", "latest", "2026"), ["20260303-030700-0001"]),
        (("logs", "latest", "T"), ["Trainer"]),
        (("logs", "nowhere", "T"), []),
    ],
)
def test_words_are_completed(complete, words, offered):
    assert complete(*words) == offered
