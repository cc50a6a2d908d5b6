"""Checkpoints that a kill cannot tear: one folder per epoch, staged and renamed, the newest whole one counts.

Keras' own BackupAndRestore rewrites weights and epoch number in place, one after the other; a kill in between
leaves weights of one epoch under the number of another. It also forgets the states of dropout's random seeds.
"""

import json
import logging
import shutil
import zipfile
from pathlib import Path
from typing import Any

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.common.sealed import changed_since, seal
from weighbridge.components.trainer.history import History, read_history

_STATE_FILE = "state.npz"
_PROGRESS_FILE = "progress.json"
_PREFIX = "epoch-"

_log = logging.getLogger(__name__)


def save(folder: str | Path, model: Any, history: History, *, finished: bool) -> None:
    """Save a training's state after an epoch, then drop the older ones.

    Args:
        folder: folder of this one training's checkpoints.
        model: the Keras model: weights, metrics' and seeds' states and optimizer state are saved.
        history: what has been recorded so far.
        finished: whether nothing is left to train.
    """
    import numpy as np

    target = Path(folder, f"{_PREFIX}{history.epochs:06d}{'-end' if finished else ''}")
    try:
        with files.staged_folder(target) as staged:
            with (staged / _STATE_FILE).open("wb") as file:
                np.savez(file, *(np.asarray(variable) for variable in _variables(model)))
            (staged / _PROGRESS_FILE).write_text(json.dumps({"finished": finished}))
            history.write(staged)
            seal(staged)
    except FileExistsError:
        _log.info("%s is there already: a training of the same digest is under way elsewhere", target)
    for path in _folders(folder):
        if path.name < target.name:
            shutil.rmtree(path, ignore_errors=True)


def restore(folder: str | Path, model: Any) -> tuple[History, bool] | None:
    """Bring `model` to the newest whole checkpoint.

    Args:
        folder: folder of this one training's checkpoints; may be missing.
        model: a built, compiled Keras model.

    Returns:
        The recorded history and whether nothing is left to train; None where there is nothing to resume from, or
        where it does not fit the model.
    """
    import numpy as np

    for path in reversed(_folders(folder)):
        try:
            if changed := changed_since(path):
                _log.warning("Checkpoint %s is not taken: %s is not what was saved there", path, changed)
                continue
            history = read_history(path)
            finished = bool(json.loads((path / _PROGRESS_FILE).read_bytes())["finished"])
            with np.load(path / _STATE_FILE) as arrays:
                state = [arrays[f"arr_{index}"] for index in range(len(arrays.files))]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, UsageError) as error:
            _log.warning("Checkpoint %s cannot be read: %s", path, error)
            continue
        variables = _variables(model)
        if history and [tuple(variable.shape) for variable in variables] == [array.shape for array in state]:
            for variable, array in zip(variables, state, strict=True):
                variable.assign(array)
            return history, finished
        _log.warning("Checkpoint %s does not fit the model: training starts anew", path)
    return None


def remove(folder: str | Path) -> None:
    """Drop a training's checkpoints; nothing happens where there are none."""
    shutil.rmtree(folder, ignore_errors=True)


def _folders(folder: str | Path) -> list[Path]:
    return sorted(Path(folder).glob(f"{_PREFIX}*"))


def _variables(model: Any) -> list[Any]:
    """All state in a fixed order. An optimizer has none before it is built."""
    if not model.built:
        raise UsageError(
            "The model has no weights yet, so its training cannot be checkpointed",
            "Build it before fit, e.g. with a keras.Input, or train without checkpoint_dir.",
        )
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    optimizer = [] if model.optimizer is None else model.optimizer.variables
    return [*model.variables, *optimizer]
