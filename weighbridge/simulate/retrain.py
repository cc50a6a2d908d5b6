"""The model of a run, trained again and again: each time with another seed, and on other rows of the same kind."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from weighbridge.common.memory import gc_paused, release_memory
from weighbridge.simulate.executed import Executed
from weighbridge.simulate.rows import can_draw, draw_rows
from weighbridge.verdict import Gate, read_gates

_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Retrained:
    """One more model.

    Attributes:
        seed: that it was trained with.
        model: folder of its Model artifact.
        gates: of its training.
    """

    seed: int
    model: str
    gates: tuple[Gate, ...]


def seeds(executed: Executed, count: int, seed: int) -> list[int]:
    """Seeds for so many trainings, all different and none the run's own.

    Args:
        executed: the run.
        count: how many.
        seed: of the simulation.
    """
    own = json.loads(executed.training.properties["parameters"]).get("seed")
    rng = np.random.default_rng(seed)
    found: dict[int, None] = {}
    while len(found) < count:
        drawn = int(rng.integers(_LARGEST_SEED))
        if drawn != own:
            found[drawn] = None
    return list(found)


def draws_rows(executed: Executed) -> bool:
    """Whether the rows that the run trained on can be drawn anew; else only seeds differ."""
    examples = executed.training.inputs.get("examples", [])
    return len(examples) == 1 and can_draw(examples[0].uri)


def retrain(executed: Executed, seed: int, folder: Path) -> Retrained:
    """Train once more as the run's Trainer did, with another seed, and without checkpoints.

    The rows to train on are drawn with replacement from those of the run: a later training has others, too, and that
    moves a model more than its seed does.

    Args:
        executed: the run.
        seed: of the training, and of the draw of its rows.
        folder: that the model goes to.

    Raises:
        UsageError: the code that trains raised.
        InfrastructureError: memory or disk ran out.
    """
    with gc_paused():
        from tfx.types import standard_artifacts

        from weighbridge.components.trainer.component import TrainerExecutor

    outputs: dict[str, list[Any]] = {}
    for key, kind in (("model", standard_artifacts.Model), ("model_run", standard_artifacts.ModelRun)):
        artifact = kind()
        artifact.uri = str(folder / key)
        Path(artifact.uri).mkdir(parents=True)
        outputs[key] = [artifact]
    parameters = json.loads(executed.training.properties["parameters"]) | {"seed": seed}
    properties = executed.training.properties | {
        "parameters": json.dumps(parameters),
        "checkpoint_dir": "",
        "train_job": "",
    }
    inputs = dict(executed.training.inputs)
    if draws_rows(executed):
        drawn = standard_artifacts.Examples()
        for part in ("properties", "custom_properties"):
            getattr(drawn.mlmd_artifact, part).MergeFrom(getattr(inputs["examples"][0].mlmd_artifact, part))
        drawn.uri = str(folder / "examples")
        draw_rows(inputs["examples"][0].uri, folder / "examples", np.random.default_rng(seed))
        inputs["examples"] = [drawn]
    TrainerExecutor().Do(inputs, outputs, properties)
    shutil.rmtree(folder / "examples", ignore_errors=True)
    _forget_graphs()
    model = str(outputs["model"][0].uri)
    return Retrained(seed, model, tuple(read_gates(outputs["model_run"][0].uri)))


def retrain_all(
    executed: Executed, count: int, seed: int, folder: Path, began: Callable[[str], None]
) -> list[Retrained]:
    """As `retrain`, so many times."""
    models = []
    for number, each in enumerate(seeds(executed, count, seed), 1):
        began(f"training model {number} of {count}, seed {each}")
        models.append(retrain(executed, each, folder / f"model-{number}"))
    return models


def _forget_graphs() -> None:
    import keras

    keras.backend.clear_session()
    release_memory()
