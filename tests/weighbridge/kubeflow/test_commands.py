"""The commands as a user types them."""

import json
from functools import partial

import pytest

from tests.command_line import start
from tests.patience import PATIENCE_S
from tests.weighbridge.kubeflow.conftest import COOKIE, SECRET, SENTENCE
from tests.weighbridge.kubeflow.double_state import Script, failing
from tests.weighbridge.kubeflow.shapes import WORKFLOW
from tests.weighbridge.runs.hooked import install, seen
from weighbridge.kubeflow.client import runs

SUBMIT = ("submit", "taxi", "--image", "registry/weighbridge:1", "--allow-tag", "--endpoint")


def test_submit_and_wait_shows_the_address_first_then_steps_and_verdict(
    weighbridge, kubeflow, compiled, evidence, quick
):
    evidence()
    done = weighbridge(*SUBMIT, kubeflow.url, "--wait")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    [run_id] = kubeflow.runs
    assert lines[0] == f"{kubeflow.url}/#/runs/details/{run_id}"
    assert [line.split()[1] for line in lines if line.startswith("✓ ")][:3] == ["ExampleGen", "Evaluator", "Pusher"]
    assert "✓ PASSED  tiny" in done.out
    assert "noise" not in done.out + done.err
    [call] = compiled
    assert (call["image"], call["allow_tag"], call["definition"]) == ("registry/weighbridge:1", True, "taxi")


def test_a_step_from_the_cache_is_shown_as_in_a_local_run(weighbridge, kubeflow, compiled, evidence, quick):
    evidence()
    kubeflow.next_script = lambda: Script(
        [
            ("RUNNING", {"ExampleGen": "CACHED", "Evaluator": "RUNNING"}),
            ("SUCCEEDED", {"ExampleGen": "CACHED", "Evaluator": "SUCCEEDED", "Pusher": "SUCCEEDED"}),
        ]
    )
    waited = weighbridge(*SUBMIT, kubeflow.url, "--wait").out
    told = weighbridge("status", next(iter(kubeflow.runs)), "--endpoint", kubeflow.url).out
    for out in (waited, told):
        [cached] = [line.split() for line in out.splitlines() if "ExampleGen" in line.split()[1:2]]
        assert cached == ["=", "ExampleGen", "0.0", "s", "cached"]
        assert [line.split()[1] for line in out.splitlines() if line.startswith("✓ ")][:2] == ["Evaluator", "Pusher"]


@pytest.mark.server("2.17")
def test_the_real_package_is_submitted_once_and_scheduled_for_any_data(weighbridge, kubeflow):
    first = weighbridge(*SUBMIT, kubeflow.url, "--json")
    assert first.code == 0, first.err
    again = weighbridge(*SUBMIT, kubeflow.url, "--json")
    assert json.loads(again.out)["reused"] is True
    # Without volumes nothing is kept and nothing is pushed to production: another run.
    assert json.loads(weighbridge(*SUBMIT, kubeflow.url, "--json", "--no-volumes").out)["reused"] is False
    other = weighbridge(*SUBMIT, kubeflow.url, "--json", "--set", "epochs=7")
    assert json.loads(other.out)["reused"] is False
    assert len(kubeflow.runs) == 3
    schedule = ("schedule", "create", *SUBMIT[1:], kubeflow.url, "--every", "1d")
    assert weighbridge(*schedule).code == 0


def test_submit_without_waiting_says_how_to_wait(weighbridge, kubeflow, compiled):
    done = weighbridge(*SUBMIT, kubeflow.url)
    [run_id] = kubeflow.runs
    assert done.code == 0
    assert f"weighbridge status {run_id} --wait" in done.out
    again = weighbridge(*SUBMIT, kubeflow.url, "--json")
    assert json.loads(again.out)["reused"] is True
    assert len(kubeflow.runs) == 1
    weighbridge(*SUBMIT, kubeflow.url, "--force")
    assert len(kubeflow.runs) == 2


def test_a_refused_run_exits_1_with_the_sentence(weighbridge, kubeflow, compiled, evidence, quick):
    evidence()
    kubeflow.next_script = failing
    kubeflow.logs[f"{WORKFLOW}-system-container-impl-2222"] = f"REFUSED quality.auc.min: {SENTENCE}\n"
    done = weighbridge(*SUBMIT, kubeflow.url, "--wait")
    assert done.code == 1, done.err
    assert SENTENCE in done.out
    assert "REFUSED by quality.auc.min" in done.out
    told = weighbridge("status", next(iter(kubeflow.runs)), "--endpoint", kubeflow.url, "--json")
    assert told.code == 1
    document = json.loads(told.out)
    assert document["verdict"]["passed"] is False
    assert [step["state"] for step in document["run"]["steps"]] == ["SUCCEEDED", "FAILED", "SKIPPED"]


def test_hooks_are_called_by_the_command_that_saw_the_run_end(
    weighbridge, kubeflow, compiled, evidence, quick, tmp_path, monkeypatch
):
    install(tmp_path / "site", monkeypatch, a="fail", b="note")
    evidence()
    weighbridge(*SUBMIT, kubeflow.url)
    assert seen(tmp_path / "site") == []  # nobody waited
    done = weighbridge(*SUBMIT, kubeflow.url, "--force", "--wait", "--reports", tmp_path / "kept", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["warnings"] == ["hook a failed: ConnectionError: nobody answers"]
    assert "warning: hook a failed" in done.err
    run_id = document["run"]["run_id"]
    [given] = seen(tmp_path / "site")
    assert (given["pipeline"], given["run_id"], given["state"], given["passed"]) == ("tiny", run_id, "passed", True)
    assert given["steps"] == ["ExampleGen", "Evaluator", "Pusher"]
    assert given["url"] == f"{kubeflow.url}/#/runs/details/{run_id}"
    assert "report.html" in given["files"]
    assert "noise of a hook" in (tmp_path / "kept" / run_id / "log.txt").read_text()
    weighbridge("status", run_id, "--endpoint", kubeflow.url, "--wait")
    assert len(seen(tmp_path / "site")) == 1  # it had ended before


@pytest.mark.parametrize("refused", [True, False])
def test_a_hook_leaves_the_exit_code_of_a_run_that_did_not_pass(
    weighbridge, kubeflow, compiled, evidence, quick, tmp_path, monkeypatch, refused
):
    install(tmp_path / "site", monkeypatch, a="leave", b="note")
    evidence()
    kubeflow.next_script = failing
    log = f"REFUSED quality.auc.min: {SENTENCE}\n" if refused else "OSError: the bucket is gone\n"
    kubeflow.logs[f"{WORKFLOW}-system-container-impl-2222"] = log
    done = weighbridge(*SUBMIT, kubeflow.url, "--wait")
    assert done.code == (1 if refused else 3)
    assert "warning: hook a failed: SystemExit: 0" in done.err
    [given] = seen(tmp_path / "site")
    assert (given["exit_code"], given["files"]) == (done.code, None)
    assert given["state"] == ("refused" if refused else "failed")


def test_a_step_that_waits_is_told_and_given_up_in_the_end(weighbridge, kubeflow, compiled, monkeypatch):
    kubeflow.next_script = lambda: Script([("RUNNING", {"ExampleGen": "RUNNING"})])
    kubeflow.waiting["ExampleGen"] = 'persistentvolumeclaim "weighbridge-kept" not found'
    monkeypatch.setattr(runs, "wait", partial(runs.wait, poll=(0.01, 0.01), stalled=0.3))
    done = weighbridge(*SUBMIT, kubeflow.url, "--wait")
    assert done.code == 3
    assert done.out.count("… ExampleGen waits: persistentvolumeclaim") == 1
    assert "error: ExampleGen cannot begin" in done.err
    assert "--no-volumes" in done.err


def test_status_leaves_the_verdict_and_its_reports_too(weighbridge, kubeflow, compiled, evidence, quick, tmp_path):
    evidence()
    weighbridge(*SUBMIT, kubeflow.url, "--wait")
    run_id = next(iter(kubeflow.runs))
    done = weighbridge("status", run_id, "--endpoint", kubeflow.url, "--reports", tmp_path / "kept")
    assert done.code == 0
    assert {"verdict.json", "junit.xml", "report.html"} <= {
        path.name for path in (tmp_path / "kept" / run_id).iterdir()
    }


def test_a_failed_step_exits_3(weighbridge, kubeflow, compiled, quick):
    kubeflow.next_script = failing
    kubeflow.logs[f"{WORKFLOW}-system-container-impl-2222"] = "OSError: [red] bucket is gone\n"
    done = weighbridge(*SUBMIT, kubeflow.url, "--wait")
    assert done.code == 3
    assert "error: Evaluator failed, and not by a gate: OSError: [red] bucket is gone" in done.err


def test_a_dead_endpoint_exits_3_and_a_wrong_token_2(weighbridge, kubeflow, compiled, monkeypatch):
    assert weighbridge(*SUBMIT, "http://127.0.0.1:9", "--wait").code == 3
    kubeflow.token = "right"
    monkeypatch.setenv("WEIGHBRIDGE_KFP_TOKEN", SECRET)
    monkeypatch.setenv("WEIGHBRIDGE_KFP_COOKIES", COOKIE)
    done = weighbridge(*SUBMIT, kubeflow.url, "--wait")
    assert done.code == 2
    assert "Set WEIGHBRIDGE_KFP_TOKEN" in done.err
    assert SECRET not in done.out + done.err
    assert "very-secret" not in done.out + done.err


def test_no_endpoint_is_told_before_anything_is_compiled(weighbridge, compiled):
    done = weighbridge("submit", "taxi", "--image", "x")
    assert done.code == 2
    assert "WEIGHBRIDGE_KFP_ENDPOINT" in done.err
    assert compiled == []


def test_a_dead_endpoint_or_a_missing_namespace_is_told_before_anything_is_compiled(weighbridge, kubeflow, compiled):
    assert weighbridge(*SUBMIT, "http://127.0.0.1:9").code == 3
    kubeflow.multi_user = True
    done = weighbridge(*SUBMIT, kubeflow.url)
    assert done.code == 2
    assert "--namespace" in done.err
    assert compiled == []
    assert weighbridge(*SUBMIT, kubeflow.url, "--namespace", "team").code == 0


def test_interrupting_a_wait_leaves_the_run_and_says_how_to_go_on(weighbridge, kubeflow, compiled, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("weighbridge.kubeflow.client.runs.wait", interrupted)
    done = weighbridge(*SUBMIT, kubeflow.url, "--wait")
    assert done.code == 3
    assert "goes on" in done.err
    assert "weighbridge cancel" in done.err
    assert kubeflow.count("POST", ".*:terminate") == 0


def test_status_of_a_run_by_its_address(weighbridge, kubeflow, compiled, evidence, quick):
    evidence()
    address = weighbridge(*SUBMIT, kubeflow.url).out.splitlines()[0]
    now = weighbridge("status", address, "--endpoint", kubeflow.url)
    assert now.code == 3
    assert "has not ended" in now.err
    done = weighbridge("status", address, "--endpoint", kubeflow.url, "--wait")
    assert done.code == 0
    assert "PASSED" in done.out
    gone = weighbridge("status", "nothing", "--endpoint", kubeflow.url)
    assert gone.code == 2
    assert "has no run nothing" in gone.err


def test_cancel(weighbridge, kubeflow, compiled):
    weighbridge(*SUBMIT, kubeflow.url)
    [run_id] = kubeflow.runs
    assert "is being cancelled" in weighbridge("cancel", run_id, "--endpoint", kubeflow.url).out
    assert "had ended already" in weighbridge("cancel", run_id, "--endpoint", kubeflow.url).out


def test_logs_show_what_there_is_and_name_what_is_missing(weighbridge, kubeflow, compiled, quick, monkeypatch):
    monkeypatch.setenv("WEIGHBRIDGE_KFP_TOKEN", SECRET)
    weighbridge(*SUBMIT, kubeflow.url, "--wait")
    [run_id] = kubeflow.runs
    none = weighbridge("logs", run_id, "--endpoint", kubeflow.url)
    assert none.code == 3
    assert "kubectl logs" in none.err
    kubeflow.logs[f"{WORKFLOW}-system-container-impl-2222"] = f"weighed\n\x1b[2Jtoken {SECRET}\n"
    some = weighbridge("logs", run_id, "--endpoint", kubeflow.url)
    assert some.code == 0
    assert "--- Evaluator\nweighed\n" in some.out
    assert "\x1b" not in some.out
    assert SECRET not in some.out
    assert "No log of Pusher" in some.err
    wrong = weighbridge("logs", run_id, "Trainer", "--endpoint", kubeflow.url)
    assert wrong.code == 2
    assert "ExampleGen, Evaluator, Pusher" in wrong.err


def test_schedule(weighbridge, kubeflow, compiled):
    where = ("--endpoint", kubeflow.url)
    assert "No schedules yet" in weighbridge("schedule", "list", *where).out
    made = weighbridge("schedule", "create", "taxi", "--image", "x", "--cron", "0 6 * * *", *where)
    assert made.code == 0, made.err
    assert "runs 0 0 6 * * *" in made.out
    [listed] = json.loads(weighbridge("schedule", "list", "--json", *where).out)
    assert (listed["name"], listed["enabled"]) == ("tiny", True)
    assert weighbridge("schedule", "pause", "tiny", *where).code == 0
    assert "paused" in weighbridge("schedule", "list", *where).out
    assert weighbridge("schedule", "resume", "tiny", *where).code == 0
    assert weighbridge("schedule", "delete", "tiny", *where).code == 0
    assert kubeflow.recurring == {}
    wrong = weighbridge("schedule", "create", "taxi", "--image", "x", "--cron", "daily", *where)
    assert wrong.code == 2
    assert len(compiled) == 1


@pytest.mark.parametrize("command", ["submit", "status", "logs", "cancel"])
def test_secrets_are_no_options(weighbridge, command):
    told = weighbridge(command, "--help").out
    assert not {"--token", "--cookies", "--password"} & set(told.split())


@pytest.mark.server("2.17")
def test_a_process_of_its_own_leaves_no_secret_and_no_traceback(kubeflow, workdir):
    kubeflow.failures = [(500, b'{"message": "x"}')] * 50
    process = start("status", "some-run", "--endpoint", kubeflow.url, workdir=workdir, WEIGHBRIDGE_KFP_TOKEN=SECRET)
    out = process.communicate(timeout=PATIENCE_S)[0]
    assert process.returncode == 3
    assert out.startswith("error: Kubeflow at")
    assert SECRET not in out
    assert "Traceback" not in out
    assert "Warning" not in out
