"""A TrainJob from the step's side, against a double of Kubernetes; the nodes are substituted, and only write files."""

import os
import signal
import threading
from pathlib import Path

import pytest

from tests.components.trainer.train_job.double import (
    NAMESPACE,
    POD,
    complete,
    deadline_exceeded,
    failed,
    node_pod,
    not_supported,
    running,
    suspended,
)
from weighbridge.common import progress
from weighbridge.common.digests import folder_digest
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.components.trainer import TrainJob
from weighbridge.components.trainer.train_job import training, watch
from weighbridge.components.trainer.train_job.exchange import Exchange, Outcome, Request
from weighbridge.components.trainer.train_job.manifest import StepPod

NAME = training.job_name(["gs://bucket/run-1/model", {"seed": 1}])
OPTION = TrainJob(nodes=2)


class Step:
    """A step that asks for a TrainJob, with its inputs and outputs."""

    def __init__(self, folder: Path, jobs, kubernetes):
        self.jobs, self.kubernetes = jobs, kubernetes
        self.exchange = Exchange(folder / "shared/jobs" / NAME, late_s=0.2)
        self.inputs, self.outputs = folder / "examples", folder / "model"
        self.inputs.mkdir()
        (self.inputs / "rows").write_text("1,2")
        self.requests = 0
        kubernetes.on_create = lambda _job: self.nodes_write()

    def request(self) -> Request:
        self.requests += 1
        staged = self.exchange.stage("examples-0", self.inputs)
        assert (staged / "rows").read_text() == "1,2"
        return Request(inputs="{}", outputs="{}", properties={})

    def nodes_write(self, **chief) -> None:
        """What two nodes leave that trained to the end; `chief` says otherwise."""
        made = self.exchange.output("model")
        made.mkdir(parents=True, exist_ok=True)
        (made / "weights").write_text("0.5")
        self.exchange.end(
            0, Outcome(**{"model_digest": "sha256:m", "outputs": {"model": folder_digest(made)}, **chief})
        )
        self.exchange.end(1, Outcome())

    def run(self, pod: StepPod = POD) -> Outcome:
        return training.run(self.jobs, pod, OPTION, self.exchange, self.request, {"model": str(self.outputs)})


@pytest.fixture
def step(tmp_path, jobs, kubernetes):
    return Step(tmp_path, jobs, kubernetes)


def test_the_model_comes_home_and_the_folder_is_gone(step):
    assert step.run().model_digest == "sha256:m"
    assert (step.outputs / "weights").read_text() == "0.5"
    assert not step.exchange.folder.exists()
    [manifest] = step.kubernetes.created
    assert manifest["metadata"]["name"] == NAME
    assert manifest["spec"]["trainer"]["args"] == [str(step.exchange.folder)]
    assert step.kubernetes.deleted == []  # people may look at it until the step's pod is removed


def test_one_line_for_each_change(step):
    waiting = [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: insufficient gpu"}]
    step.kubernetes.script = [{}, suspended(), suspended(), running(), running(), complete()]
    pods = step.kubernetes.pods

    def come(_job):
        step.nodes_write()
        pods["a"] = node_pod(NAME, 0, phase="Running")
        pods["b"] = node_pod(NAME, 1, phase="Pending", conditions=waiting)

    step.kubernetes.on_create = come
    lines = []
    with progress.listening(lines.append):
        step.run()
    assert lines == [
        f"copying examples-0 to {step.exchange.folder}",
        f"TrainJob {NAME} on 2 nodes of runtime weighbridge-training",
        f"TrainJob {NAME}: 1 of 2 nodes run, waits: 0/3 nodes are available: insufficient gpu",
        f"TrainJob {NAME}: suspended, waits until it is resumed",
        f"TrainJob {NAME}: 1 of 2 nodes run, waits: 0/3 nodes are available: insufficient gpu",
    ]


def test_the_api_may_be_away_while_nodes_train(step):
    step.kubernetes.script = [running()] * 4 + [complete()]
    step.kubernetes.on_create = lambda _job: (
        step.nodes_write(),
        step.kubernetes.failures.extend(["lost", 503, "dropped", 500]),
    )
    assert step.run().model_digest == "sha256:m"
    assert len(step.kubernetes.created) == 1


def test_a_job_under_way_is_taken_up_by_the_next_pod_of_the_step(step):
    step.exchange.begin(step.request())
    step.jobs.create(training.manifest.train_job(NAME, OPTION, POD, str(step.exchange.folder)))
    second = StepPod("second", "uid-2", NAMESPACE, POD.image, POD.service_account)
    assert step.run(second).model_digest == "sha256:m"
    assert (len(step.kubernetes.created), step.requests) == (1, 1)
    owners = step.kubernetes.jobs[NAME]["metadata"]["ownerReferences"]
    assert [owner["uid"] for owner in owners] == [POD.uid, "uid-2"]


@pytest.mark.parametrize("left", ["failed", "complete without its files", "being deleted"])
def test_a_job_that_is_of_no_use_any_more_is_replaced(step, left):
    step.kubernetes.on_create = lambda _job: None
    step.jobs.create(training.manifest.train_job(NAME, OPTION, POD, str(step.exchange.folder)))
    if left == "being deleted":
        step.jobs.delete(NAME)
    else:
        step.kubernetes.jobs[NAME]["status"] = failed() if left == "failed" else complete()
        step.kubernetes.script = [{}]
    step.kubernetes.on_create = lambda _job: (
        step.nodes_write(),
        setattr(step.kubernetes, "script", [running(), complete()]),
    )
    assert step.run().model_digest == "sha256:m"
    assert len(step.kubernetes.created) == 2
    assert step.kubernetes.deleted[-1] == NAME


def failing(step, *, status=None, nodes=(), pods=()):
    """Let the next TrainJob fail: what its nodes say, and the pods that are left."""
    step.kubernetes.script = [running(), status or failed()]

    def come(_job):
        for node, outcome in nodes:
            step.exchange.end(node, outcome)
        for pod in pods:
            step.kubernetes.pods[pod["metadata"]["name"]] = pod

    step.kubernetes.on_create = come


USAGE = Outcome(exit_code=ExitCode.USAGE, message="run_fn='a.b' raised KeyError: 'fare'", hint="At b.py, line 3")
LOST = Outcome(exit_code=ExitCode.INFRASTRUCTURE, message="run_fn='a.b' was stopped by UnavailableError", hint="again")


def test_the_users_own_error_counts_more_than_that_others_lost_the_node(step):
    failing(step, nodes=[(0, LOST), (1, USAGE)])
    with pytest.raises(UsageError, match=f"Node 1 of TrainJob {NAME}: run_fn='a.b' raised KeyError: 'fare'") as caught:
        step.run()
    assert caught.value.hint == "At b.py, line 3"
    assert not step.exchange.folder.exists()


def test_a_lost_worker_is_safe_to_retry_and_the_retry_copies_nothing_again(step):
    failing(step, nodes=[(0, LOST)])
    with pytest.raises(InfrastructureError, match="Node 0 of TrainJob"):
        step.run()
    written = (step.exchange.folder / "inputs/examples-0").stat().st_ctime_ns
    step.kubernetes.on_create = lambda _job: (
        step.nodes_write(),
        setattr(step.kubernetes, "script", [running(), complete()]),
    )
    seen = []
    step.request, request = lambda: (seen.append(request()), seen[0])[1], step.request
    stat = Path.stat(step.exchange.folder / "inputs/examples-0").st_ctime_ns
    assert step.run().model_digest == "sha256:m"
    assert (len(seen), stat) == (1, written)


@pytest.mark.parametrize(
    ("pod", "said"),
    [
        (
            {"containerStatuses": [{"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]},
            "OOMKilled, exit code 137",
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}, "Evicted, The"),
        (
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]},
            "PreemptionByScheduler",
        ),
        ({"phase": "Succeeded"}, "FailedJobs: jobset failed due to one or more job failures"),
    ],
)
def test_nodes_that_say_nothing_were_lost(step, pod, said):
    failing(step, pods=[node_pod(NAME, 0, **pod)])
    with pytest.raises(InfrastructureError, match="no node said why") as caught:
        step.run()
    assert said in caught.value.message
    assert (step.exchange.folder / "inputs/examples-0/rows").is_file()  # for the next attempt


def test_too_long_is_an_infrastructure_error_that_says_so(step):
    failing(step, status=deadline_exceeded())
    with pytest.raises(InfrastructureError, match="DeadlineExceeded: TrainJob exceeded its active deadline"):
        step.run()


def test_a_runtime_that_trainer_cannot_run_is_a_usage_error(step):
    failing(step, status=not_supported())
    with pytest.raises(UsageError, match="unsupported runtime: x"):
        step.run()


def test_why_it_failed_is_told_without_the_right_to_list_pods(step):
    step.kubernetes.rights.remove(("pods", "list"))
    failing(step, nodes=[(0, USAGE)])
    with pytest.raises(UsageError, match="KeyError: 'fare'"):
        step.run()


def test_a_node_that_failed_is_an_error_though_the_job_is_complete(step):
    failing(step, status=complete(), nodes=[(0, Outcome()), (1, USAGE)])
    with pytest.raises(UsageError, match="Node 1"):
        step.run()


def test_a_chief_that_left_nothing(step):
    failing(step, status=complete())
    with pytest.raises(InfrastructureError, match="its chief left nothing") as caught:
        step.run()
    assert "ReadWriteMany" in caught.value.hint


def test_an_output_that_is_not_what_the_chief_wrote(step):
    step.kubernetes.on_create = lambda _job: step.nodes_write(outputs={"model": "sha256:" + "0" * 64})
    with pytest.raises(InfrastructureError, match="is not what was copied"):
        step.run()


def test_an_input_that_was_copied_wrong_is_not_trained_on(step):
    copied = step.exchange.folder / "inputs/examples-0"
    copied.mkdir(parents=True)
    (copied / "rows").write_text("9,9")
    with pytest.raises(InfrastructureError, match="is not what was copied"):
        step.run()
    assert step.kubernetes.created == []


def test_files_that_are_seen_late_are_waited_for(step):
    def late(_job):
        threading.Timer(0.05, step.nodes_write).start()

    step.exchange._late_s = 10
    step.kubernetes.script = [complete()]
    step.kubernetes.on_create = late
    assert step.run().model_digest == "sha256:m"


def test_a_job_that_somebody_deletes(step):
    step.kubernetes.script = [running()]
    step.kubernetes.on_create = lambda job: threading.Timer(0.05, step.kubernetes.jobs.clear).start()
    with pytest.raises(InfrastructureError, match="was deleted while it ran"):
        step.run()


def test_a_job_that_nobody_looks_after(step):
    step.kubernetes.script = [{}]
    step.jobs.create(training.manifest.train_job(NAME, OPTION, POD, "/x"))
    with pytest.raises(InfrastructureError, match="has no pod after") as caught:
        watch.wait(step.jobs, NAME, Path("/x"), start_s=0.05)
    assert "controller run" in caught.value.hint


@pytest.mark.parametrize("code", [signal.SIGTERM, signal.SIGINT])
def test_a_cancelled_step_takes_its_job_along(step, code):
    step.kubernetes.script = [running()]
    step.kubernetes.on_create = lambda _job: threading.Timer(0.1, os.kill, (os.getpid(), code)).start()
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises((SystemExit, KeyboardInterrupt)) as caught:
        step.run()
    if code == signal.SIGTERM:
        assert caught.value.code == 143
    assert step.kubernetes.deleted == [NAME]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_lost_connection_leaves_the_job_for_the_next_attempt(step):
    step.kubernetes.script = [running()]
    step.kubernetes.on_create = lambda _job: step.kubernetes.failures.extend([503] * 200)
    with pytest.raises(InfrastructureError, match="answered 503"):
        step.run()
    step.kubernetes.failures.clear()
    step.nodes_write()
    step.kubernetes.script = [complete()]
    assert step.run().model_digest == "sha256:m"
    assert (len(step.kubernetes.created), step.kubernetes.deleted) == (1, [])


def test_a_name_is_a_label_of_dns_and_another_for_another_step():
    names = {training.job_name(identity) for identity in (["a"], ["b"], {"a": 1})}
    assert len(names) == 3
    assert all(len(name) <= 40 for name in names)
    assert training.job_name(["a"]) in names


def test_a_volume_that_is_not_mounted(tmp_path):
    option = TrainJob(folder=str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="'weighbridge-training' is not mounted"):
        training.exchange_of(option, NAME)
    assert training.exchange_of(TrainJob(folder=str(tmp_path)), NAME).folder == tmp_path / "jobs" / NAME


def test_nodes_without_a_request_say_what_to_look_at(tmp_path):
    with pytest.raises(UsageError) as caught:
        Exchange(tmp_path).request()
    assert "mount the same claim" in caught.value.hint
