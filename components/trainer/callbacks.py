"""What watches a training: stops it when the loss is not finite, records, reports, checkpoints.

Keras' base class is needed to define these, so this module imports keras; import it where training starts.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from weighbridge.common import progress
from weighbridge.components.trainer import checkpoint
from weighbridge.components.trainer.history import History

# On an accelerator reading the loss waits for the step. The loss is a running mean: once NaN, it stays NaN.
_STEPS_BETWEEN_LOOKS = 50
_PROGRESS_METRICS = 4

Logs = Mapping[str, Any] | None


class StopOnNotFinite(keras.callbacks.Callback):
    """Stop within `_STEPS_BETWEEN_LOOKS` steps of a loss that is NaN or infinite: the rest would be in vain."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Look at the first batch."""
        self._next_look = 0

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look at the running loss now and then."""
        if batch >= self._next_look:
            self._next_look = batch + _STEPS_BETWEEN_LOOKS
            self._look(logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Look at the epoch's loss."""
        self._look(logs)

    def _look(self, logs: Logs) -> None:
        if not loss_is_finite(logs):
            self.model.stop_training = True


class Record(keras.callbacks.Callback):
    """Append each epoch to the history, keep it in the run's folder, and say a line of progress."""

    def __init__(self, history: History, folder: str | Path, epochs: int) -> None:
        super().__init__()
        self._history, self._folder, self._epochs = history, folder, epochs
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Record and report."""
        logs = logs or {}
        self._history.add(logs, time.perf_counter() - self._started)
        self._history.write(self._folder)
        shown = [f"{name} {float(logs[name]):.4g}" for name in _in_order(logs)[:_PROGRESS_METRICS]]
        progress.report(" ".join([f"epoch {epoch + 1}/{self._epochs}", *shown]))


class EpochCurves(keras.callbacks.TensorBoard):
    """Keras' TensorBoard, which prepares summaries of every batch, also where only those of epochs are kept."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(str(folder), write_graph=False, profile_batch=0)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Nothing: there is no profile to begin."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Nothing: no batch is written."""


class Checkpoint(keras.callbacks.Callback):
    """Save the state after each epoch and at the end of training. Comes last, so that it sees what the others did."""

    def __init__(self, history: History, folder: str | Path) -> None:
        super().__init__()
        self._history, self._folder = history, folder

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save, unless the loss is not finite: nothing worth resuming came out."""
        if loss_is_finite(logs):
            checkpoint.save(self._folder, self.model, self._history, finished=False)

    def on_train_end(self, logs: Logs = None) -> None:
        """Save once more, for a kill during the export: early stopping may just have put the best weights back."""
        if loss_is_finite(logs):
            checkpoint.save(self._folder, self.model, self._history, finished=True)


def loss_is_finite(logs: Logs) -> bool:
    """Whether the losses in Keras' logs are finite numbers; where there are none, there is nothing to object to."""
    return all(math.isfinite(float(value)) for name, value in (logs or {}).items() if name.endswith("loss"))


def _in_order(logs: Mapping[str, Any]) -> list[str]:
    """The losses first, then what else validation measured, then the rest."""
    return sorted(logs, key=lambda name: (name != "loss", name != "val_loss", not name.startswith("val_")))
