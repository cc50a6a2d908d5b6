"""Calls the user's `run_fn` and judges what came of it: gates for what is no good, errors for what went wrong."""

import contextlib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from weighbridge.common.digests import tree_digest
from weighbridge.common.import_string import import_function
from weighbridge.common.user_code import errors_of
from weighbridge.components.artifacts.models import VARIANTS_FOLDER
from weighbridge.components.trainer import checkpoint
from weighbridge.components.trainer.canonical import make_canonical
from weighbridge.components.trainer.history import read_history
from weighbridge.components.trainer.ordered import names_from_the_start, variables_in_order
from weighbridge.components.trainer.strategy import is_chief
from weighbridge.evidence.history import HISTORY_FILE
from weighbridge.verdict import Gate, passed_if, write_gates

_RETRY = "Free or add disk or memory, then run again: with checkpoints, training resumes."


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes:
        gates: the training's gates, as written to `gates.json`; none on workers that are not the chief.
        model_digest: digest of the exported model's bytes; empty where nothing was exported.
    """

    gates: tuple[Gate, ...]
    model_digest: str


def train(run_fn: str, fn_args: Any) -> Trained:
    """Run `run_fn(fn_args)`, weigh its outcome, and write `gates.json` into `fn_args.model_run_dir`.

    The checkpoints of this training, in `fn_args.custom_config["checkpoint_dir"]`, are dropped when run_fn ends.

    Args:
        run_fn: dotted name of the user's function.
        fn_args: TFX's FnArgs, or anything with its attributes.

    Raises:
        UsageError: there is no such function, or it raised an error of its own.
        InfrastructureError: it ran out of disk or memory, or lost a worker: running it again resumes.
    """
    function = import_function(run_fn, "run_fn")
    Path(fn_args.model_run_dir).mkdir(parents=True, exist_ok=True)
    with _left_as_found(), errors_of(f"run_fn={run_fn!r}", partial(_place, function=function), retry=_RETRY):
        _sow(fn_args)
        function(fn_args)
    if not is_chief():
        return Trained((), "")  # the chief has what there is to weigh
    if folder := (fn_args.custom_config or {}).get("checkpoint_dir"):
        checkpoint.remove(folder)
    exported = Path(fn_args.serving_model_dir)
    for folder in (exported, *exported.parent.glob(f"{VARIANTS_FOLDER}/*")):
        make_canonical(folder)
    gates = (loss_gate(fn_args.model_run_dir), exported_gate(exported, run_fn), weights_gate(exported))
    write_gates(fn_args.model_run_dir, gates)
    return Trained(gates, tree_digest(exported) if gates[1].passed else "")


def loss_gate(model_run_dir: str | Path) -> Gate:
    """Whether every recorded loss is a finite number. No record at all is a warning: the weights are looked at too.

    Args:
        model_run_dir: folder in which a `TrainingSession` leaves `history.json`.
    """
    name = "training.loss.finite"
    history = read_history(model_run_dir)
    if history is None:
        return Gate(
            name=name,
            status="unmeasured",
            severity="warning",
            message=f"run_fn left no {HISTORY_FILE}, so its losses were not looked at: train with TrainingSession.fit.",
        )
    losses = {metric: values for metric, values in history.metrics.items() if metric.endswith("loss")}
    for metric, values in losses.items():
        # Validation may look at every other epoch only; a gap in the training loss or at the end is no gap but NaN.
        gaps = [epoch for epoch, value in enumerate(values, start=1) if value is None]
        if gaps and (not metric.startswith("val_") or gaps[-1] == history.epochs):
            return Gate(
                name=name,
                status="refused",
                observed="not finite",
                message=f"{metric} was not a finite number in epoch {gaps[0]}: lower the learning rate, and look for "
                "rows or divisions that give NaN.",
            )
    final = losses.get("loss") or [None]
    if final[-1] is None:
        message = "Not one epoch with a loss was recorded, so it cannot pass."
        return Gate(name=name, status="unmeasured", message=message)
    message = f"loss fell to {final[-1]:.4g} and stayed finite."
    return Gate(name=name, status="passed", observed=final[-1], message=message)


def exported_gate(folder: Path, run_fn: str) -> Gate:
    """Whether a SavedModel lies in the folder that TFX serves from."""
    there = any((folder / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt"))
    message = "A model was exported." if there else f"{run_fn} ended without a SavedModel in fn_args.serving_model_dir."
    return Gate(name="training.model.exported", status=passed_if(there), observed=there, message=message)


def weights_gate(folder: Path) -> Gate:
    """Whether the exported weights are finite numbers: this finds a failed training that recorded no loss as well."""
    name = "training.weights.finite"
    if not (folder / "variables/variables.index").is_file():
        message = "There are no exported weights to look at, so they cannot pass."
        return Gate(name=name, status="unmeasured", message=message)
    bad = _weights_not_finite(str(folder / "variables/variables"))
    if bad:
        message = f"{len(bad)} exported weights hold NaN or infinity, e.g. {bad[0]}: the training failed."
        return Gate(name=name, status="refused", observed=len(bad), threshold=0, message=message)
    return Gate(name=name, status="passed", observed=0, threshold=0, message="All exported weights are finite.")


def _weights_not_finite(path: str) -> list[str]:
    import numpy as np
    import tensorflow as tf

    reader = tf.train.load_checkpoint(path)
    floats = (name for name, dtype in reader.get_variable_to_dtype_map().items() if dtype.is_floating)
    # NumPy has no bfloat16 of its own; it fits float64, as do all other floating-point numbers.
    return sorted(name for name in floats if not np.isfinite(reader.get_tensor(name).astype(np.float64)).all())


def _sow(fn_args: Any) -> None:
    """Seed Python, NumPy and TensorFlow, also for a run_fn that starts no session, as those of other libraries."""
    seed = (fn_args.custom_config or {}).get("seed")
    if isinstance(seed, int):
        import keras

        keras.utils.set_random_seed(seed)


@contextlib.contextmanager
def _left_as_found() -> Iterator[None]:
    """Undo what a training sets for the whole process: later steps may run in it, and be weighed in it."""
    import keras
    from tensorflow.python.framework import config  # only here can determinism be switched off again

    policy, deterministic = keras.mixed_precision.global_policy(), config.is_op_determinism_enabled()
    try:
        with variables_in_order(), names_from_the_start():
            yield
    finally:
        keras.mixed_precision.set_global_policy(policy)
        if not deterministic and config.is_op_determinism_enabled():
            config.disable_op_determinism()


def _place(error: BaseException, function: Any) -> str:
    """Where in the user's own file the error came up."""
    own = getattr(getattr(function, "__code__", None), "co_filename", "")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]
    return f"At {Path(own).name}, line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
