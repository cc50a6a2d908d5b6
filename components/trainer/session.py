"""What every training needs, for a `run_fn` to use: devices, precision, seeds, checkpoints, curves, progress.

session = TrainingSession.from_fn_args(fn_args)
with session.scope():
    model = build_and_compile()
session.fit(model, train_data, epochs=5, validation_data=eval_data)
model.export(session.export_dir)
"""

import re
import tempfile
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common import progress
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.models import VARIANT_NAME, variant_folder
from weighbridge.components.trainer import checkpoint
from weighbridge.components.trainer import strategy as strategies
from weighbridge.components.trainer.history import History
from weighbridge.components.trainer.strategy import PrecisionName, Strategy, StrategyName

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

LOGS_FOLDER = "logs"
DEFAULT_SEED = 20
_STEPS_PER_CALL = 32  # at most
# Where TensorFlow runs several steps in one call. It does not for several devices that share whole numbers, such as
# lookups in a model: the loop then asks for values that nobody feeds.
_LOOPED = ("cpu", "one_gpu", "tpu")


@dataclass(frozen=True)
class TrainingSession:
    """One training, ready to build and fit a model; made by `start` or `from_fn_args`.

    Attributes:
        strategy: the `tf.distribute.Strategy`.
        strategy_name: `cpu`, `one_gpu`, `mirrored`, `multi_worker` or `tpu`.
        precision: Keras' dtype policy, now in force.
        devices: names of the devices that compute.
        seed: seed now in force for Python, NumPy and TensorFlow; use it for `Dataset.shuffle` too.
        model_run_dir: folder of `history.json` and the TensorBoard logs.
        serving_dir: folder that the model is exported to.
        checkpoint_dir: folder of this one training's checkpoints, empty for none.
        is_chief: whether this process writes; false on all but one worker of a cluster.
    """

    strategy: Strategy
    strategy_name: str
    precision: str
    devices: tuple[str, ...]
    seed: int
    model_run_dir: Path
    serving_dir: str
    checkpoint_dir: str
    is_chief: bool

    @classmethod
    def from_fn_args(cls, fn_args: Any) -> "TrainingSession":
        """Start a training as its Trainer was told to.

        Args:
            fn_args: what a `run_fn` is given. Read are `model_run_dir`, `serving_model_dir`, and of `custom_config`
                `seed`, `deterministic`, `strategy`, `mixed_precision`, `checkpoint_dir`; stock TFX's Trainer
                gives none of the latter, and the defaults of `start` hold.
        """
        config = fn_args.custom_config or {}
        names = ("seed", "deterministic", "strategy", "mixed_precision", "checkpoint_dir")
        options = {name: config[name] for name in names if name in config}
        return cls.start(fn_args.model_run_dir, serving_dir=fn_args.serving_model_dir, **options)

    @classmethod
    def start(
        cls,
        model_run_dir: str | Path,
        *,
        serving_dir: str = "",
        seed: int = DEFAULT_SEED,
        deterministic: bool = True,
        strategy: StrategyName = "auto",
        mixed_precision: PrecisionName = "auto",
        checkpoint_dir: str = "",
    ) -> "TrainingSession":
        """Set this process up for one training: devices first, then precision, seeds and determinism.

        Args:
            model_run_dir: where curves and logs go.
            serving_dir: where the model is to be exported to.
            seed: of initialisation, dropout and shuffling.
            deterministic: whether the same seed must give the same weights, bit for bit; some operations, mostly
                on GPUs, are slower for it.
            strategy: where to train; `auto` takes the most that is there.
            mixed_precision: Keras' dtype policy; `auto` means half precision on TPUs and on GPUs with tensor cores.
            checkpoint_dir: where to keep this training's state; two trainings must not share one. Empty for none.

        Raises:
            UsageError: a name is unknown, or the devices asked for are not there.
        """
        return _start(Path(model_run_dir), serving_dir, seed, deterministic, strategy, mixed_precision, checkpoint_dir)

    @property
    def replicas(self) -> int:
        """Copies of the model that share each batch: scale a batch size by it to keep them all busy."""
        return self.strategy.num_replicas_in_sync

    @property
    def export_dir(self) -> str:
        """Where this process exports to: every worker of a cluster must export, only the chief's copy counts."""
        return self.serving_dir if self.is_chief else tempfile.mkdtemp(prefix="worker-export-")

    def variant_dir(self, name: str) -> str:
        """Where this process exports another model to, which is weighed and not served; see `export_dir`.

        Args:
            name: of the variant, as in the `variants` of `gates.yaml`: letters, digits, `_` and `-`.

        Raises:
            UsageError: the name is none, or the session was started without a `serving_dir`.
        """
        if not re.fullmatch(VARIANT_NAME, name):
            raise UsageError(f"variant_dir({name!r}) is not a name of a variant", "Allowed: letters, digits, _ and -.")
        if not self.serving_dir:
            raise UsageError("A variant lies beside the served model, but there is none", "Start with a serving_dir.")
        if not self.is_chief:
            return tempfile.mkdtemp(prefix="worker-export-")
        return str(variant_folder(Path(self.serving_dir).parent, name))

    def scope(self) -> AbstractContextManager[Any]:
        """The block in which the model must be built and compiled."""
        return self.strategy.scope()

    def fit(
        self,
        model: "keras.Model",
        data: "tf.data.Dataset",
        *,
        epochs: int,
        validation_data: "tf.data.Dataset | None" = None,
        steps_per_epoch: int | None = None,
        callbacks: "Iterable[keras.callbacks.Callback]" = (),
        **options: Any,
    ) -> History:
        """`model.fit`, resumed where a killed training of the same digest was, recorded and reported.

        A resumed training ends with the weights of one that was never killed: the data is wound forward to where
        it was (reshuffling included), and the states of optimizer and dropout come back. What callbacks of your
        own remember, such as early stopping's patience, starts anew.

        Args:
            model: built and compiled within `scope()`.
            data: batches of (features, labels[, weights]), global batches where there are several replicas.
            epochs: passes over the data, those before a resume included.
            validation_data: batches to evaluate after each epoch.
            steps_per_epoch: batches that make an epoch; by default all of `data`, which is counted by reading
                it once where TensorFlow cannot tell. That fills its cache, if it has one.
            callbacks: further callbacks. Where there are none, and one device or a TPU computes, several steps are
                taken in one call of TensorFlow.
            options: further arguments of `model.fit`, e.g. `class_weight`, `validation_steps`.

        Returns:
            The history, as it is in `history.json`. A loss that is not finite ends training early, without an
            error: the Trainer's gate refuses what came of it.

        Raises:
            UsageError: `data` is empty, or endless and without `steps_per_epoch`.
        """
        steps = steps_per_epoch or _count(data)
        history, finished = self._resume(model)
        if finished or history.epochs >= epochs:
            return history
        own = list(callbacks)
        if model.steps_per_execution == 1 and not own and self.strategy_name in _LOOPED:
            model.steps_per_execution = _steps_per_call(steps)
        model.fit(
            # One endless stream, wound forward: the order of batches depends on nothing but the position in it.
            data.repeat().skip(history.epochs * steps),
            epochs=epochs,
            initial_epoch=history.epochs,
            steps_per_epoch=steps,
            validation_data=validation_data,
            callbacks=self._callbacks(history, epochs, own),
            verbose=0,
            **options,
        )
        return history

    def _resume(self, model: "keras.Model") -> tuple[History, bool]:
        restored = checkpoint.restore(self.checkpoint_dir, model) if self.checkpoint_dir else None
        history, finished = restored or (History(), False)
        description = {"strategy": self.strategy_name, "devices": list(self.devices), "seed": self.seed}
        history = history.model_copy(update={**description, "resumed_from_epoch": history.epochs})
        if restored:
            progress.report(f"resumed after epoch {history.epochs}")
            if self.is_chief:
                history.write(self.model_run_dir)
        return history, finished

    def _callbacks(self, history: History, epochs: int, own: "list[keras.callbacks.Callback]") -> list[Any]:
        from weighbridge.components.trainer import callbacks

        watching = [callbacks.StopOnNotFinite(), *own]
        if not self.is_chief:
            return watching
        watching += [
            callbacks.EpochCurves(self.model_run_dir / LOGS_FOLDER),
            callbacks.Record(history, self.model_run_dir, epochs),
        ]
        return [*watching, callbacks.Checkpoint(history, self.checkpoint_dir)] if self.checkpoint_dir else watching


def _start(
    model_run_dir: Path,
    serving_dir: str,
    seed: int,
    deterministic: bool,
    asked: str,
    mixed_precision: str,
    checkpoint_dir: str,
) -> TrainingSession:
    import keras
    import tensorflow as tf

    hardware = strategies.find_hardware()
    name = strategies.choose(asked, hardware)
    precision = strategies.choose_precision(mixed_precision, name, hardware)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    chosen = strategies.create(name, hardware)
    keras.mixed_precision.set_global_policy(precision)
    return TrainingSession(
        strategy=chosen,
        strategy_name=name,
        precision=precision,
        devices=strategies.device_names(chosen, name),
        seed=seed,
        model_run_dir=model_run_dir,
        serving_dir=serving_dir,
        checkpoint_dir=checkpoint_dir,
        is_chief=strategies.is_chief(),
    )


def _steps_per_call(steps: int) -> int:
    """Steps that TensorFlow takes in one call: each call costs as much as a step of a small model.

    Calls must make up an epoch exactly: Keras would begin the next one with the rest of the last call.
    """
    return max(size for size in range(1, _STEPS_PER_CALL + 1) if steps % size == 0)


def _count(data: "tf.data.Dataset") -> int:
    """Batches in one pass over `data`."""
    count = int(data.cardinality())
    if count == -1:
        raise UsageError("The training data never ends, so an epoch has no end", "Give fit a steps_per_epoch.")
    if count == -2:
        progress.report("reading the data for the first time")
        count = sum(1 for _ in data)
    if not count:
        raise UsageError("There is no training data: not one batch", "Are the split's files empty?")
    return count
