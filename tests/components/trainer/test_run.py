"""Training as a user sees it: what is exported and recorded, which gates refuse, which errors come."""

import dataclasses
import json
from pathlib import Path

import pytest

from tests.components.trainer.toy import EPOCHS, fn_args
from weighbridge.common import progress
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.trainer import TrainingSession, train
from weighbridge.components.trainer.run import loss_gate
from weighbridge.verdict import read_gates

TOY = "tests.components.trainer.toy"


def gates_of(trained):
    return {gate.name: gate for gate in trained.gates}


def test_trains_exports_records_and_reports(tmp_path):
    args, lines = fn_args(tmp_path, seed=7, checkpoint_dir=str(tmp_path / "checkpoints/one")), []
    with progress.listening(lines.append):
        trained = train(f"{TOY}.run_fn", args)

    assert all(gate.passed for gate in trained.gates)
    assert [gate.name for gate in trained.gates] == [gate.name for gate in read_gates(args.model_run_dir)]
    assert trained.model_digest.startswith("sha256:")
    assert Path(args.serving_model_dir, "saved_model.pb").is_file()

    history = json.loads(Path(args.model_run_dir, "history.json").read_text())
    assert history["epochs"] == EPOCHS == len(history["seconds"])
    assert set(history["metrics"]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert {len(series) for series in history["metrics"].values()} == {EPOCHS}
    assert (history["seed"], history["strategy"], history["devices"]) == (7, "cpu", ["CPU:0"])
    assert history["resumed_from_epoch"] == 0

    assert list(Path(args.model_run_dir, "logs").rglob("events.out.tfevents.*"))
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert len(epochs) == EPOCHS
    assert epochs[1].startswith("epoch 2/5 loss 0.")
    assert not (tmp_path / "checkpoints/one").exists()


def test_a_variant_lies_beside_the_served_model_and_is_no_part_of_it(tmp_path):
    args = fn_args(tmp_path)
    trained = train(f"{TOY}.with_variant", args)
    assert (tmp_path / "model/variants/large/saved_model.pb").is_file()
    assert all(gate.passed for gate in trained.gates)
    assert trained.model_digest == tree_digest(args.serving_model_dir)
    assert not (Path(args.serving_model_dir) / "variants").exists()


def test_a_variant_needs_a_name_and_a_model_to_lie_beside(tmp_path):
    session = TrainingSession.start(tmp_path, serving_dir=str(tmp_path / "model/Format-Serving"), deterministic=False)
    assert session.variant_dir("int8") == str(tmp_path / "model/variants/int8")
    with pytest.raises(UsageError, match=r"variant_dir\('\.\./int8'\) is not a name"):
        session.variant_dir("../int8")
    with pytest.raises(UsageError, match="Start with a serving_dir"):
        TrainingSession.start(tmp_path, deterministic=False).variant_dir("int8")
    worker = dataclasses.replace(session, is_chief=False)
    assert Path(worker.variant_dir("int8")).is_dir()
    assert not worker.variant_dir("int8").startswith(str(tmp_path))


def test_the_process_is_left_as_it_was_found(tmp_path):
    import keras
    from tensorflow.python.framework import config

    train(f"{TOY}.exports_nothing", fn_args(tmp_path, mixed_precision="mixed_bfloat16", deterministic=True))
    assert keras.mixed_precision.global_policy().name == "float32"
    assert not config.is_op_determinism_enabled()


def test_same_seed_same_weights(tmp_path):
    first, again, other = (
        weights_after(tmp_path / name, seed) for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert same(first, again)
    assert not same(first, other)


def test_a_loss_that_is_not_finite_is_refused_and_stops_training(tmp_path):
    args = fn_args(tmp_path, checkpoint_dir=str(tmp_path / "checkpoints/nan"))
    gates = gates_of(train(f"{TOY}.nan_loss", args))
    assert gates["training.loss.finite"].refuses
    assert "epoch 1" in gates["training.loss.finite"].message
    assert gates["training.weights.finite"].refuses
    assert gates["training.model.exported"].passed
    assert json.loads(Path(args.model_run_dir, "history.json").read_text())["epochs"] == 1


def test_a_model_that_is_not_exported_is_refused(tmp_path):
    args = fn_args(tmp_path)
    trained = train(f"{TOY}.exports_nothing", args)
    gate = gates_of(trained)["training.model.exported"]
    assert gate.refuses
    assert "exports_nothing ended without a SavedModel" in gate.message
    assert trained.model_digest == ""
    assert gates_of(trained)["training.weights.finite"].status == "unmeasured"
    assert gates_of(trained)["training.loss.finite"].passed


def test_a_stock_run_fn_passes_with_a_warning_that_its_loss_was_not_watched(tmp_path):
    gates = gates_of(train(f"{TOY}.without_session", fn_args(tmp_path)))
    assert not any(gate.refuses for gate in gates.values())
    assert gates["training.loss.finite"].status == "unmeasured"
    assert gates["training.weights.finite"].passed


def test_a_stock_run_fn_whose_training_failed_is_refused_for_its_weights(tmp_path):
    gates = gates_of(train(f"{TOY}.nan_without_session", fn_args(tmp_path)))
    assert gates["training.weights.finite"].refuses
    assert gates["training.weights.finite"].observed > 0


@pytest.mark.parametrize(
    ("value", "dtype", "status"),
    [
        (float("inf"), "float32", "refused"),
        (float("-inf"), "float64", "refused"),
        (float("nan"), "bfloat16", "refused"),
        (float("inf"), "bfloat16", "refused"),
        (1e300, "float64", "passed"),
        (3, "int32", "passed"),
    ],
)
def test_weights_must_be_finite_in_their_own_type(tmp_path, value, dtype, status):
    import tensorflow as tf

    from weighbridge.components.trainer.run import weights_gate

    module = tf.Module()
    module.weight = tf.Variable([1.0, value] if dtype != "int32" else [1, value], dtype=dtype)
    tf.saved_model.save(module, str(tmp_path))
    gate = weights_gate(tmp_path)
    assert (gate.name, gate.status) == ("training.weights.finite", status)
    assert ("NaN or infinity" in gate.message) == (status == "refused")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({"epochs": 2, "metrics": {"loss": [0.4, 0.3]}}, "passed"),
        ({"epochs": 2, "metrics": {"loss": [0.4, 0.3], "val_loss": [None, 0.3]}}, "passed"),
        ({"epochs": 2, "metrics": {"loss": [0.4, 0.3], "val_loss": [0.3, None]}}, "refused"),
        ({"epochs": 2, "metrics": {"loss": [None, 0.3]}}, "refused"),
        ({"epochs": 2, "metrics": {"accuracy": [0.1, 0.2]}}, "unmeasured"),
        ({"epochs": 0, "metrics": {}}, "unmeasured"),
    ],
)
def test_loss_gate(tmp_path, content, status):
    (tmp_path / "history.json").write_text(json.dumps(content))
    assert loss_gate(tmp_path).status == status


def test_a_history_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "history.json").write_text("{")
    with pytest.raises(UsageError, match=r"history\.json is not a valid history\.json"):
        loss_gate(tmp_path)


@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        ("raises", UsageError, "raised KeyError: 'no such column: fare'"),
        ("exits", UsageError, "raised SystemExit: 0"),
        ("disk_full", InfrastructureError, "could not save"),
        ("out_of_memory", InfrastructureError, "MemoryError"),
        ("accelerator_out_of_memory", InfrastructureError, "OOM when allocating"),
    ],
)
def test_errors_of_the_users_function(tmp_path, function, kind, message):
    with pytest.raises(kind) as caught:
        train(f"{TOY}.{function}", fn_args(tmp_path))
    assert f"{TOY}.{function}" in caught.value.message
    assert message in caught.value.message
    assert caught.value.__cause__ is not None


def test_an_error_names_the_line_in_the_users_file(tmp_path):
    with pytest.raises(UsageError) as caught:
        train(f"{TOY}.raises", fn_args(tmp_path))
    assert caught.value.hint.startswith("At toy.py, line ")
    assert 'raise KeyError("no such column: fare")' in caught.value.hint


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{TOY}.run_fm", "no function 'run_fm'"),
        (f"{TOY}.not_a_function", "no function"),
        ("tests.no_such_module.run_fn", "No module named"),
        ("run_fn", "not a dotted name"),
    ],
)
def test_a_run_fn_that_is_not_there(tmp_path, name, message):
    with pytest.raises(UsageError, match=message):
        train(name, fn_args(tmp_path))


def weights_after(folder, seed):
    args = fn_args(folder, seed=seed)
    train(f"{TOY}.run_fn", args)
    return exported_weights(args.serving_model_dir)


def exported_weights(folder):
    import tensorflow as tf

    reader = tf.train.load_checkpoint(f"{folder}/variables/variables")
    # Keras lists all variables once more in an order of its own.
    names = [name for name in reader.get_variable_to_dtype_map() if name.startswith("variables/")]
    assert names
    return {name: reader.get_tensor(name) for name in names}


def same(first, second):
    return first.keys() == second.keys() and all((first[name] == second[name]).all() for name in first)
