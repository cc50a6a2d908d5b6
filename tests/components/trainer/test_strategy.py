"""Devices and precision: what is asked for, weighed against what is there."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.patience import PATIENCE_S
from weighbridge.common.errors import UsageError
from weighbridge.components.trainer import strategy
from weighbridge.components.trainer.strategy import Hardware

ONE_CPU = Hardware()
ONE_GPU = Hardware(gpus=1, tensor_cores=True)
GPUS = Hardware(gpus=4, tensor_cores=True)
OLD_GPU = Hardware(gpus=1, tensor_cores=False)
TPU = Hardware(tpu=True)
CLUSTER = Hardware(gpus=2, workers=3)


@pytest.mark.parametrize(
    ("hardware", "name"),
    [
        (ONE_CPU, "cpu"),
        (Hardware(cpus=2), "cpu"),
        (ONE_GPU, "one_gpu"),
        (GPUS, "mirrored"),
        (TPU, "tpu"),
        (CLUSTER, "multi_worker"),
        (Hardware(workers=1), "cpu"),
    ],
)
def test_auto_takes_the_most_that_is_there(hardware, name):
    assert strategy.choose("auto", hardware) == name


@pytest.mark.parametrize(
    ("asked", "hardware"),
    [("cpu", GPUS), ("one_gpu", GPUS), ("mirrored", ONE_GPU), ("mirrored", Hardware(cpus=2)), ("cpu", CLUSTER)],
)
def test_less_than_there_is_can_be_asked_for(asked, hardware):
    assert strategy.choose(asked, hardware) == asked


@pytest.mark.parametrize(
    ("asked", "lacking"),
    [("one_gpu", "no GPU"), ("mirrored", "no GPU"), ("tpu", "no TPU"), ("multi_worker", "TF_CONFIG")],
)
def test_what_is_not_there_is_refused_not_replaced(asked, lacking):
    with pytest.raises(UsageError, match=lacking) as caught:
        strategy.choose(asked, ONE_CPU)
    assert "'cpu'" in caught.value.hint


def test_unknown_names_are_refused_with_the_allowed_ones():
    with pytest.raises(UsageError, match="'gpu' is not known") as caught:
        strategy.choose("gpu", ONE_GPU)
    assert "one_gpu" in caught.value.hint
    with pytest.raises(UsageError, match="'fp16' is not known"):
        strategy.choose_precision("fp16", "cpu", ONE_CPU)


@given(
    st.builds(
        Hardware,
        cpus=st.integers(1, 8),
        gpus=st.integers(0, 8),
        tensor_cores=st.booleans(),
        tpu=st.booleans(),
        workers=st.integers(0, 4),
    )
)
def test_what_auto_takes_could_have_been_asked_for(hardware):
    name = strategy.choose("auto", hardware)
    assert strategy.choose(name, hardware) == name
    assert strategy.choose("cpu", hardware) == "cpu"


@pytest.mark.parametrize(
    ("name", "hardware", "precision"),
    [
        ("cpu", ONE_CPU, "float32"),
        ("cpu", GPUS, "float32"),
        ("one_gpu", ONE_GPU, "mixed_float16"),
        ("mirrored", GPUS, "mixed_float16"),
        ("one_gpu", OLD_GPU, "float32"),
        ("tpu", TPU, "mixed_bfloat16"),
    ],
)
def test_half_precision_only_where_it_pays(name, hardware, precision):
    assert strategy.choose_precision("auto", name, hardware) == precision
    assert strategy.choose_precision("float32", name, hardware) == "float32"


@pytest.mark.parametrize(
    ("config", "chief"),
    [
        ({}, True),
        ({"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "chief", "index": 0}}, True),
        ({"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "worker", "index": 0}}, False),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}, True),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}, False),
    ],
)
def test_one_worker_of_a_cluster_writes(monkeypatch, config, chief):
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert strategy.is_chief() is chief


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_broken_cluster_is_told(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UsageError, match="TF_CONFIG"):
        strategy.is_chief()


PROGRAM = """
import sys
from pathlib import Path
import tensorflow as tf
devices = int(sys.argv[3])
if devices > 1:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
from weighbridge.components.trainer import train
from tests.components.trainer.toy import fn_args
args = fn_args(Path(sys.argv[1]), strategy=sys.argv[2])
trained = train("tests.components.trainer.toy.run_fn", args)
assert bool(trained.gates) == (sys.argv[4] == "chief")
assert all(gate.passed for gate in trained.gates), trained.gates
"""


def training(folder: Path, name: str, devices: int, role: str = "chief", **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), name, str(devices), role],
        cwd=Path(__file__).parents[3],
        env=os.environ | environment,
        stderr=subprocess.PIPE,
    )


@pytest.mark.slow
def test_several_devices_mirror_the_model(tmp_path):
    process = training(tmp_path, "mirrored", 2)
    _, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, error.decode()
    history = json.loads((tmp_path / "run/history.json").read_text())
    assert history["strategy"] == "mirrored"
    assert history["devices"] == ["CPU:0", "CPU:1"]
    assert history["metrics"]["loss"][-1] < history["metrics"]["loss"][0]


@pytest.mark.slow
def test_two_workers_train_one_model_and_the_chief_writes_it(tmp_path):
    workers = [f"localhost:{free_port()}" for _ in range(2)]
    processes = [
        training(
            tmp_path / str(index),
            "auto",
            1,
            "worker" if index else "chief",
            TF_CONFIG=json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]
    try:
        for process in processes:
            _, error = process.communicate(timeout=PATIENCE_S)
            assert process.returncode == 0, error.decode()
    finally:
        for process in processes:
            process.kill()
    assert json.loads((tmp_path / "0/run/history.json").read_text())["strategy"] == "multi_worker"
    assert (tmp_path / "0/model/Format-Serving/saved_model.pb").is_file()
    assert not (tmp_path / "1/run/history.json").exists()
    assert not (tmp_path / "1/model").exists()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]
