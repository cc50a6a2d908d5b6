"""A user's own components declare where they leave gates: what is not there as declared refuses the run."""

import json

import pytest

from weighbridge.runs.workspace import find_run

OWN = "tests.weighbridge.local.own"


def verdict(workdir):
    return json.loads((find_run(workdir).folder / "verdict.json").read_text())


def test_their_gates_are_the_runs(weighbridge, workdir):
    done = weighbridge("run", OWN)
    assert done.code == 0, done.err
    found = verdict(workdir)
    assert [gate["name"] for gate in found["gates"]] == ["own.rows.min", "own.size.min"]
    assert found["subject"] == {"data": "sha256:10"}
    assert weighbridge("run", OWN, "--set", "rows=2").code == 1


@pytest.mark.parametrize(
    ("settings", "gate"),
    [
        (("leaves=",), "run.Counted.report.gates_readable"),
        (("leaves=no gates",), "run.Counted.report.gates_readable"),
        (("checks=0",), "run.Checked.report.gates_readable"),
    ],
)
def test_declared_gates_that_are_missing_or_broken_refuse(weighbridge, workdir, settings, gate):
    done = weighbridge("run", OWN, *(part for each in settings for part in ("--set", each)))
    assert done.code == 1, done.err
    assert [each["name"] for each in verdict(workdir)["gates"] if each["status"] == "unmeasured"] == [gate]
