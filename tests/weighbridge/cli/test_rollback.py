"""`weighbridge rollback` as its user sees it, wherever production lies: an earlier version in production again."""

import json
import xml.etree.ElementTree as ET

from tests.components.pusher.helpers import make_model, weigh
from tests.weighbridge.cli.rolled_back import config, destination, folder, live_bytes, push_model, push_models
from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.pusher import push
from weighbridge.runs.workspace import find_run
from weighbridge.storage.destination import open_destination

__all__ = ["config", "destination", "folder"]


def test_the_version_before_is_in_production_again(weighbridge, destination, tmp_path, workdir):
    push_models(tmp_path, destination)
    done = weighbridge("rollback", "taxi", "--destination", destination, "--reason", "fares of zero")
    assert done.code == 0, done.out + done.err
    assert "Version 4 is version 2 again. Version 3 comes back by no run" in done.out
    record = read_record(destination)
    assert (record.version, record.run_id, record.rollback.restores, record.rollback.replaces) == (4, "run-b", 2, 3)
    assert record.rollback.reason == "fares of zero"
    assert live_bytes(destination) == b"b"
    place = open_destination(destination)
    assert place.read(".weighbridge/4/verdict.json") == place.read(".weighbridge/2/verdict.json")
    assert place.read(".weighbridge/4/attestations.intoto.jsonl") == place.read(
        ".weighbridge/2/attestations.intoto.jsonl"
    )
    run = find_run(workdir)
    assert run.record.display_kind == "rollback of production"
    assert record.rollback.run_id == run.record.run_id
    names = [case.get("name") for case in ET.parse(run.folder / "junit.xml").getroot().iter("testcase")]
    assert {"rollback.version.whole", "rollback.verdict.equal", "push.model_digest.equal"} <= set(names)
    assert not (run.folder / "copies").exists()
    told = weighbridge("production", "taxi", "--destination", destination)
    assert told.code == 0, told.out + told.err
    assert "version 2 again, in place of version 3: fares of zero" in told.out
    assert "rollback to 2" in told.out
    rows = [line.split() for line in told.out.splitlines() if " run-" in line and "sha" not in line][1:]
    assert [row[:2] for row in rows[:2]] == [["live", "4"], ["withdrawn", "3"]]
    assert [row[0] for row in rows[2:]] == ["2", "1"]


def test_what_is_put_back_is_verified_as_what_it_is(weighbridge, destination, tmp_path):
    """It was weighed against what was there before it the first time, and not against what it replaces now."""
    for name in "abc":
        model, live = make_model(tmp_path / f"model-{name}", name), read_record(destination)
        subject = {LOOKED_UP_AT: destination} | ({"production": live.model_digest} if live else {})
        pushed = push(model, weigh(tmp_path / f"e-{name}", model, run_id=f"run-{name}", **subject), destination)
        assert pushed.record is not None, pushed.gates
    assert weighbridge("rollback", "taxi", "--destination", destination).code == 0
    gates = {gate["name"]: gate for gate in json.loads(weighbridge("verify", destination, "--json").out)["gates"]}
    gates.pop("verify.signature.valid")  # nobody signed it
    if not destination.startswith("git+"):  # people may choose an order of their own there
        assert gates["verify.record.order"]["observed"] == read_record(destination).subject["production"]
    assert {gate["status"] for gate in gates.values()} == {"passed"}


def test_any_earlier_version_or_run_can_be_named(weighbridge, folder, tmp_path):
    push_models(tmp_path, folder, "abcd")
    assert weighbridge("rollback", "taxi", "--to", "1").code == 0
    assert live_bytes(folder) == b"a"
    assert weighbridge("rollback", "taxi", "--to", "run-c").code == 0
    assert live_bytes(folder) == b"c"
    assert read_record(folder).rollback.restores == 3


def test_the_same_version_again_does_nothing(weighbridge, folder, tmp_path, workdir):
    push_models(tmp_path, folder)
    assert weighbridge("rollback", "taxi", "--to", "1").code == 0
    before = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    for to in ("1", "4", "run-a"):
        again = weighbridge("rollback", "taxi", "--to", to)
        assert (again.code, again.err) == (0, "")
        assert again.out.startswith("Nothing to do: ")
    assert {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()} == before
    document = json.loads(weighbridge("rollback", "taxi", "--to", "1", "--json").out)
    assert (document["already"], document["version"], document["exit_code"]) == (True, 4, 0)


def test_asked_twice_it_goes_back_once(weighbridge, folder, tmp_path):
    """Two people at once, or one again after an error: nobody wants to go back twice without saying so."""
    push_models(tmp_path, folder)
    assert weighbridge("rollback", "taxi").code == 0
    again = weighbridge("rollback", "taxi")
    assert again.code == 0
    assert "is a rollback already, from version 3 to version 2" in again.out
    assert "To go back further: weighbridge rollback taxi --to 1" in again.out
    assert live_bytes(folder) == b"b"


def test_versions_that_were_rolled_back_from_are_skipped(weighbridge, folder, tmp_path):
    push_models(tmp_path, folder, "ab")
    assert weighbridge("rollback", "taxi").code == 0
    push_models(tmp_path, folder, "c")
    assert weighbridge("rollback", "taxi").code == 0
    record = read_record(folder)
    assert (record.version, record.rollback.restores, record.rollback.replaces) == (5, 3, 4)
    assert live_bytes(folder) == b"a"


def test_what_was_rolled_back_from_comes_back_by_no_push_but_by_a_person(weighbridge, folder, tmp_path):
    push_models(tmp_path, folder)
    assert weighbridge("rollback", "taxi", "--reason", "fares of zero").code == 0
    pushed = push_model(tmp_path, "c", folder, run_id="run-c-again")
    [gate] = [gate for gate in pushed.gates if gate.refuses]
    assert gate.name == "push.production.rolled_back"
    assert "fares of zero" in gate.message
    assert "weighbridge rollback taxi --to 3" in gate.message
    assert push_model(tmp_path, "c", folder, "again", promoted_from="/staging").record is None
    assert push_model(tmp_path, "d", folder).record.version == 5
    assert push_model(tmp_path, "c", folder, "run-c-later").record is None  # also over what was pushed since
    assert weighbridge("rollback", "taxi", "--to", "3").code == 0
    assert live_bytes(folder) == b"c"
    assert read_record(folder).withdrawn == {}
    assert push_model(tmp_path, "d", folder, "run-d-again").record is not None


def test_a_run_that_holds_the_work_directory_is_not_waited_for(weighbridge, folder, tmp_path, workdir):
    from weighbridge.runs.workspace import Workspace

    push_models(tmp_path, folder)
    with Workspace(workdir, "taxi").lock():
        assert weighbridge("rollback", "taxi").code == 0
    assert live_bytes(folder) == b"b"


def test_json_is_one_document(weighbridge, folder, tmp_path):
    push_models(tmp_path, folder)
    document = json.loads(weighbridge("rollback", "taxi", "--json").out)
    assert (document["from"], document["to"], document["already"], document["exit_code"]) == (3, 2, False, 0)
    assert document["run"]["delivered"]["version"] == "4"
    assert document["verdict"]["passed"] is True


def test_a_rollback_is_one_commit(weighbridge, config, tmp_path):
    push_models(tmp_path, config.address)
    before = len(config.messages())
    done = weighbridge("rollback", "taxi", "--destination", config.address, "--reason", "fares of zero")
    assert done.code == 0, done.out + done.err
    message, *others = config.messages()
    assert len(others) == before
    assert message.startswith("Roll taxi back to version 2, as version 4\n\nfares of zero\n")
    assert json.loads(config.read("production.json"))["rollback"]["replaces"] == 3
    assert b"version: '4'" in config.read("model.yaml")
    again = weighbridge("rollback", "taxi", "--destination", config.address)
    assert (again.code, len(config.messages())) == (0, before + 1)


def test_a_rollback_by_a_pull_request_is_production_when_it_is_merged(weighbridge, config, tmp_path):
    push_models(tmp_path, config.address)
    config.settings(tmp_path / "models", changes="pull_request")
    done = weighbridge("rollback", "taxi", "--destination", config.address)
    assert done.code == 0, done.out + done.err
    assert "Version 4 is version 2 again once " in done.out
    assert read_record(config.address).version == 3


def test_no_stage_waits_for_what_was_rolled_back_from(weighbridge, folder, tmp_path, workdir):
    push_models(tmp_path, folder, "ab")
    push_model(tmp_path, "b", workdir / "taxi/staging")

    def pending() -> list[str]:
        return json.loads(weighbridge("ci", "pending", "taxi").out)

    assert pending() == ["canary"]  # production has it
    assert weighbridge("rollback", "taxi").code == 0
    assert pending() == ["canary"]
    assert weighbridge("rollback", "taxi", "--to", "2").code == 0
    assert pending() == ["canary"]
    push_models(tmp_path, folder, "c")
    assert pending() == ["canary", "production"]


def test_a_rollback_that_is_taken_back_withdraws_nothing_and_says_so(weighbridge, folder, tmp_path):
    push_models(tmp_path, folder, "abc")
    assert "Version 3 comes back by no run and no promotion" in weighbridge("rollback", "taxi").out
    again = weighbridge("rollback", "taxi", "--to", "3")
    assert "That takes a rollback back: version 4 is not withdrawn" in again.out
    # Neither the one that it replaced, nor the same bytes under another number.
    assert "To go back further: weighbridge rollback taxi --to 1" in weighbridge("rollback", "taxi").out


def test_the_run_of_a_rollback_is_shown_as_any_other(weighbridge, folder, tmp_path):
    push_models(tmp_path, folder, "ab")
    assert weighbridge("rollback", "taxi", "--reports", str(tmp_path / "reports")).code == 0
    assert len(list((tmp_path / "reports").glob("*/report.html"))) == 1
    assert "rollback of production" in weighbridge("runs").out
    shown = weighbridge("show")
    assert (shown.code, "rolled_back_from" in shown.out) == (0, True)
    assert weighbridge("trend", "taxi").code == 2  # it is no outcome of the pipeline


def test_in_a_store_any_machine_rolls_back_and_all_know_of_it(weighbridge, tmp_path, workdir):
    store = tmp_path / "store"
    push_models(tmp_path, str(store / "taxi/production"))
    done = weighbridge("rollback", "taxi", "--store", store, "--workdir", tmp_path / "other machine")
    assert done.code == 0, done.out + done.err
    assert live_bytes(str(store / "taxi/production")) == b"b"
    assert "rollback of production" in weighbridge("runs", "taxi", "--store", store).out
    assert "Nothing to do" in weighbridge("rollback", "taxi", "--store", store).out
