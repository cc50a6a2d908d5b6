"""A work directory that somebody else wrote to."""

import json
import os
from pathlib import Path

import pytest

from tests.hostile.conftest import assert_clear
from weighbridge.runs.record import Run, RunRecord
from weighbridge.runs.workspace import Workspace

RECORDS = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "no fields": "{}",
    "too deep": "[" * 5000 + "]" * 5000,
    "an unknown state": '{"run_id": "x", "pipeline": "hostile", "module": "x", "started": "2026-01-01", "state": "no"}',
    "a time that is none": '{"run_id": "x", "pipeline": "hostile", "module": "x", "started": "yesterday"}',
}  # fmt: skip


@pytest.mark.parametrize("text", RECORDS.values(), ids=RECORDS.keys())
def test_a_record_of_a_run_that_is_none_is_passed_over(weighbridge, workdir: Path, text: str) -> None:
    whole = add_run(workdir, "20260101-000000-aaaa")
    torn = workdir / "hostile/runs/20260102-000000-bbbb"
    torn.mkdir(parents=True)
    (torn / "run.json").write_text(text)
    listed = weighbridge("runs", "--json")
    assert listed.code == 0, listed.err
    assert [run["run_id"] for run in json.loads(listed.out)] == [whole.record.run_id]
    assert_clear(weighbridge("show", str(torn)))


def test_what_a_record_says_does_not_reach_the_terminal_raw(weighbridge, workdir: Path) -> None:
    add_run(workdir, "20260101-000000-aaaa", error="\x1b]0;owned\x07 \u202egnp.exe", state="failed")
    for command in (("runs",), ("show",)):
        told = weighbridge(*command)
        assert "\x1b]0" not in told.out + told.err
        assert "\u202e" not in told.out + told.err


def add_run(workdir: Path, run_id: str, **described: object) -> Run:
    record = RunRecord(
        run_id=run_id,
        pipeline="hostile",
        module="hostile.pipeline",
        started="2026-01-01T00:00:00Z",
        **{"state": "passed"} | described,
    )
    run = Run(Workspace(workdir, "hostile").folder / "runs" / run_id, record)
    run.save()
    return run


def test_a_record_that_is_a_pipe_is_waited_for_by_nobody(weighbridge, workdir: Path) -> None:
    whole = add_run(workdir, "20260101-000000-aaaa")
    torn = workdir / "hostile/runs/20260102-000000-bbbb"
    torn.mkdir(parents=True)
    os.mkfifo(torn / "run.json")
    listed = weighbridge("runs", "--json")
    assert [run["run_id"] for run in json.loads(listed.out)] == [whole.record.run_id]
    assert_clear(weighbridge("show", str(torn)))
