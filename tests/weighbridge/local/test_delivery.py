"""`run --deliver-to` and `run --sample`: what reaches production, and what does not."""

import json
from pathlib import Path

import pytest

from tests.config_repository import ConfigRepository, isolate
from tests.weighbridge.local.test_run import calls
from weighbridge.common.files import STAGED_PREFIX
from weighbridge.components.production_model.standing import read_record
from weighbridge.runs.workspace import Workspace, find_run

__all__ = ["calls"]

DELIVERING = "tests.weighbridge.local.delivering"


@pytest.fixture
def home(workdir):
    return workdir / "delivering"


def test_a_stage_gets_the_model_and_production_stays(weighbridge, home, workdir):
    assert weighbridge("run", DELIVERING).code == 0
    before = (home / "production/production.json").read_bytes()
    done = weighbridge("run", DELIVERING, "--set", "weight=two", "--deliver-to", "staging")
    assert done.code == 0, done.err
    assert (home / "production/production.json").read_bytes() == before
    staged = read_record(home / "staging")
    assert staged.version == 1
    # It was weighed against what is in production, not against what was at the stage.
    assert staged.subject["production"] == read_record(home / "production").model_digest
    run = find_run(workdir)
    assert run.record.delivered_to == "staging"
    assert f"model: version 1 at staging {home}/staging\n" in done.out
    assert f"version 1 at staging <code>{home}/staging</code>" in (run.folder / "report.html").read_text()


def test_every_display_of_a_run_says_where_the_model_went(weighbridge, home, workdir):
    place = str(home / "production")
    expected = {"version": "1", "destination": place, "stage": "production", "already": False, "proposed": ""}
    first = json.loads(weighbridge("run", DELIVERING, "--json").out)
    assert first["run"]["delivered"] == expected
    assert json.loads((find_run(workdir).folder / "run.json").read_text())["delivered"] == expected
    assert json.loads(weighbridge("show", "--json").out)["run"]["delivered"] == expected
    assert f"Model: version 1 in `{place}`\n" in (find_run(workdir).folder / "report.md").read_text()
    assert f"model: version 1 in {place}\n" in weighbridge("show").out
    # Nothing is pushed twice, and the step's line says that it was cached.
    assert f"model: already in production as version 1, in {place}\n" in weighbridge("run", DELIVERING, "--force").out
    refused = weighbridge("run", DELIVERING, "--set", "quality=0.1")
    assert refused.code == 1
    assert "model: nowhere: refused\n" in refused.out
    assert find_run(workdir).record.delivered.destination == ""
    rehearsal = weighbridge("run", DELIVERING, "--set", "weight=two", "--sample", "0.5")
    assert "model: nowhere: no step pushed it\n" in rehearsal.out


def test_delivering_again_starts_nothing_until_production_changes(weighbridge, home, calls):
    deliver = ("run", DELIVERING, "--set", "weight=two", "--deliver-to", "staging")
    weighbridge("run", DELIVERING)
    weighbridge(*deliver)
    calls()
    assert "Nothing changed" in weighbridge(*deliver).out
    weighbridge("run", DELIVERING, "--set", "weight=three")
    calls()
    assert "Nothing changed" not in weighbridge(*deliver).out
    assert calls() == ["Make"]


def test_destinations_can_be_given_by_a_file(weighbridge, tmp_path, home):
    file = tmp_path / "destinations.yaml"
    file.write_text(f"staging: {tmp_path}/elsewhere\n")
    assert weighbridge("run", DELIVERING, "--deliver-to", "staging", "--destinations", file).code == 0
    assert read_record(tmp_path / "elsewhere").version == 1
    assert not (home / "staging").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        ("- staging", "not a mapping of stages to destinations"),
        ("{", "line 1: this is not valid YAML"),
        ("stagging: /x", "There is no stage 'stagging'"),
        ("staging: hdfs://host/x", "hdfs://host/x"),
        ("{staging: /same, canary: /same}", "share one destination"),
    ],
)
def test_wrong_destinations_are_exit_2(weighbridge, tmp_path, calls, content, told):
    file = tmp_path / "destinations.yaml"
    if content is not None:
        file.write_text(content)
    wrong = weighbridge("run", DELIVERING, "--deliver-to", "staging", "--destinations", file)
    assert wrong.code == 2
    assert told in wrong.err
    assert calls() == []


def test_an_unknown_stage_is_exit_2_and_names_the_stages(weighbridge, calls):
    wrong = weighbridge("run", DELIVERING, "--deliver-to", "stagging")
    assert wrong.code == 2
    assert "Stages: staging, canary, production" in wrong.err
    assert calls() == []


def test_a_pipeline_that_would_push_to_production_all_the_same_is_not_run(weighbridge, home, calls):
    wrong = weighbridge("run", DELIVERING, "--set", "pushes=production", "--deliver-to", "staging")
    assert wrong.code == 2
    assert "destination=context.destination" in wrong.err
    assert calls() == []
    assert not (home / "production").exists()


def test_a_rehearsal_uses_a_share_apart_and_pushes_nothing(weighbridge, home, workdir, calls):
    weighbridge("run", DELIVERING)
    before = {path: path.read_bytes() for path in home.rglob("*.json")}
    calls()
    done = weighbridge("run", DELIVERING, "--sample", "0.25")
    assert done.code == 0, done.err
    assert calls() == ["Make"]
    assert {path: path.read_bytes() for path in before} == before
    run = find_run(workdir)
    assert run.record.kind == "rehearsal"
    assert run.folder.is_relative_to(home / "rehearsal/runs")
    assert [(step.name, step.state) for step in run.record.steps] == [
        ("ProductionModel", "done"),
        ("Make", "done"),
        ("Pusher", "skipped"),
    ]
    [model] = [each for each in run.record.artifacts if each.type == "Model" and each.step == "Make"]
    assert Path(model.uri, "Format-Serving/saved_model.pb").read_text() == "one on 0.25"
    verdict = json.loads(next((home / "rehearsal/artifacts/Make/evaluation").rglob("verdict.json")).read_text())
    assert verdict["subject"]["production"] == read_record(home / "production").model_digest


def test_a_rehearsal_can_be_found_and_is_no_outcome_of_the_whole(weighbridge, workdir, calls):
    weighbridge("run", DELIVERING, "--sample", "0.25")
    run = find_run(workdir)
    assert "rehearsal" in weighbridge("runs").out
    assert weighbridge("show", run.record.run_id).code == 0
    assert weighbridge("show", run.folder).code == 0
    assert weighbridge("report", run.record.run_id[:17]).out.strip() == str(run.folder / "report.html")
    calls()
    assert "Nothing changed" in weighbridge("run", DELIVERING, "--sample", "0.25").out
    assert "Nothing changed" not in weighbridge("run", DELIVERING, "--sample", "0.5").out
    assert "Nothing changed" not in weighbridge("run", DELIVERING).out
    assert calls() == ["Make", "Make"]


def test_a_refused_rehearsal_is_exit_1(weighbridge):
    assert weighbridge("run", DELIVERING, "--sample", "0.25", "--set", "quality=0.1").code == 1


def test_a_rehearsal_compares_with_earlier_spans_and_keeps_none_of_its_own(workdir):
    home, apart = Workspace(workdir, "x"), Workspace(workdir, "x", rehearsal=True)
    for workspace, span in ((home, "span-1"), (apart, "span-9")):
        (workspace.folder / "history" / span).mkdir(parents=True)
    apart.copy_history()
    assert [path.name for path in (apart.folder / "history").iterdir()] == ["span-1"]
    assert [path.name for path in (home.folder / "history").iterdir()] == ["span-1"]


def test_a_rehearsal_copies_statistics_that_a_run_beside_is_writing(workdir):
    home, apart = Workspace(workdir, "x"), Workspace(workdir, "x", rehearsal=True)
    span = home.folder / "history/span-1"
    span.mkdir(parents=True)
    (span / "train").write_text("of all rows")
    (span / f"{STAGED_PREFIX}eval").symlink_to("gone")  # listed, but no longer there when it is copied
    apart.copy_history()
    assert [path.name for path in (apart.folder / "history/span-1").iterdir()] == ["train"]


@pytest.mark.parametrize("sample", ["0", "-0.5", "1.5", "nan"])
def test_a_share_out_of_range_is_exit_2(weighbridge, calls, sample):
    wrong = weighbridge("run", DELIVERING, f"--sample={sample}")
    assert wrong.code == 2
    assert "above 0 and up to 1" in wrong.err
    assert calls() == []


def test_a_pipeline_that_would_use_all_its_data_is_not_rehearsed(weighbridge, calls):
    wrong = weighbridge("run", "tests.weighbridge.local.tiny", "--sample", "0.5")
    assert wrong.code == 2
    assert "sample=context.sample" in wrong.err
    assert calls() == []


def test_a_rehearsal_delivers_nowhere(weighbridge):
    assert weighbridge("run", DELIVERING, "--sample", "0.5", "--deliver-to", "staging").code == 2


def test_production_that_was_tampered_with_is_no_reason_to_say_that_nothing_changed(weighbridge, home, calls):
    assert weighbridge("run", DELIVERING).code == 0
    assert "Nothing changed" in weighbridge("run", DELIVERING).out
    weights = next(path for path in sorted((home / "production/1").rglob("*")) if path.is_file())
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    for command in (("run", DELIVERING), ("run", DELIVERING, "--force"), ("plan", DELIVERING)):
        refused = weighbridge(*command)
        assert refused.code == 2
        assert "The model in production was changed" in refused.err
    weights.write_bytes(whole)
    assert "Nothing changed" in weighbridge("run", DELIVERING).out


def test_production_without_its_record_is_not_empty(weighbridge, home):
    assert weighbridge("run", DELIVERING).code == 0
    (home / "production/production.json").unlink()
    assert weighbridge("run", DELIVERING, "--set", "weight=two", "--deliver-to", "staging").code == 0
    assert read_record(home / "staging").subject["production"] == read_record(home / "production").model_digest
    (home / "production/.weighbridge").rename(home / "moved")
    refused = weighbridge("run", DELIVERING, "--set", "weight=three", "--deliver-to", "staging")
    assert refused.code == 2
    assert "No Pusher put version 1" in refused.err


def test_a_refusal_that_was_edited_into_a_pass_does_not_stand(weighbridge, home, workdir):
    refused = ("run", DELIVERING, "--set", "quality=0.1")
    assert weighbridge(*refused).code == 1
    run = find_run(workdir)
    verdict = json.loads((run.folder / "verdict.json").read_text())
    for gate in verdict["gates"]:
        gate["status"] = "passed"
    (run.folder / "verdict.json").write_text(json.dumps(verdict | {"passed": True}))
    assert weighbridge("show").code == 2
    record = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps(record | {"state": "passed", "exit_code": 0}))
    assert weighbridge("show").code == 2
    again = weighbridge(*refused)
    assert again.code == 1, again.out
    assert "Nothing changed" not in again.out
    assert not (home / "production").exists()


def test_a_run_pushes_to_the_repository_that_says_what_is_in_production(
    weighbridge, home, workdir, tmp_path, monkeypatch
):
    isolate(monkeypatch, tmp_path)
    config = ConfigRepository(tmp_path / "config.git", folder="delivering")
    config.settings(tmp_path / "models")
    run = ("run", DELIVERING, "--destination", config.address)
    done = weighbridge(*run)
    assert done.code == 0, done.err
    assert f"model: version 1 in {config.address}\n" in done.out
    assert not (home / "production").exists()
    assert len(config.messages()) == 2
    assert "Nothing" in weighbridge("plan", *run[1:]).out
    again = weighbridge(*run, "--force")
    assert "model: already in production as version 1" in again.out
    assert len(config.messages()) == 2

    config.settings(tmp_path / "models", changes="pull_request")
    proposed = weighbridge(*run, "--set", "weight=two")
    assert proposed.code == 0, proposed.err
    page = f"file://{config.path} weighbridge/delivering-2"
    assert f"model: version 2 is proposed, and in production when this is merged: {page}\n" in proposed.out
    assert find_run(workdir).record.delivered.proposed == page
    assert page in (find_run(workdir).folder / "report.html").read_text()
    assert "push.pull_request.opened" in (find_run(workdir).folder / "verdict.json").read_text()
    assert read_record(config.address).version == 1
    # It was weighed against what the repository says, and is again what it proposes.
    verdict = json.loads((find_run(workdir).folder / "verdict.json").read_text())
    assert verdict["subject"]["production"] == read_record(config.address).model_digest
    again = weighbridge(*run, "--set", "weight=two", "--force")
    assert f"when this is merged: {page}\n" in again.out
    config.run("update-ref", "refs/heads/main", "refs/heads/weighbridge/delivering-2")
    assert "model: already in production as version 2" in weighbridge(*run, "--set", "weight=two", "--force").out


def test_a_run_goes_to_a_stage_or_to_a_destination(weighbridge, home):
    done = weighbridge("run", DELIVERING, "--destination", home / "production", "--deliver-to", "staging")
    assert done.code == 2
    assert "--deliver-to and --destination exclude each other" in done.err
