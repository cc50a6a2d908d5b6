"""`weighbridge plan` on small pipelines: for every kind of change, what it says is what `run` then does."""

import json
import shutil
import subprocess

import pytest

from tests.weighbridge.local.test_delivery import DELIVERING
from tests.weighbridge.local.test_run import TINY, calls
from tests.weighbridge.plan.exact import plan_then_run
from weighbridge.components.production_model.standing import read_record
from weighbridge.runs import fingerprint
from weighbridge.runs.workspace import find_run

__all__ = ["calls"]


@pytest.fixture
def planned(weighbridge, workdir):
    def call(*arguments):
        return plan_then_run(weighbridge, workdir, *arguments)

    return call


def test_before_the_first_run_everything_runs(weighbridge, workdir, calls):
    plan = json.loads(weighbridge("plan", TINY, "--json").out)
    assert [(step["name"], step["action"]) for step in plan["steps"]] == [("Count", "run"), ("Use", "run")]
    assert [step["seconds"] for step in plan["steps"]] == [None, None]
    assert plan["base"]["kind"] == "none"
    assert plan["trains"] is True
    assert calls() == []
    assert not workdir.exists()
    assert "never ran here" in weighbridge("plan", TINY).out


def test_nothing(planned, weighbridge, calls):
    planned(TINY)
    calls()
    again = planned(TINY)
    assert again.changed == set()
    assert set(again.actions.values()) == {"cached"}
    assert (again.plan["nothing"], again.plan["trains"], again.plan["seconds"]) == (True, False, 0)
    assert calls() == []
    assert "its verdict stands" in weighbridge("plan", TINY).out


def test_where_nothing_changed_files_are_looked_at_once(planned, weighbridge, monkeypatch):
    planned(TINY)
    asked = []
    before = fingerprint.reviewed
    monkeypatch.setattr(fingerprint, "reviewed", lambda *given: asked.append(given) or before(*given))
    assert "its verdict stands" in weighbridge("plan", TINY).out
    assert len(asked) == 1


def test_force_takes_everything_from_the_cache(planned, calls):
    planned(TINY)
    calls()
    forced = planned(TINY, "--force")
    assert set(forced.actions.values()) == {"cached"}
    assert forced.plan["nothing"]
    assert calls() == []


def test_a_parameter_is_named_and_what_reads_the_output_depends_on_it(planned):
    planned(TINY)
    changed = planned(TINY, "--set", "rows=11")
    assert changed.changed == {("parameters", "rows")}
    assert changed.actions == {"Count": "run", "Use": "run"}
    assert changed.step("Count")["why"] == "rows changed"
    assert changed.step("Use")["unless"] == ["Count.examples"]
    assert changed.plan["seconds"] > 0
    assert changed.states == {"Count": "done", "Use": "done"}


def test_an_output_that_proves_the_same_is_what_unless_is_for(planned):
    planned(TINY, "--set", "threshold=4")
    changed = planned(TINY, "--set", "threshold=4", "--set", "note=irrelevant")
    assert changed.step("Use")["unless"] == ["Count.examples"]
    assert changed.states == {"Count": "done", "Use": "cached"}


def test_back_to_what_once_was_comes_from_the_cache(planned):
    planned(TINY)
    planned(TINY, "--set", "rows=11")
    back = planned(TINY)
    assert back.actions == {"Count": "cached", "Use": "cached"}
    assert back.plan["nothing"]


def test_what_refused_refuses_again(planned):
    planned(TINY, "--set", "rows=3")
    again = planned(TINY, "--set", "rows=3")
    assert again.plan["outcome"]["passed"] is False
    forced = planned(TINY, "--set", "rows=3", "--force")
    assert forced.actions == {"Count": "cached", "Use": "skipped"}
    assert "refuses" in forced.step("Count")["why"]
    assert forced.states == {"Count": "refused", "Use": "skipped"}


def test_a_deleted_cache_is_made_anew_for_sure(planned, workdir):
    planned(TINY)
    shutil.rmtree(workdir / "tiny/artifacts")
    forced = planned(TINY, "--force")
    assert forced.actions == {"Count": "run", "Use": "run"}
    assert forced.step("Count")["why"] == "what it read or left is gone from the cache"
    assert [step["unless"] for step in forced.plan["steps"]] == [[], []]
    assert forced.states == {"Count": "done", "Use": "done"}


def test_one_deleted_output_is_made_anew_and_no_more(planned, workdir):
    planned(TINY)
    shutil.rmtree(workdir / "tiny/artifacts/Use")
    assert planned(TINY, "--force").actions == {"Count": "cached", "Use": "run"}


def test_the_metadata_gone_nothing_is_planned_until_what_it_knew_is_moved_away(planned, weighbridge, workdir):
    planned(TINY)
    (workdir / "tiny/metadata.sqlite").unlink()
    told = weighbridge("plan", TINY, "--force", "--workdir", str(workdir))
    assert told.code == 2
    command = told.err.partition("earlier runs cached: ")[2].strip()
    subprocess.run(command, shell=True, check=True)
    assert planned(TINY, "--force").actions == {"Count": "run", "Use": "run"}


def test_after_a_failure_the_finished_steps_are_kept(planned, weighbridge):
    weighbridge("run", TINY, "--set", "fail=Use")
    assert planned(TINY).actions == {"Count": "cached", "Use": "run"}


def test_up_to_a_step(planned):
    first = planned(TINY, "--to", "Count")
    assert first.actions == {"Count": "run"}
    assert planned(TINY).actions == {"Count": "cached", "Use": "run"}


def test_pushing_and_what_is_in_production(planned, workdir):
    first = planned(DELIVERING)
    assert (first.plan["pushes"], first.plan["trains"]) == (True, True)
    assert planned(DELIVERING).plan["nothing"]
    second = planned(DELIVERING, "--set", "weight=two")
    assert second.plan["base"] == {
        "kind": "production",
        "run_id": "a-run",
        "version": 1,
        "revision": "",
        "note": second.plan["base"]["note"],
    }
    assert second.states == {"ProductionModel": "done", "Make": "done", "Pusher": "done"}


def test_production_replaced_by_another_model(planned, workdir, weighbridge):
    planned(DELIVERING)
    deliver = (DELIVERING, "--set", "weight=two", "--deliver-to", "staging")
    planned(*deliver)
    assert planned(*deliver).plan["nothing"]
    weighbridge("run", DELIVERING, "--set", "weight=three")
    replaced = planned(*deliver)
    assert ("production", "") in replaced.changed
    assert replaced.step("ProductionModel")["why"] == "production changed"
    assert replaced.step("Make")["unless"] == ["ProductionModel.model"]
    assert replaced.states == {"ProductionModel": "done", "Make": "done", "Pusher": "done"}


def test_a_rehearsal_stops_before_it_pushes(planned):
    planned(DELIVERING)
    rehearsal = planned(DELIVERING, "--sample", "0.5")
    assert rehearsal.actions == {"ProductionModel": "run", "Make": "run", "Pusher": "skipped"}
    assert rehearsal.plan["pushes"] is False


def test_a_deleted_record_of_a_run_makes_the_plan_no_bolder(planned, workdir):
    planned(TINY)
    shutil.rmtree(find_run(workdir).folder)
    assert planned(TINY).actions == {"Count": "cached", "Use": "cached"}


def test_after_an_upgrade_the_record_of_production_tells_what_it_can(planned, weighbridge, workdir):
    planned(DELIVERING)
    run = find_run(workdir)
    old = json.loads((run.folder / "run.json").read_text())
    old["fingerprint"] = {"code": "sha256:0", "functions": [], "parameters": "sha256:0", "production": "sha256:0"}
    (run.folder / "run.json").write_text(json.dumps(old))
    upgraded = planned(DELIVERING)
    assert "data and code cannot be" in upgraded.plan["base"]["note"]
    assert upgraded.changed == set()


def test_approvals_are_those_of_the_policy(weighbridge):
    assert json.loads(weighbridge("plan", DELIVERING, "--json").out)["approvals"] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no_such"], "There is no pipeline"),
        ([TINY, "--set", "rows=many"], "--set rows='many'"),
        ([TINY, "--to", "x"], "Steps: Count, Use."),
        ([TINY, "--base", "no-such-revision"], "is not a revision"),
        ([TINY, "--base", "--output=/tmp/x"], "is not a revision"),
        ([DELIVERING, "--set", "pushes=production", "--deliver-to", "staging"], "destination=context.destination"),
    ],
)
def test_wrong_usage_is_exit_2_and_names_the_value(weighbridge, arguments, told):
    wrong = weighbridge("plan", *arguments)
    assert wrong.code == 2
    assert told in wrong.err


def test_a_broken_production_record_is_told_and_never_taken_for_nothing_yet(planned, weighbridge, workdir):
    planned(DELIVERING)
    assert read_record(workdir / "delivering/production").version == 1
    (workdir / "delivering/production/production.json").write_text("{}")
    wrong = weighbridge("plan", DELIVERING)
    assert wrong.code == 2
    assert "is not a production record" in wrong.err
