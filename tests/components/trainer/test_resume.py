"""A training that is killed goes on where it was, and ends as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.trainer import toy
from tests.components.trainer.test_run import exported_weights, same
from weighbridge.common import progress
from weighbridge.components.trainer import History, TrainingSession, checkpoint, train

PROGRAM = """
import sys
from pathlib import Path
from weighbridge.components.trainer import train
from tests.components.trainer.toy import fn_args
train("tests.components.trainer.toy.run_fn", fn_args(Path(sys.argv[1]), seed=5, checkpoint_dir=sys.argv[2]))
"""


def killed(folder: Path, checkpoints: Path, moment: str) -> None:
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(checkpoints)],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"KILL_AT": moment},
        capture_output=True,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    args = toy.fn_args(tmp_path_factory.mktemp("uninterrupted"), seed=5)
    train("tests.components.trainer.toy.run_fn", args)
    return args


@pytest.mark.slow
@pytest.mark.parametrize(("moment", "epoch"), [("0", 0), ("3", 3), ("export", toy.EPOCHS)])
def test_a_killed_training_ends_with_the_weights_of_one_never_killed(tmp_path, uninterrupted, moment, epoch):
    checkpoints = tmp_path / "checkpoints/one"
    killed(tmp_path / "first", checkpoints, moment)
    args, lines = toy.fn_args(tmp_path / "second", seed=5, checkpoint_dir=str(checkpoints)), []
    with progress.listening(lines.append):
        assert all(gate.passed for gate in train("tests.components.trainer.toy.run_fn", args).gates)

    assert len([line for line in lines if line.startswith("epoch")]) == toy.EPOCHS - epoch
    assert (f"resumed after epoch {epoch}" in lines) == (epoch > 0)
    ours, theirs = (json.loads(Path(one.model_run_dir, "history.json").read_text()) for one in (args, uninterrupted))
    assert ours["resumed_from_epoch"] == epoch
    assert ours["metrics"] == theirs["metrics"]
    assert same(exported_weights(args.serving_model_dir), exported_weights(uninterrupted.serving_model_dir))
    assert not checkpoints.exists()


def test_the_newest_whole_checkpoint_counts(tmp_path):
    model = toy.model()
    first = [variable.numpy() for variable in model.variables]
    checkpoint.save(tmp_path, model, History(epochs=1), finished=False)
    # As a kill may leave things: a staged folder, and (a disk's fault) a newer checkpoint that is damaged.
    (tmp_path / ".staged-epoch-000003-abc").mkdir()
    (tmp_path / "epoch-000002").mkdir()
    (tmp_path / "epoch-000002/state.npz").write_bytes(b"half")

    model.set_weights([weight + 1 for weight in model.get_weights()])
    history, finished = checkpoint.restore(tmp_path, model)
    assert (history.epochs, finished) == (1, False)
    assert all((old == new.numpy()).all() for old, new in zip(first, model.variables, strict=True))


@pytest.mark.parametrize("change", ["flip", "finished", "history", "seal", "gone", "more"])
def test_a_checkpoint_that_was_changed_is_not_resumed_from(tmp_path, change):
    model = toy.model()
    checkpoint.save(tmp_path, model, History(epochs=1), finished=False)
    assert checkpoint.restore(tmp_path, model) is not None
    folder = tmp_path / "epoch-000001"
    named = {"finished": "progress.json", "seal": "digests.json", "gone": "digests.json"}
    path = folder / named.get(change, "state.npz")
    if change == "flip":
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif change == "finished":
        path.write_text('{"finished": true}')
    elif change == "history":
        History(epochs=7).write(folder)
    elif change == "seal":
        path.write_text("[]")
    elif change == "gone":
        path.unlink()
    else:
        (folder / "more").touch()
    assert checkpoint.restore(tmp_path, model) is None


def test_older_checkpoints_are_dropped(tmp_path):
    model = toy.model()
    for epoch in (1, 2):
        checkpoint.save(tmp_path, model, History(epochs=epoch), finished=False)
    checkpoint.save(tmp_path, model, History(epochs=2), finished=True)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-000002-end"]
    assert checkpoint.restore(tmp_path, model)[1] is True


def test_saving_the_same_epoch_twice_keeps_the_first(tmp_path):
    model = toy.model()
    for _ in range(2):
        checkpoint.save(tmp_path, model, History(epochs=1), finished=False)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-000001"]


def test_a_checkpoint_of_another_model_is_not_taken(tmp_path):
    import keras

    checkpoint.save(tmp_path, toy.model(), History(epochs=1), finished=False)
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    other.compile("adam", "mse")
    assert checkpoint.restore(tmp_path, other) is None


def test_nothing_to_resume_from(tmp_path):
    assert checkpoint.restore(tmp_path / "none", toy.model()) is None


def test_a_full_disk_leaves_the_older_checkpoint(tmp_path, monkeypatch):
    import numpy as np

    model = toy.model()
    checkpoint.save(tmp_path, model, History(epochs=1), finished=False)

    def full(*_args, **_arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(tmp_path, model, History(epochs=2), finished=False)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-000001"]


def test_a_training_without_end_or_without_data_is_refused(tmp_path):
    import tensorflow as tf

    from weighbridge.common.errors import UsageError

    session = TrainingSession.start(tmp_path, deterministic=False)
    with pytest.raises(UsageError, match="never ends"):
        session.fit(toy.model(), toy.data().repeat(), epochs=1)
    with pytest.raises(UsageError, match="not one batch"):
        session.fit(toy.model(), toy.data().take(0), epochs=1)
    history = session.fit(toy.model(), toy.data().repeat(), epochs=2, steps_per_epoch=3)
    assert history.epochs == 2
    assert isinstance(toy.data(), tf.data.Dataset)
