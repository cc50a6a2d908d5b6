"""Steps, their states, pods and artifacts, from servers with ML Metadata and without: the same is read from both."""

import pytest

from tests.weighbridge.kubeflow.double_state import Script
from tests.weighbridge.kubeflow.shapes import WORKFLOW
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.kubeflow.client import endpoint, runs, task_api
from weighbridge.kubeflow.client.api import Api, NotThereError
from weighbridge.kubeflow.client.artifacts import read_log
from weighbridge.kubeflow.client.metadata import executions
from weighbridge.kubeflow.client.outcome import outcome
from weighbridge.kubeflow.client.submit import submit
from weighbridge.kubeflow.step.termination_message import GATES_LINE
from weighbridge.runs.gate_collector import GATES_PROPERTY

POD = f"{WORKFLOW}-system-container-impl-2222"
STATES = {"ExampleGen": "CACHED", "Evaluator": "SUCCEEDED", "Pusher": "FAILED"}


def run_of(kubeflow, api, package, state, tasks):
    kubeflow.next_script = lambda: Script([(state, tasks)])
    return runs.get_run(api, submit(api, package, force=True).run.run_id)


def test_both_kinds_tell_the_same(kubeflow, api, package):
    kubeflow.properties["Evaluator", "evaluation"] = {GATES_PROPERTY: "sha256:0", "rows": 5.0, "blessed": True}
    run = run_of(kubeflow, api, package, "FAILED", STATES)
    found = {each.name: each for each in executions(api, run.run_id)}
    assert {name: each.state for name, each in found.items()} == {
        "ExampleGen": "CACHED",
        "Evaluator": "COMPLETE",
        "Pusher": "FAILED",
    }
    assert (found["ExampleGen"].pod, found["Evaluator"].pod) == ("", POD)
    assert {each.namespace for each in found.values()} == {"team"}
    keys = {name: sorted(artifact.key for artifact in each.outputs) for name, each in found.items()}
    assert keys == {"ExampleGen": ["examples"], "Evaluator": ["blessing", "evaluation"], "Pusher": []}
    [evaluation] = [artifact for artifact in found["Evaluator"].outputs if artifact.key == "evaluation"]
    assert evaluation.uri == "minio://mlpipeline/v2/tiny/Evaluator/uuid/evaluation"
    properties = dict(evaluation.properties)
    properties.pop("_kfp_schema_title", None)  # what a server without ML Metadata adds
    assert properties == {GATES_PROPERTY: "sha256:0", "rows": 5.0, "blessed": True}
    assert type(properties["blessed"]) is bool


def test_a_run_shows_what_was_taken_from_the_cache(kubeflow, api, package):
    run = run_of(kubeflow, api, package, "FAILED", STATES)
    assert [(task.name, task.state) for task in run.tasks] == list(STATES.items())


def test_a_step_that_did_nothing_behind_a_refusal_reads_as_left_out(kubeflow, api, package):
    """Alone, or with all the steps of its pod."""
    states = {"ExampleGen": "SUCCEEDED", "Evaluator": "SUCCEEDED", "Pusher": "FAILED"}
    note = {"weighbridge_not_run": "data.rows.min"}
    kubeflow.properties["ExampleGen", "A_weighbridge_step_verdict"] = {}
    kubeflow.properties["ExampleGen", "B_weighbridge_step_verdict"] = note
    kubeflow.properties["Evaluator", "weighbridge_step_verdict"] = note
    run = run_of(kubeflow, api, package, "FAILED", states)
    assert [task.state for task in run.tasks] == ["SUCCEEDED", "SKIPPED", "FAILED"]


def test_a_run_in_which_a_step_did_nothing_is_no_pass_whatever_the_others_say(kubeflow, api, package, evidence):
    evidence().properties["Evaluator", "model"] = {"weighbridge_not_run": "data.rows.min", "weighbridge_gates": "none"}
    run = run_of(kubeflow, api, package, "SUCCEEDED", dict.fromkeys(STATES, "SUCCEEDED"))
    result = outcome(api, run)
    assert [gate.name for gate in result.verdict.refusals] == ["run.Evaluator.ran"]


def test_waiting_tells_of_a_cached_step_once(kubeflow, api, package):
    kubeflow.next_script = lambda: Script(
        [
            ("RUNNING", {"ExampleGen": "CACHED"}),
            ("RUNNING", {"ExampleGen": "CACHED", "Evaluator": "RUNNING"}),
            ("SUCCEEDED", {"ExampleGen": "CACHED", "Evaluator": "SUCCEEDED", "Pusher": "SUCCEEDED"}),
        ]
    )
    run_id = submit(api, package).run.run_id
    told = []
    ended = runs.wait(api, run_id, lambda task: told.append((task.name, task.state)), poll=(0.0, 0.0))
    assert told.count(("ExampleGen", "CACHED")) == 1
    assert ("ExampleGen", "SUCCEEDED") not in told
    assert [task.state for task in ended.tasks] == ["CACHED", "SUCCEEDED", "SUCCEEDED"]


def test_what_the_store_does_not_hand_out_leaves_a_step_as_done(kubeflow, api, package):
    kubeflow.has_store = False
    run = run_of(kubeflow, api, package, "RUNNING", {"ExampleGen": "CACHED"})
    assert [task.state for task in run.tasks] == ["SUCCEEDED" if kubeflow.kind == "2.17" else "CACHED"]


def test_the_server_is_asked_once_which_kind_it_is(kubeflow, api, package, evidence):
    evidence()
    submission = submit(api, package)
    result = outcome(api, runs.wait(api, submission.run.run_id, poll=(0.0, 0.0)))
    assert result.exit_code == ExitCode.PASSED
    asked, stored = kubeflow.count("GET", ".*/tasks"), kubeflow.count("POST", "/ml_metadata.*")
    if kubeflow.kind == "main":
        assert api.lists_tasks
        assert (asked > 1, stored) == (True, 0)
    else:
        assert not api.lists_tasks
        assert (asked, stored > 0) == (1, True)


def test_an_error_is_not_taken_for_an_older_server(kubeflow, api, package):
    run_id = submit(api, package).run.run_id
    for status, error in ((500, InfrastructureError), (403, UsageError)):
        kubeflow.failures = [(status, b"{}")]
        with pytest.raises(error):
            task_api.tasks(api, run_id)
        assert api.lists_tasks is None


@pytest.mark.server("main")
def test_a_run_that_is_gone_is_not_taken_for_an_older_server(api):
    with pytest.raises(NotThereError):
        task_api.tasks(api, "nothing")
    assert api.lists_tasks is None


def test_a_run_whose_steps_are_forgotten_is_no_pass_and_no_refusal(kubeflow, api, package, evidence):
    """As of one that ran before the server's upgrade."""
    evidence()
    kubeflow.forgotten = True
    done = run_of(kubeflow, api, package, "SUCCEEDED", dict.fromkeys(STATES, "SUCCEEDED"))
    result = outcome(api, done)
    assert (result.exit_code, result.verdict) == (ExitCode.INFRASTRUCTURE, None)
    assert done.run_id in result.message


@pytest.mark.server("main")
@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_a_step_that_was_killed_ends_with_its_run(kubeflow, api, package, state):
    """Only the step itself reports its end and its pod; who is killed reports nothing."""
    run = run_of(kubeflow, api, package, state, {"ExampleGen": "SUCCEEDED", "Evaluator": "RUNNING"})
    assert [(task.name, task.state) for task in run.tasks] == [
        ("ExampleGen", "SUCCEEDED"),
        ("Evaluator", state),
        ("Pusher", "SKIPPED"),
    ]


@pytest.mark.server("main")
def test_the_log_of_a_step_that_was_killed_is_found_by_argos_workflow(kubeflow, api, package):
    kubeflow.logs[POD] = "MemoryError: no memory\n"
    run = run_of(kubeflow, api, package, "FAILED", {"ExampleGen": "SUCCEEDED", "Evaluator": "RUNNING"})
    [killed] = [task for task in run.tasks if task.name == "Evaluator"]
    assert killed.pods == ()
    assert read_log(api, run, killed) == "MemoryError: no memory\n"
    assert "MemoryError" in outcome(api, run).message


@pytest.mark.server("main")
def test_a_refusal_that_is_the_tasks_own_message_counts(kubeflow, api, package):
    """Where the launcher passes on what a step wrote last."""
    gates = '{"gates":[{"name":"a","status":"refused","message":"no"}]}'
    kubeflow.task_errors["Evaluator"] = f"exit status 1: {GATES_LINE}{gates}\nREFUSED a: no"
    run = run_of(kubeflow, api, package, "FAILED", {"ExampleGen": "SUCCEEDED", "Evaluator": "FAILED"})
    assert outcome(api, run).exit_code == ExitCode.REFUSED


def test_an_endpoint_without_the_pages_is_no_refusal(kubeflow, api, package, evidence):
    """The API server alone has no artifact proxy: that a file is missing cannot be told."""
    evidence().properties["ExampleGen", "examples"] = {GATES_PROPERTY: "sha256:0"}
    kubeflow.has_store = False
    result = outcome(api, run_of(kubeflow, api, package, "SUCCEEDED", dict.fromkeys(STATES, "SUCCEEDED")))
    assert (result.exit_code, result.verdict) == (ExitCode.INFRASTRUCTURE, None)
    assert "ml-pipeline-ui" in result.hint


@pytest.mark.server("main")
def test_a_kubeflow_for_many_users_lists_tasks_to_whom_it_knows(kubeflow, package, evidence):
    evidence()
    kubeflow.multi_user, kubeflow.user = True, "ada@example.com"
    shared = Api(endpoint.from_environment(kubeflow.url, "team", {endpoint.USER: kubeflow.user}))
    run = run_of(kubeflow, shared, package, "SUCCEEDED", dict.fromkeys(STATES, "SUCCEEDED"))
    assert outcome(shared, run).exit_code == ExitCode.PASSED
