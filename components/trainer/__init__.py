"""Trainer: runs the user's `run_fn(fn_args)`, offers it what every model needs, and judges what came of it.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from components.trainer.batches import shuffled_batches
from components.trainer.history import History, read_history
from components.trainer.options import ModelOptions
from components.trainer.run import train
from components.trainer.session import TrainingSession

if TYPE_CHECKING:
    from components.trainer.component import Trainer

__all__ = ["History", "ModelOptions", "Trainer", "TrainingSession", "read_history", "shuffled_batches", "train"]


def __getattr__(name: str) -> Any:
    if name == "Trainer":
        from components.trainer.component import Trainer

        return Trainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
