"""Trainer: runs the user's `run_fn(fn_args)`, offers it what every model needs, and judges what came of it.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING

import lazy_loader

from weighbridge.components.trainer.batches import shuffled_batches
from weighbridge.components.trainer.history import History, read_history
from weighbridge.components.trainer.options import ModelOptions
from weighbridge.components.trainer.run import train
from weighbridge.components.trainer.session import TrainingSession
from weighbridge.components.trainer.train_job.options import TrainJob

if TYPE_CHECKING:
    from weighbridge.components.trainer.component import Trainer

__all__ = [
    "History",
    "ModelOptions",
    "TrainJob",
    "Trainer",
    "TrainingSession",
    "read_history",
    "shuffled_batches",
    "train",
]

__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={"component": ["Trainer"]})
