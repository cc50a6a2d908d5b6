"""Training on a planted pattern: it is found, again and again in the same way, on one device or several."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.pipelines.recommender.model import planted
from weighbridge.common.errors import UsageError
from weighbridge.pipelines.recommender.model.run import run_fn

ROOT = Path(__file__).parents[4]


def losses(trained, name="loss"):
    return json.loads(Path(trained.fn_args.model_run_dir, "history.json").read_text())["metrics"][name]


def answers(folder):
    """What an exported model recommends to a few, and why."""
    signature = tf.saved_model.load(str(folder)).signatures["recommend"]
    history = tf.constant([[b"10000", b"10003"], [b"10203", b""], [b"", b""]])
    found = signature(
        history=history, ages=tf.ones([3, 2]), country=tf.constant([b"Here", b"There", b"x"]), k=tf.constant(9)
    )
    return found["items"].numpy().tolist(), found["scores"].numpy()


def test_training_finds_the_pattern(trained):
    for name in ("loss", "val_loss"):
        found = losses(trained, name)
        assert found[-1] < found[0]
        assert found == sorted(found, reverse=True)


def test_a_seed_gives_one_model(histories, tmp_path, trained):
    same = planted.train(histories, tmp_path)
    items, scores = answers(trained.fn_args.serving_model_dir)
    again, same_scores = answers(same.fn_args.serving_model_dir)
    assert again == items
    np.testing.assert_array_equal(same_scores, scores)
    assert losses(same) == losses(trained)
    vectors = [
        {name: value.numpy() for name, value in model.served()["vectors"]().items()} for model in (trained, same)
    ]
    for name in ("numbers", "history"):
        np.testing.assert_array_equal(vectors[0][name], vectors[1][name])


def test_variants_lie_beside_the_model_and_only_those_asked_for(trained):
    assert sorted(path.name for path in (trained.artifact / "variants").iterdir()) == ["items_x10"]


def test_a_warm_start_begins_at_production(histories, tmp_path, trained):
    base = trained.fn_args.serving_model_dir
    # A step so small that the model stays where it begins.
    still = {"epochs": 1, "learning_rate": 1e-9}
    warm = planted.train(histories, tmp_path / "warm", base_model=base, warm_start=True, **still)
    cold = planted.train(histories, tmp_path / "cold", base_model=base, warm_start=False, **still)
    found = {
        name: model.served()["vectors"]()["numbers"].numpy()
        for name, model in {"base": trained, "warm": warm, "cold": cold}.items()
    }
    np.testing.assert_allclose(found["warm"][1:], found["base"][1:], atol=1e-5)
    assert np.abs(found["cold"] - found["base"]).max() > 1e-2


def test_histories_without_a_catalogue_say_who_writes_it(histories, tmp_path):
    given = planted.fn_args(histories, tmp_path)
    given.train_files = [str(tmp_path / "nowhere/Split-train/*")]
    with pytest.raises(UsageError, match="no catalogue") as caught:
        run_fn(given)
    assert "Histories" in caught.value.hint


PROGRAM = """
import sys
from pathlib import Path
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.pipelines.recommender.model import planted
planted.train(Path(sys.argv[1]), Path(sys.argv[2]), strategy="mirrored")
"""


@pytest.mark.slow
def test_several_devices_train_one_model(histories, tmp_path, trained):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, histories, tmp_path], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    history = json.loads((tmp_path / "run/history.json").read_text())
    assert (history["strategy"], history["devices"]) == ("mirrored", ["CPU:0", "CPU:1"])
    found = history["metrics"]["loss"]
    assert found[-1] < found[0]
    items, scores = answers(tmp_path / "model/Format-Serving")
    assert np.isfinite(scores).all()
    popular, _ = answers(trained.fn_args.serving_model_dir)
    assert items[2] == popular[2]
