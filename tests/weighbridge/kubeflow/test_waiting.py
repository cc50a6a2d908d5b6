"""A step that waits, or whose pod was never made, is reported with the remedy."""

import pytest

from tests.weighbridge.kubeflow.double_state import Script
from tests.weighbridge.kubeflow.shapes import WORKFLOW
from weighbridge.common.errors import ExitCode, InfrastructureError
from weighbridge.kubeflow.client import runs, task_api
from weighbridge.kubeflow.client.artifacts import read_log
from weighbridge.kubeflow.client.outcome import outcome
from weighbridge.kubeflow.client.pod_names import pod_names
from weighbridge.kubeflow.client.submit import submit
from weighbridge.kubeflow.client.waiting import Waiting, waiting

POD = f"{WORKFLOW}-system-container-impl-2222"
CLAIM = 'Unschedulable: 0/1 nodes are available: persistentvolumeclaim "weighbridge-kept" not found.'
QUOTA = 'pods "tiny-x7k2p" is forbidden: exceeded quota: compute, requested: limits.cpu=4, used: 8, limited: 8'
ACCOUNT = (
    'pods "tiny-x7k2p" is forbidden: error looking up service account team/default-editor: '
    'serviceaccount "default-editor" not found'
)


@pytest.fixture
def stuck(kubeflow, api, package):
    kubeflow.next_script = lambda: Script([("RUNNING", {"ExampleGen": "SUCCEEDED", "Evaluator": "RUNNING"})])
    kubeflow.waiting["Evaluator"] = CLAIM
    return submit(api, package).run


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (CLAIM, "--no-volumes"),
        (QUOTA, "quota"),
        (ACCOUNT, "--service-account"),
        ('ImagePullBackOff: Back-off pulling image "registry/x@sha256:0"', "--image"),
        ("Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu.", "No node fits"),
        ('violates PodSecurity "restricted:latest"', "infra/kubernetes"),
    ],
)
def test_each_reason_comes_with_its_remedy(kubeflow, api, stuck, reason, remedy):
    kubeflow.waiting["Evaluator"] = reason
    [found] = waiting(api, stuck.run_id)
    assert (found.step, found.reason) == ("Evaluator", reason)
    assert remedy in found.remedy


def test_the_pods_own_events_are_told_too(kubeflow, api, stuck):
    kubeflow.waiting["Evaluator"] = ""
    kubeflow.events[POD] = [
        {"type": "Normal", "reason": "Scheduled", "message": "Successfully assigned"},
        {"type": "Warning", "reason": "FailedMount", "message": "Unable to attach or mount volumes"},
    ]
    assert waiting(api, stuck.run_id) == [Waiting("Evaluator", "FailedMount: Unable to attach or mount volumes")]


def test_status_tells_why_nothing_happens(api, stuck):
    told = outcome(api, runs.get_run(api, stuck.run_id))
    assert told.exit_code == ExitCode.INFRASTRUCTURE
    assert f"Evaluator waits: {CLAIM}" in told.message
    assert "--no-volumes" in told.hint


def test_waiting_tells_once_and_gives_up_in_the_end(api, stuck):
    told = []
    with pytest.raises(InfrastructureError, match="Evaluator cannot begin: Unschedulable") as raised:
        runs.wait(api, stuck.run_id, poll=(0.01, 0.01), stalled=0.3, on_waiting=told.append)
    assert [each.step for each in told] == ["Evaluator"]
    assert f"weighbridge cancel {stuck.run_id}" in raised.value.hint


def test_what_may_pass_by_itself_is_waited_for(kubeflow, api, stuck):
    kubeflow.waiting["Evaluator"] = "ContainerCreating"
    with pytest.raises(InfrastructureError, match="had not ended after"):
        runs.wait(api, stuck.run_id, poll=(0.01, 0.01), stalled=0.05, timeout=0.3)


def test_a_pod_that_was_never_made_is_no_refusal(kubeflow, api, package):
    kubeflow.next_script = lambda: Script([("FAILED", {"ExampleGen": "SUCCEEDED", "Evaluator": "FAILED"})])
    kubeflow.waiting["Evaluator"] = ACCOUNT
    told = outcome(api, runs.get_run(api, submit(api, package).run.run_id))
    assert told.exit_code == ExitCode.INFRASTRUCTURE
    assert "not by a gate: pods" in told.message
    assert "--service-account" in told.hint


@pytest.mark.server("2.17")
def test_a_server_that_does_not_tell_is_no_error(kubeflow, api, stuck):
    kubeflow.failures = [(404, b"404 page not found")]
    assert waiting(api, stuck.run_id) == []


@pytest.mark.server("main")
def test_without_the_older_apis_the_pods_events_are_left(kubeflow, api, stuck):
    """No workflow says how the pod is called: its name follows from its driver's."""
    kubeflow.older_apis = False
    [told] = [task for task in task_api.tasks(api, stuck.run_id) if task["display_name"] == "Evaluator"]
    for pod in pod_names(told)[:2]:
        kubeflow.events[pod] = [{"type": "Warning", "reason": "FailedScheduling", "message": CLAIM}]
    [found] = waiting(api, stuck.run_id)
    assert (found.step, found.reason) == ("Evaluator", f"FailedScheduling: {CLAIM}")
    assert "--no-volumes" in found.remedy
    kubeflow.failures = [(404, b""), (500, b"{}")]
    assert waiting(api, stuck.run_id) == []


@pytest.mark.server("main")
@pytest.mark.parametrize("pages", [True, False])
def test_without_the_older_apis_a_log_is_found(kubeflow, api, stuck, pages):
    kubeflow.older_apis, kubeflow.has_store = False, pages
    run = runs.get_run(api, stuck.run_id)
    [told] = [task for task in task_api.tasks(api, stuck.run_id) if task["display_name"] == "Evaluator"]
    kubeflow.logs[pod_names(told)[0]] = "weighing\n"
    [task] = [task for task in run.tasks if task.name == "Evaluator"]
    assert read_log(api, run, task) == "weighing\n"


@pytest.mark.parametrize(
    ("scope", "driver", "pod"),
    [
        ("root.print-op", "1781539373", "1647980155"),
        ("root.exit-handler-1.fail-op", "467613593", "2018360503"),
    ],
)
def test_pods_are_named_as_argo_named_those_of_a_real_run(scope, driver, pod):
    """Of a run of Kubeflow's own tutorial, told in public by a user."""
    workflow = "tutorial-control-flows-gbjpn"
    driver_pod = {"name": f"{workflow}-system-container-driver-{driver}", "type": "DRIVER"}
    assert pod_names({"scope_path": scope, "pods": [driver_pod]})[0] == f"{workflow}-system-container-impl-{pod}"
    assert pod_names({"scope_path": scope, "pods": [{"name": "else", "type": "DRIVER"}]}) == []
