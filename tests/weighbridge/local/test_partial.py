"""`run --to STEP`: the first steps alone, cheap first."""

import json

import pytest

from tests.weighbridge.local.test_run import TINY, calls
from weighbridge.runs.workspace import Workspace, find_run

__all__ = ["calls"]


def test_it_ends_after_the_step_with_a_verdict_of_its_own(weighbridge, workdir, calls):
    done = weighbridge("run", TINY, "--to", "Count")
    assert done.code == 0, done.err
    assert calls() == ["Count"]
    run = find_run(workdir)
    assert (run.record.partial, run.record.to) == (True, "Count")
    assert [step.name for step in run.record.steps] == ["Count"]
    verdict = json.loads((run.folder / "verdict.json").read_text())
    assert [gate["name"] for gate in verdict["gates"]] == ["data.rows.min"]
    assert "partial run to Count" in weighbridge("runs").out
    assert "partial run to Count" in weighbridge("show").out
    assert json.loads(weighbridge("show", "--json").out)["run"]["partial"] is True


def test_it_is_no_outcome_of_the_whole_but_the_whole_goes_on_from_it(weighbridge, workdir, calls):
    weighbridge("run", TINY, "--to", "Count")
    calls()
    whole = weighbridge("run", TINY)
    assert "Nothing changed" not in whole.out
    assert calls() == ["Use"]
    assert [step.state for step in find_run(workdir).record.steps] == ["cached", "done"]
    assert not find_run(workdir).record.partial


def test_again_it_says_that_nothing_changed_although_the_whole_ran_in_between(weighbridge, calls):
    weighbridge("run", TINY, "--to", "Count")
    weighbridge("run", TINY)
    calls()
    assert "Nothing changed" in weighbridge("run", TINY, "--to", "Count").out
    assert "Nothing changed" in weighbridge("run", TINY).out
    assert calls() == []


def test_a_refusing_step_is_exit_1_and_nothing_behind_it_is_told_of(weighbridge, workdir, calls):
    refused = weighbridge("run", TINY, "--to", "Count", "--set", "rows=3")
    assert refused.code == 1
    assert [(step.name, step.state) for step in find_run(workdir).record.steps] == [("Count", "refused")]


def test_up_to_the_last_step_it_is_the_whole(weighbridge, workdir):
    assert weighbridge("run", TINY, "--to", "Use").code == 0
    assert not find_run(workdir).record.partial
    assert "Nothing changed" in weighbridge("run", TINY).out


@pytest.mark.parametrize(("step", "hint"), [("Cuont", "Did you mean 'Count'?"), ("x", "Steps: Count, Use.")])
def test_an_unknown_step_is_exit_2_and_names_the_steps(weighbridge, calls, step, hint):
    wrong = weighbridge("run", TINY, "--to", step)
    assert wrong.code == 2
    assert f"There is no step {step!r}" in wrong.err
    assert hint in wrong.err
    assert calls() == []


def test_records_of_older_versions_can_be_read(weighbridge, workdir):
    weighbridge("run", TINY)
    run = Workspace(workdir, "tiny").runs()[0]
    old = json.loads((run.folder / "run.json").read_text())
    for name in ("kind", "to", "delivered_to"):
        del old[name]
    for step in old["steps"]:
        del step["fingerprint"]
    old["fingerprint"] = {"code": "sha256:0", "functions": [], "files": "sha256:0"}
    (run.folder / "run.json").write_text(json.dumps(old))
    assert weighbridge("show").code == 0
    assert weighbridge("run", TINY).code == 0
    assert [step.state for step in find_run(workdir).record.steps] == ["cached", "cached"]
