"""`weighbridge logs` of runs on this machine; for those on Kubeflow see `tests/weighbridge/kubeflow`."""

import json
import os
import subprocess
from contextlib import redirect_stdout

import pytest

from tests.weighbridge.runs.histories import add_run
from weighbridge.runs.log import follow_log, mark_step
from weighbridge.runs.record import Run, StepRecord
from weighbridge.runs.workspace import Workspace

STEPS = [
    StepRecord(name="ExampleGen", state="cached"),
    StepRecord(name="Trainer", state="refused", note="loss is NaN."),
    StepRecord(name="Pusher", state="skipped", note="refused before"),
]


def log_of(run: Run) -> None:
    """The log that a run leaves, with colours, a progress bar, a secret and what would move a terminal's cursor."""
    with run.log.open("w", newline="\n") as file, redirect_stdout(file):
        file.write("loading TFX\n")
        mark_step("ExampleGen")
        mark_step("Trainer")
        file.write("\x1b[1mepoch 1\x1b[0m\n 50 %\r100 %\r\n\x1b[2Jread s3://key:secret@bucket/x\n\x07bell\n")


@pytest.fixture
def run(workdir) -> Run:
    run = add_run(Workspace(workdir, "taxi"), 1, steps=STEPS)
    log_of(run)
    return run


TRAINER = ["--- Trainer (refused: loss is NaN.)", "epoch 1", " 50 %", "100 %", "read s3://***@bucket/x", "\ufffdbell"]


def test_the_latest_run_s_log_is_told_step_by_step(weighbridge, run):
    done = weighbridge("logs")
    assert done.code == 0
    assert done.out.splitlines() == [
        "loading TFX",
        "--- ExampleGen (cached)",
        *TRAINER,
        "--- Pusher (skipped: refused before)",
    ]


@pytest.mark.parametrize("named", ["latest", "taxi@-1", "20260303", None])
def test_one_step_alone(weighbridge, run, named):
    assert weighbridge("logs", named or run.folder, "Trainer").out.splitlines() == TRAINER


def test_a_step_that_was_not_reached_says_why(weighbridge, run):
    assert weighbridge("logs", "latest", "Pusher").out == "--- Pusher (skipped: refused before)\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("latest", "trainr"), ("has no step 'trainr'. Did you mean 'Trainer'?", "ExampleGen, Trainer, Pusher")),
        (("Trainer",), ("Trainer is a step, and no run", "weighbridge logs latest Trainer")),
        (("nowhere",), ("No run nowhere", "weighbridge runs")),
        (("latest", "--follow", "--json"), ("exclude each other",)),
        (("--endpoint", "http://127.0.0.1:9"), ("Which run on Kubeflow?",)),
    ],
)
def test_what_is_not_there_says_what_there_is(weighbridge, run, arguments, said):
    done = weighbridge("logs", *arguments)
    assert (done.code, done.out) == (2, "")
    assert all(text in done.err for text in said)


def test_json(weighbridge, run):
    found = json.loads(weighbridge("logs", "--json").out)
    assert (found["run_id"], found["state"], found["log"]) == (run.record.run_id, "passed", str(run.log))
    assert [(step["name"], step["state"]) for step in found["steps"]] == [
        ("", ""),
        ("ExampleGen", "cached"),
        ("Trainer", "refused"),
        ("Pusher", "skipped"),
    ]
    assert "\n".join(TRAINER[1:]) == found["steps"][2]["text"]


def test_a_log_of_an_earlier_version_is_shown_whole(weighbridge, run):
    run.log.write_text("all that there is\n")
    assert weighbridge("logs").out.startswith("all that there is\n")
    done = weighbridge("logs", "latest", "Trainer")
    assert done.code == 2
    assert "does not tell its steps apart" in done.err


def test_a_run_without_a_log_says_so(weighbridge, run):
    run.log.unlink()
    assert "there is no" in weighbridge("logs").err
    assert weighbridge("logs", "--follow").code == 2


def test_a_name_of_kubeflow_s_is_asked_there(weighbridge, run, monkeypatch):
    monkeypatch.setenv("WEIGHBRIDGE_KFP_ENDPOINT", "http://127.0.0.1:9")
    asked = []
    monkeypatch.setattr("weighbridge.cli.logs._on_kubeflow", lambda reference, *rest: asked.append(reference))
    for name in ("0a1b2c3d-0000-4000-8000-00000000000f", "https://kfp.example.org/#/runs/details/1"):
        assert weighbridge("logs", name).code == 0
    assert len(asked) == 2
    assert "named by its whole id" in weighbridge("logs", "0a1b2c3d").err
    assert "weighbridge status" in weighbridge("logs", "https://kfp.example.org/#/runs/details/1", "-f").err


def test_following_ends_with_the_run_and_leaves_nothing_out(workdir, monkeypatch):
    run = add_run(Workspace(workdir, "taxi"), 1, "running", pid=os.getpid())
    log_of(run)
    lines = follow_log(run)
    assert next(lines) == "loading TFX"
    ended = []

    def write_and_end(_seconds) -> None:
        with run.log.open("a") as file:
            file.write("the last line")
        run.record.state = "passed"
        run.save()
        ended.append(True)

    monkeypatch.setattr("weighbridge.runs.log.time.sleep", write_and_end)
    assert list(lines)[-1] == "the last line"
    assert ended == [True]


def test_following_a_step_shows_it_alone(weighbridge, run):
    assert weighbridge("logs", "-f", "latest", "Trainer").out.splitlines()[0] == "--- Trainer"
    assert "loading TFX" in weighbridge("logs", "-f").out


def test_a_killed_run_is_followed_to_its_end(weighbridge, workdir):
    gone = subprocess.Popen(["true"])
    gone.wait()
    run = add_run(Workspace(workdir, "taxi"), 1, "running", pid=gone.pid)
    log_of(run)
    assert "epoch 1" in weighbridge("logs", "-f").out
    assert "--- Trainer (killed)" in weighbridge("logs").out
