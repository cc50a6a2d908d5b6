"""A pipeline's code that ends the process, forks it or weighs nothing never makes a run that passed."""

import json
import os

import pytest

from tests.command_line import start
from tests.patience import PATIENCE_S
from weighbridge.common import locks
from weighbridge.runs.workspace import find_run, workspaces

UNRULY = "tests.weighbridge.local.unruly"


@pytest.mark.parametrize(
    ("does", "code", "message"),
    [
        ("", 1, "No step of this pipeline weighed anything"),
        ("exit", 2, "Do failed: SystemExit: 0"),
        ("exit early", 2, "unruly failed: SystemExit: 0"),
        ("be short of files", 3, "Do failed: OSError: [Errno 24] Too many open files"),
        (
            "push, and run out of memory",
            3,
            "The machine ran out of memory. All the same, version 3 is in production at /models/3",
        ),
    ],
)
def test_a_run_that_weighed_nothing_or_ended_itself(weighbridge, workdir, does, code, message):
    done = weighbridge("run", UNRULY, "--set", f"does={does}")
    assert (done.code, message in done.out + done.err, "Traceback" in done.out + done.err) == (code, True, False)
    assert find_run(workdir).record.exit_code == code


@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "code", "message"),
    [
        ("leave", 2, "The pipeline's own code ended the process, with exit code 0, before there was a verdict"),
        ("be asked", 3, "Interrupted"),
        ("fork", 1, "No step of this pipeline weighed anything"),
    ],
)
def test_in_a_process_of_its_own(workdir, does, code, message):
    process = start("run", UNRULY, "--set", f"does={does}", workdir=workdir)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, message in out) == (code, True), out
    assert find_run(workdir).record.exit_code == (None if does == "leave" else code)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "Doo"], "There is no step 'Doo'. Did you mean 'Do'?"),
        (["--set", "steps=0"], "The pipeline has no steps"),
    ],
)
def test_what_cannot_be_run_leaves_no_run_behind(weighbridge, workdir, arguments, message):
    done = weighbridge("run", UNRULY, *arguments)
    assert (done.code, message in done.err) == (2, True)
    assert [run for space in workspaces(workdir) for run in space.runs()] == []
    assert not list(workdir.glob("*/runs/*"))


@pytest.mark.parametrize("folder", ["/proc/reports", "file/reports", "zero\0byte"])
def test_a_folder_for_reports_that_cannot_be_written_is_said_before_anything_runs(
    weighbridge, workdir, tmp_path, monkeypatch, folder
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    done = weighbridge("run", UNRULY, "--reports", folder)
    assert (done.code, done.err.count("error: --reports: "), "Traceback" in done.err) == (2, 1, False)
    assert not workdir.exists()


def test_a_second_run_is_told_who_is_first(weighbridge, workdir):
    folder = workdir / "unruly"
    folder.mkdir(parents=True)
    with locks.exclusive(folder / ".lock"):
        locks.describe(folder / ".lock", run="20260101-000000-abcd")
        done = weighbridge("run", UNRULY)
    assert done.code == 3
    assert f"is using {folder}: process {os.getpid()}, run 20260101-000000-abcd, since 20" in done.err


def test_characters_that_terminals_obey_are_not_shown(weighbridge, workdir):
    weighbridge("run", UNRULY)
    run = find_run(workdir)
    for hostile in ("\x1b[2J", "\u202e", "\x9b2J", "\x07"):
        run.record.steps[0].note = f"note {hostile}"
        run.record.pipeline = f"un{hostile}ruly"
        run.save()
        for command in ("show", "runs"):
            assert hostile not in weighbridge(command).out
            as_json = weighbridge(command, "--json").out
            assert hostile not in as_json
            assert f"un{hostile}ruly" in json.dumps(json.loads(as_json), ensure_ascii=False) or hostile < " "
