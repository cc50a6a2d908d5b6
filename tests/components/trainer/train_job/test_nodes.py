"""The whole way of a training: the executor, a TrainJob, its nodes, one model. Kubernetes alone is a double.

Nodes run what the manifest says, with the environment that it and Kubernetes give them. They share one machine here, so
that their addresses are replaced: a name per pod is what only a cluster has.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from tests.components.trainer.test_component import artifact, properties
from tests.components.trainer.test_run import exported_weights, same
from tests.components.trainer.test_strategy import free_port
from tests.components.trainer.train_job.double import POD, complete, failed, running
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.trainer import TrainJob, read_history, worker
from weighbridge.components.trainer.component import TrainerExecutor
from weighbridge.components.trainer.train_job import access
from weighbridge.verdict import read_gates

TOY = "tests.components.trainer.toy"


@pytest.fixture
def in_a_step(monkeypatch, tmp_path, jobs):
    """This process is a step of Kubeflow Pipelines, with the double for its Kubernetes."""
    monkeypatch.setenv(access.POD_NAME_VARIABLE, POD.name)
    token = tmp_path / "token"
    token.write_text("secret")
    monkeypatch.setattr(access, "_TOKEN", token)
    monkeypatch.setattr(access, "connect", lambda: jobs)
    (tmp_path / "shared").mkdir()


@pytest.fixture
def artifacts(tmp_path):
    kinds = standard_artifacts
    splits = '["train", "eval"]'
    files = ("Split-train/data.gz", "Split-eval/data.gz")
    inputs = {
        "examples": artifact(kinds.Examples, tmp_path / "examples", *files, split_names=splits),
        "schema": artifact(kinds.Schema, tmp_path / "schema", "schema.pbtxt"),
    }
    outputs = {
        "model": artifact(kinds.Model, tmp_path / "model"),
        "model_run": artifact(kinds.ModelRun, tmp_path / "model_run"),
    }
    return {name: [one] for name, one in inputs.items()}, {name: [one] for name, one in outputs.items()}


def asked(tmp_path, run_fn=f"{TOY}.run_fn", *, nodes=1, checkpoints=True):
    option = TrainJob(nodes=nodes, folder=str(tmp_path / "shared"))
    given = properties(run_fn, checkpoint_dir=str(tmp_path / "not seen by nodes") if checkpoints else "")
    return {**given, "train_job": option.model_dump_json(exclude_defaults=True)}


def in_this_process(monkeypatch, kubernetes):
    """Nodes that are trained in this process when the TrainJob is created."""

    def train(job):
        trainer = job["spec"]["trainer"]
        with pytest.MonkeyPatch.context() as patch:
            for each in trainer["env"]:
                patch.setenv(each["name"], each["value"])
            code = worker.main(trainer["args"])
        kubernetes.script = [running(), failed() if code else complete()]

    kubernetes.on_create = train


def test_a_node_trains_what_the_step_itself_would_have(tmp_path, monkeypatch, kubernetes, in_a_step, artifacts):
    inputs, outputs = artifacts
    in_this_process(monkeypatch, kubernetes)
    TrainerExecutor().Do(inputs, outputs, asked(tmp_path))

    model = outputs["model"][0]
    for name in ("code_digest", "parameters_digest", "model_digest"):
        assert model.get_string_custom_property(name).startswith("sha256:")
    assert all(gate.passed for gate in read_gates(tmp_path / "model_run"))
    assert [path.name for path in (tmp_path / "shared/jobs").iterdir()] == []
    assert not (tmp_path / "not seen by nodes").exists()
    assert (tmp_path / "shared/checkpoints").is_dir()

    monkeypatch.delenv(access.POD_NAME_VARIABLE)
    away = exported_weights(tmp_path / "model/Format-Serving")
    TrainerExecutor().Do(inputs, outputs, asked(tmp_path))
    assert same(away, exported_weights(tmp_path / "model/Format-Serving"))
    assert len(kubernetes.created) == 1


def test_nodes_are_given_copies_and_tfx_own_arguments(tmp_path, monkeypatch, kubernetes, in_a_step, artifacts):
    inputs, outputs = artifacts
    in_this_process(monkeypatch, kubernetes)
    given = asked(tmp_path, "tests.components.trainer.test_component.seen")
    TrainerExecutor().Do(inputs, outputs, given)
    seen = (tmp_path / "model_run/seen.json").read_text()
    assert f"{tmp_path}/shared/jobs/train-" in seen
    assert "/inputs/examples-0/Split-train/*" in seen
    assert f"{tmp_path}/examples" not in seen
    assert inputs["examples"][0].uri == f"{tmp_path}/examples"


def test_on_a_laptop_the_option_is_ignored_and_says_so(tmp_path, monkeypatch, artifacts, caplog):
    monkeypatch.delenv(access.POD_NAME_VARIABLE, raising=False)
    inputs, outputs = artifacts
    with caplog.at_level("INFO"):
        TrainerExecutor().Do(inputs, outputs, asked(tmp_path))
    assert (tmp_path / "model/Format-Serving/saved_model.pb").is_file()
    assert "training in this process" in caplog.text


@pytest.mark.parametrize(
    ("run_fn", "kind", "said"),
    [
        ("raises", UsageError, "no such column: fare"),
        ("disk_full", InfrastructureError, "stopped by ValueError: could not save"),
    ],
)
def test_errors_of_a_node_are_those_of_the_step(
    tmp_path, monkeypatch, kubernetes, in_a_step, artifacts, run_fn, kind, said
):
    inputs, outputs = artifacts
    in_this_process(monkeypatch, kubernetes)
    with pytest.raises(kind, match=said) as caught:
        TrainerExecutor().Do(inputs, outputs, asked(tmp_path, f"{TOY}.{run_fn}"))
    assert "Node 0 of TrainJob" in caught.value.message


def test_a_refusing_gate_comes_home_as_data(tmp_path, monkeypatch, kubernetes, in_a_step, artifacts):
    inputs, outputs = artifacts
    in_this_process(monkeypatch, kubernetes)
    TrainerExecutor().Do(inputs, outputs, asked(tmp_path, f"{TOY}.exports_nothing"))
    assert {gate.name for gate in read_gates(tmp_path / "model_run") if gate.refuses} == {
        "training.model.exported",
        "training.weights.finite",
    }
    assert not outputs["model"][0].has_custom_property("model_digest")


class Nodes:
    """Processes in place of a TrainJob's pods."""

    def __init__(self, kubernetes, log):
        self.kubernetes, self.log, self.processes = kubernetes, log, []
        kubernetes.on_create = self.start

    def start(self, job):
        self.kubernetes.script = [running()]
        trainer = job["spec"]["trainer"]
        given = {each["name"]: each["value"] for each in trainer["env"]}
        addresses = given["WEIGHBRIDGE_WORKERS"].split(",")
        name = job["metadata"]["name"]
        assert addresses == [f"{name}-node-0-{index}.{name}:29500" for index in range(trainer["numNodes"])]
        given["WEIGHBRIDGE_WORKERS"] = ",".join(f"localhost:{free_port()}" for _ in addresses)
        [python, *command] = trainer["command"]
        assert python == "python"
        for index in range(trainer["numNodes"]):
            process = subprocess.Popen(
                [sys.executable, *command, *trainer["args"]],
                cwd=Path(__file__).parents[4],
                env=os.environ | given | {"JOB_COMPLETION_INDEX": str(index)},
                stderr=self.log.open("ab"),
            )
            self.processes.append(process)
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        """As a Job without retries: the first node that fails ends all."""
        while any(process.poll() is None for process in self.processes):
            if any(process.returncode for process in self.processes):
                self.stop()
            time.sleep(0.1)
        passed = not any(process.returncode for process in self.processes)
        self.kubernetes.script = [complete() if passed else failed()]

    def stop(self):
        for process in self.processes:
            process.kill()


@pytest.fixture
def nodes(kubernetes, tmp_path):
    started = Nodes(kubernetes, tmp_path / "nodes.log")
    yield started
    started.stop()


@pytest.mark.slow
def test_two_nodes_train_one_model(tmp_path, nodes, in_a_step, artifacts):
    inputs, outputs = artifacts
    TrainerExecutor().Do(inputs, outputs, asked(tmp_path, nodes=2))
    assert len(nodes.processes) == 2
    history = read_history(tmp_path / "model_run")
    assert (history.strategy, history.epochs) == ("multi_worker", 5)
    assert history.metrics["loss"][-1] < history.metrics["loss"][0]
    assert (tmp_path / "model/Format-Serving/saved_model.pb").is_file()
    assert outputs["model"][0].get_string_custom_property("model_digest").startswith("sha256:")


@pytest.mark.slow
def test_two_nodes_with_a_broken_run_fn_are_a_usage_error(tmp_path, nodes, in_a_step, artifacts):
    inputs, outputs = artifacts
    with pytest.raises(UsageError, match="no such column: fare"):
        TrainerExecutor().Do(inputs, outputs, asked(tmp_path, f"{TOY}.raises", nodes=2))
    assert 2 in [process.returncode for process in nodes.processes]


@pytest.mark.slow
def test_a_killed_node_is_lost_and_the_next_attempt_goes_on_where_it_was(
    tmp_path, nodes, in_a_step, artifacts, monkeypatch
):
    inputs, outputs = artifacts
    given = asked(tmp_path)
    monkeypatch.setenv("KILL_AT", "3")
    with pytest.raises(InfrastructureError, match=r"Node 0 of TrainJob .*: The process was killed \(SIGKILL\)"):
        TrainerExecutor().Do(inputs, outputs, given)
    monkeypatch.delenv("KILL_AT")
    nodes.processes.clear()
    TrainerExecutor().Do(inputs, outputs, given)
    assert read_history(tmp_path / "model_run").resumed_from_epoch == 3


@pytest.mark.slow
def test_code_that_ends_the_process_of_a_node_is_a_usage_error(tmp_path, nodes, in_a_step, artifacts):
    inputs, outputs = artifacts
    with pytest.raises(UsageError, match="The code that trains ended the process, with exit code 0"):
        TrainerExecutor().Do(inputs, outputs, asked(tmp_path, f"{TOY}.leaves"))
    assert [process.returncode for process in nodes.processes] == [2]
