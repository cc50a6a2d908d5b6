"""From a package to a verdict, through the real kfp.Client and over HTTP."""

import json

import pytest

from tests.weighbridge.kubeflow.conftest import PASSED, SENTENCE, gates_bytes
from tests.weighbridge.kubeflow.double_state import Script, failing, refused
from tests.weighbridge.kubeflow.shapes import WORKFLOW
from weighbridge.common.digests import bytes_digest
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.kubeflow.client import endpoint, runs
from weighbridge.kubeflow.client.api import Api, NotThereError
from weighbridge.kubeflow.client.artifacts import read_log
from weighbridge.kubeflow.client.outcome import outcome
from weighbridge.kubeflow.client.submit import submit, version_name
from weighbridge.kubeflow.client.versions import Version, version_of
from weighbridge.kubeflow.step.termination_message import GATES_LINE, of_error
from weighbridge.runs.gate_collector import EXAMPLES_PROPERTY, GATES_PROPERTY, NO_FILE, PUSHED

POD = f"{WORKFLOW}-system-container-impl-2222"


def waited(api, package, **options):
    submission = submit(api, package)
    seen = []
    ended = runs.wait(
        api, submission.run.run_id, lambda task: seen.append((task.name, task.state)), poll=(0.0, 0.0), **options
    )
    return ended, seen


def test_a_package_is_uploaded_run_and_weighed(kubeflow, api, package, evidence):
    evidence()
    ended, seen = waited(api, package)
    assert kubeflow.packages[version_name(package)] == package.path.read_bytes()
    [run] = kubeflow.runs.values()
    assert run["pipeline_version_reference"]["pipeline_version_id"] in kubeflow.versions
    assert run["experiment_id"] in kubeflow.experiments
    assert seen == [
        ("ExampleGen", "RUNNING"),
        ("ExampleGen", "SUCCEEDED"),
        ("Evaluator", "RUNNING"),
        ("Evaluator", "SUCCEEDED"),
        ("Pusher", "SUCCEEDED"),
    ]
    result = outcome(api, ended)
    assert result.exit_code == ExitCode.PASSED
    assert [gate.name for gate in result.verdict.gates] == [
        "examples.malformed.max",
        "quality.auc.min",
        "push.model.pushed",
    ]
    assert result.verdict.pipeline == "tiny"
    assert result.verdict.subject == {"model": f"sha256:{'cd' * 32}", "package": package.digest}


def test_a_refusal_is_told_by_the_log_of_the_failed_step(kubeflow, api, package, evidence):
    """Kubeflow keeps no artifacts of a failed task, and its API no reason."""
    evidence()
    kubeflow.next_script = failing
    kubeflow.logs[POD] = f"INFO weighing\nREFUSED quality.auc.min: {SENTENCE}\nmore\n"
    ended, _ = waited(api, package)
    result = outcome(api, ended)
    assert result.exit_code == ExitCode.REFUSED
    [refusing] = result.verdict.refusals
    assert (refusing.name, refusing.message) == ("quality.auc.min", SENTENCE)
    assert result.verdict.gates[0].name == "examples.malformed.max"  # of the step that succeeded before


def test_a_refusal_whose_step_kept_its_gates_needs_no_log(kubeflow, api, package, evidence):
    """Steps that refuse succeed, and Verdict fails the run: its log only repeats what the artifacts say."""
    no = PASSED.model_copy(update={"name": "quality.auc.min", "status": "refused", "message": SENTENCE})
    evidence().put("Evaluator", "evaluation", "gates.json", gates_bytes(PASSED, no))
    kubeflow.next_script = refused
    ended, _ = waited(api, package)
    result = outcome(api, ended)
    assert (result.exit_code, result.message) == (ExitCode.REFUSED, "")
    assert [gate.message for gate in result.verdict.refusals] == [SENTENCE]
    kubeflow.logs[POD.replace("2222", "3333")] = (
        f"{GATES_LINE}{gates_bytes(PASSED, no).decode()}\nREFUSED quality.auc.min: {SENTENCE}\n"
    )
    again = outcome(api, ended)
    assert [gate.name for gate in again.verdict.gates] == [gate.name for gate in result.verdict.gates]


def test_a_log_that_tells_all_gates_gives_the_whole_card(kubeflow, api, package):
    kubeflow.next_script = failing
    gates = json.loads(
        gates_bytes(*[gate.model_copy(update={"name": name, "status": status}) for gate, name, status in _two_gates()])
    )
    kubeflow.logs[POD] = f"x\n{GATES_LINE}{json.dumps(gates)}\nREFUSED b: no\n"
    result = outcome(api, waited(api, package)[0])
    assert [(gate.name, gate.status) for gate in result.verdict.gates] == [("a", "passed"), ("b", "inconclusive")]
    assert result.verdict.gates[1].observed == 0.95


def _two_gates():
    from tests.weighbridge.kubeflow.conftest import PASSED

    return [(PASSED, "a", "passed"), (PASSED, "b", "inconclusive")]


def test_a_refusal_is_told_by_the_server_where_it_says_more(kubeflow, api, package):
    kubeflow.has_store = False
    kubeflow.next_script = failing
    kubeflow.task_errors["Evaluator"] = f"main: Error (exit code 1): REFUSED quality.auc.min: {SENTENCE}"
    result = outcome(api, waited(api, package)[0])
    assert result.exit_code == ExitCode.REFUSED
    assert result.verdict.refusals[0].message == SENTENCE
    assert "other steps cannot be read" in result.message


def test_a_step_that_fails_otherwise_is_an_infrastructure_failure(kubeflow, api, package):
    kubeflow.next_script = failing
    kubeflow.logs[POD] = "Traceback\nMemoryError: no memory\n"
    result = outcome(api, waited(api, package)[0])
    assert (result.exit_code, result.verdict) == (ExitCode.INFRASTRUCTURE, None)
    assert "Evaluator failed" in result.message
    assert "MemoryError" in result.message


def test_a_step_that_is_configured_wrongly_is_a_usage_error(kubeflow, api, package):
    kubeflow.next_script = failing
    kubeflow.logs[POD] = "\n".join(["INFO x", *of_error(UsageError("data='x' is wrong", "Give another."))])
    result = outcome(api, waited(api, package)[0])
    assert result.exit_code == ExitCode.USAGE
    assert "data='x' is wrong" in result.message


def test_a_failed_step_without_a_log_says_how_to_read_it(kubeflow, api, package):
    kubeflow.next_script = failing
    result = outcome(api, waited(api, package)[0])
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert f"kubectl logs -n team -c main {POD}" in result.hint


def test_a_run_whose_verdict_cannot_be_read_is_not_a_pass(kubeflow, api, package):
    kubeflow.has_store = False
    result = outcome(api, waited(api, package)[0])
    assert (result.exit_code, result.verdict) == (ExitCode.INFRASTRUCTURE, None)
    assert "cannot be read" in result.message
    assert "ml-pipeline-ui" in result.hint


@pytest.mark.parametrize("proxy", ["2.15", "2.17"])
def test_what_an_artifact_does_not_hold_is_not_an_error(kubeflow, api, package, evidence, proxy):
    """Outputs without gates, such as a blessing: the proxy's sentence comes as text/html, with 500 or 404."""
    evidence()
    kubeflow.proxy = proxy
    assert outcome(api, waited(api, package)[0]).exit_code == ExitCode.PASSED


@pytest.fixture
def shared(kubeflow, package):
    """Kubeflow for many users, asked as somebody whose identity a gateway would tell."""
    kubeflow.multi_user, kubeflow.user = True, "ada@example.com"
    return Api(endpoint.from_environment(kubeflow.url, "team", {endpoint.USER: kubeflow.user}))


def test_a_run_of_a_kubeflow_for_many_users_is_weighed(shared, package, evidence):
    evidence()
    assert outcome(shared, waited(shared, package)[0]).exit_code == ExitCode.PASSED


def test_without_the_right_to_view_nothing_is_claimed_and_the_right_is_named(shared, kubeflow, package, evidence):
    evidence()
    kubeflow.viewer = False
    passed = outcome(shared, waited(shared, package)[0])
    assert (passed.exit_code, passed.verdict) == (ExitCode.INFRASTRUCTURE, None)
    assert "does not hand out" in passed.message
    assert "viewers.kubeflow.org" in passed.hint
    kubeflow.next_script = failing
    kubeflow.logs[POD] = f"REFUSED quality.auc.min: {SENTENCE}\n"
    failed = outcome(shared, runs.wait(shared, submit(shared, package, force=True).run.run_id, poll=(0.0, 0.0)))
    assert (failed.exit_code, failed.verdict) == (ExitCode.INFRASTRUCTURE, None)
    assert "whether by a gate cannot be told" in failed.message
    assert "viewers.kubeflow.org" in failed.hint


def test_who_asks_past_the_gateway_is_told_which_header_is_missing(shared, kubeflow, package):
    nobody = Api(endpoint.from_environment(kubeflow.url, "team", {}))
    with pytest.raises(UsageError, match="no user identity header") as raised:
        submit(nobody, package)
    assert endpoint.USER in raised.value.hint


@pytest.mark.server("2.17")
def test_a_scheduled_run_carries_no_marks_and_lists_each_step_twice(kubeflow, api, package, evidence):
    """Of 2.17: no description, a name of its own, and for its retries `Trainer(0)` beside `Trainer`."""
    evidence()
    ended, _ = waited(api, package)
    listed = kubeflow.runs[ended.run_id]
    listed["description"], listed["display_name"] = "", "tinyx7k2p-1-2764000000"
    script = kubeflow.scripts[ended.run_id]
    state, tasks = script.states[-1]
    script.states = [(state, {name: done for task, done in tasks.items() for name in (f"{task}(0)", task)})]
    run = runs.get_run(api, ended.run_id)
    assert run.pipeline == "tiny"
    assert [task.name for task in run.tasks] == ["ExampleGen", "Evaluator", "Pusher"]
    assert outcome(api, run).verdict.pipeline == "tiny"


def test_a_run_whose_version_was_deleted_is_shown_all_the_same(kubeflow, api, package, evidence):
    evidence()
    ended, _ = waited(api, package)
    kubeflow.versions.clear()
    run = runs.get_run(Api(endpoint.from_environment(kubeflow.url, environment={})), ended.run_id)
    assert {"ExampleGen", "Evaluator", "Pusher"} <= {task.name for task in run.tasks}


def test_a_version_that_could_not_be_asked_for_once_is_asked_for_again(kubeflow, api, package):
    """As while a token is renewed during a long wait."""
    raw = runs.get_run(api, submit(api, package).run.run_id).raw
    other = Api(endpoint.from_environment(kubeflow.url, environment={}))
    kubeflow.failures = [(401, b"{}")]
    assert version_of(other, raw) == Version()
    assert version_of(other, raw) == Version("tiny", ("ExampleGen", "Evaluator", "Pusher"))


def test_a_foreign_run_whose_content_cannot_be_read_does_not_pass(kubeflow, api, package):
    kubeflow.has_store = False
    ended, _ = waited(api, package)
    kubeflow.runs[ended.run_id]["description"] = "by hand"
    assert outcome(api, runs.get_run(api, ended.run_id)).exit_code == ExitCode.INFRASTRUCTURE


def test_a_run_that_weighed_nothing_is_refused(kubeflow, api, package):
    result = outcome(api, waited(api, package)[0])
    assert result.exit_code == ExitCode.REFUSED
    assert result.verdict.refusals[0].name == "run.gates.present"


def test_gates_that_cannot_be_parsed_do_not_pass_silently(kubeflow, api, package, evidence):
    evidence().put("Evaluator", "evaluation", "gates.json", b"{]")
    result = outcome(api, waited(api, package)[0])
    assert result.exit_code == ExitCode.REFUSED
    [refusing] = result.verdict.refusals
    assert refusing.name == "run.Evaluator.evaluation.gates_readable"
    assert "gates.json is not valid" in refusing.message


def test_gates_of_a_users_own_component_count_wherever_its_step_noted_them(kubeflow, api, package, evidence):
    """By what the artifact says, not by its key: the recommender's histories are such an output."""
    noted(evidence(), gates_bytes(PASSED.model_copy(update={"name": "histories.lines.min"})))
    result = outcome(api, waited(api, package)[0])
    assert result.exit_code == ExitCode.PASSED
    assert "histories.lines.min" in [gate.name for gate in result.verdict.gates]
    assert result.verdict.subject["data"] == f"sha256:{'ef' * 32}"


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (None, "there is no minio://"),
        (b"{]", "is not valid"),
        (gates_bytes(PASSED.model_copy(update={"threshold": 0.1})), "is not what the step wrote"),
    ],
)
def test_gates_that_a_step_noted_and_that_are_not_there_as_it_wrote_them_refuse(
    kubeflow, api, package, evidence, there, why
):
    written = gates_bytes(PASSED) if there != b"{]" else there
    noted(evidence(), written, there)
    result = outcome(api, waited(api, package)[0])
    assert result.exit_code == ExitCode.REFUSED
    [refusing] = result.verdict.refusals
    assert refusing.name == "run.ExampleGen.histories.gates_readable"
    assert why in refusing.message


def test_noted_gates_that_the_server_does_not_hand_out_are_no_pass(kubeflow, api, package, evidence):
    noted(evidence(), gates_bytes(PASSED))
    kubeflow.denied = ("histories",)
    result = outcome(api, waited(api, package)[0])
    assert (result.exit_code, result.verdict) == (ExitCode.INFRASTRUCTURE, None)


def test_what_a_step_noted_as_holding_nothing_is_not_asked_for(kubeflow, api, package, evidence):
    evidence().properties["Evaluator", "blessing"] = {GATES_PROPERTY: NO_FILE}
    outcome(api, waited(api, package)[0])
    assert kubeflow.count("GET", "/artifacts/get") == 4  # the gates of three outputs, and a verdict


def test_a_stock_pusher_that_pushed_says_so_by_its_property(kubeflow, api, package, evidence):
    evidence().objects = {key: data for key, data in kubeflow.objects.items() if "pushed_model" not in key}
    kubeflow.properties["Pusher", "pushed_model"] = {GATES_PROPERTY: PUSHED, "pushed": 1.0}
    assert outcome(api, waited(api, package)[0]).verdict.gates[-1].name == "push.model.pushed"
    kubeflow.properties["Pusher", "pushed_model"]["pushed"] = 0.0
    assert outcome(api, waited(api, package)[0]).exit_code == ExitCode.REFUSED


_SAME = object()


def noted(kubeflow, written, there=_SAME):
    """An output of a component of the user's own: `written` is what its step noted, `there` what lies there now."""
    kubeflow.properties["ExampleGen", "histories"] = {
        GATES_PROPERTY: bytes_digest(written),
        EXAMPLES_PROPERTY: f"sha256:{'ef' * 32}",
    }
    data = written if there is _SAME else there
    if data is not None:
        kubeflow.put("ExampleGen", "histories", "gates.json", data)


def test_waiting_survives_errors_that_pass(kubeflow, api, package, evidence):
    evidence()
    submission = submit(api, package)
    kubeflow.failures = [(500, b"{}"), (502, b"<html>Bad gateway</html>"), (503, b"upstream")] * 2
    ended = runs.wait(api, submission.run.run_id, poll=(0.0, 0.0))
    assert ended.state == "SUCCEEDED"


def test_waiting_ends_when_errors_do_not_pass(kubeflow, api, package):
    submission = submit(api, package)
    kubeflow.failures = [(500, b"{}")] * 1000
    with pytest.raises(InfrastructureError, match=r"Nothing answered for 0 s; run .* may still go on") as raised:
        runs.wait(api, submission.run.run_id, poll=(0.0, 0.0), patience=0.0)
    assert f"weighbridge status {submission.run.run_id}" in raised.value.hint


@pytest.mark.parametrize(("what", "message"), [("deleted_at", "was deleted"), ("archived_at", "was archived")])
def test_a_run_that_is_deleted_or_archived_meanwhile_is_noticed(kubeflow, api, package, what, message):
    submission = submit(api, package)
    script = kubeflow.scripts[submission.run.run_id]
    script.states = [("RUNNING", {"ExampleGen": "RUNNING"})]
    setattr(script, what, script.looks + 2)
    with pytest.raises(InfrastructureError, match=message):
        runs.wait(api, submission.run.run_id, poll=(0.0, 0.0))


def test_waiting_no_longer_than_asked(kubeflow, api, package):
    kubeflow.next_script = lambda: Script([("RUNNING", {})])
    with pytest.raises(InfrastructureError, match="had not ended after 0 s"):
        waited(api, package, timeout=0.0)


def test_cancelling(kubeflow, api, package):
    submission = submit(api, package)
    assert runs.cancel(api, submission.run.run_id).state == "CANCELED"
    again = runs.cancel(api, submission.run.run_id)
    assert again.state == "CANCELED"
    assert kubeflow.count("POST", ".*:terminate") == 1
    assert outcome(api, again).exit_code == ExitCode.INFRASTRUCTURE


@pytest.mark.server("2.17")
def test_a_log_is_read_where_newer_argo_names_pods_otherwise(kubeflow, api, package):
    kubeflow.has_store = False  # only node ids are known then
    ended, _ = waited(api, package)
    kubeflow.logs[f"{WORKFLOW}-2222"] = "by node id"
    task = next(task for task in ended.tasks if task.name == "Evaluator")
    assert read_log(api, ended, task) == "by node id"
    kubeflow.logs[POD] = "by pod name"
    assert read_log(api, ended, task) == "by pod name"


@pytest.mark.parametrize("run_id", ["", "a/b"])
def test_what_is_no_id_is_told(api, run_id):
    with pytest.raises(UsageError, match="is not an id of a run"):
        runs.get_run(api, run_id)


def test_a_run_that_is_not_there(api):
    with pytest.raises(NotThereError, match=r"has no run nothing \(404\)"):
        runs.get_run(api, "nothing")


def test_what_production_keeps_elsewhere_does_not_hide_the_verdict(kubeflow, api, package, evidence):
    evidence().properties["ExampleGen", "model"] = {}
    kubeflow.addresses["ExampleGen", "model"] = "https://elsewhere/model"
    result = outcome(api, waited(api, package)[0])
    assert result.exit_code == ExitCode.PASSED
    assert len(result.verdict.gates) == 3


def test_gates_in_a_store_that_cannot_be_read_are_not_left_out(kubeflow, api, package, evidence):
    evidence().addresses["ExampleGen", "examples"] = "hdfs://elsewhere/examples"
    result = outcome(api, waited(api, package)[0])
    assert result.verdict is None
    assert "hdfs://elsewhere/examples is in no store" in result.message


@pytest.mark.server("2.17")
def test_the_metadata_store_at_the_root_of_the_host_is_found(kubeflow, package, evidence):
    """Kubeflow's gateway serves the UI below /pipeline, and the metadata store beside it."""
    evidence()
    kubeflow.prefix = "/pipeline"
    api = Api(endpoint.from_environment(f"{kubeflow.url}/pipeline", environment={}))
    result = outcome(api, waited(api, package)[0])
    assert len(result.verdict.gates) == 3
