"""A small shop with a pattern to find, its histories as the step leaves them, and a model trained on them.

Items come in themes; a customer buys within one theme, at times again what was bought before. The description names
the theme, so that an item nobody knows can be placed by its words.
"""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from tests.pipelines.recommender.orders import line, make_histories
from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
from weighbridge.pipelines.recommender.model.options import RecommenderOptions
from weighbridge.pipelines.recommender.model.vocabulary import Vocabulary

THEMES = ("RED ROSE", "BLUE WHALE", "GREEN FROG", "GOLD STAR")
KINDS = ("MUG", "BAG", "BOX", "PEN", "HAT", "JAR", "TIN", "CUP")
LONGEST = 20
DIM = 8


def themed_lines(customers: int = 160, days: int = 90, seed: int = 5) -> pd.DataFrame:
    """Lines of customers who each love one theme; everybody buys item 19999 now and then."""
    rng = np.random.default_rng(seed)
    lines = []
    for number in range(customers):
        theme = number % len(THEMES)
        for day in np.sort(rng.uniform(0, days, rng.integers(3, 10))):
            for _ in range(rng.integers(1, 4)):
                own = int(len(KINDS) * rng.random() ** 1.5)
                item = 10_000 + 100 * theme + own
                lines.append(
                    line(
                        float(day),
                        f"c{number}",
                        str(item),
                        Description=f"{THEMES[theme]} {KINDS[own]}",
                        Country=["Here", "There"][number % 3 == 0],
                        UnitPrice=1.0 + own,
                    )
                )
            if rng.random() < 0.3:
                lines.append(line(float(day), f"c{number}", "19999", Description=None, UnitPrice=0.5))
    return pd.DataFrame(lines)


def theme_of(code: bytes) -> int:
    """Number of an item's theme; beyond the last for what everybody buys."""
    return (int(code) - 10_000) // 100


@dataclass(frozen=True)
class Trained:
    """What a training was given and left."""

    histories: Path
    catalogue: Catalogue
    vocabulary: Vocabulary
    fn_args: Any

    @classmethod
    def of(cls, histories: Path, folder: Path, **options: Any) -> "Trained":
        """What `train` left in a folder when it was called with the same."""
        catalogue = Catalogue.read(histories)
        return cls(histories, catalogue, Vocabulary(catalogue), fn_args(histories, folder, **options))

    @property
    def artifact(self) -> Path:
        """Folder of the Model artifact."""
        return Path(self.fn_args.serving_model_dir).parent

    def served(self, folder: str | Path | None = None) -> Any:
        """The signatures of the exported model."""
        import tensorflow as tf

        return tf.saved_model.load(str(folder or self.fn_args.serving_model_dir)).signatures


def make_planted(folder: Path) -> Path:
    """Histories of the planted shop."""
    make_histories(folder, themed_lines(), longest=LONGEST)
    return folder / "histories"


def fn_args(histories: Path, folder: Path, base_model: str | None = None, **custom_config: Any) -> Any:
    """What a run_fn is given."""
    small = {"dim": DIM, "batch_size": 64, "epochs": 4, "learning_rate": 0.01, "scales": (), "seed": 3}
    return SimpleNamespace(
        train_files=[f"{histories}/Split-train/*"],
        eval_files=[f"{histories}/Split-eval/*"],
        hyperparameters=None,
        base_model=base_model,
        model_run_dir=str(folder / "run"),
        serving_model_dir=str(folder / "model/Format-Serving"),
        custom_config=small | custom_config,
    )


def train(histories: Path, folder: Path, **options: Any) -> Trained:
    """Train as the Trainer does."""
    from weighbridge.components.trainer import train as run

    trained = run("weighbridge.pipelines.recommender.model.run.run_fn", fn_args(histories, folder, **options))
    assert all(gate.passed for gate in trained.gates), trained.gates
    return Trained.of(histories, folder, **options)


def options(**changes: Any) -> RecommenderOptions:
    """Options of a small model."""
    return RecommenderOptions(**{"dim": DIM, "batch_size": 64, "learning_rate": 0.01, "scales": ()} | changes)


def catalogue(size: int = 4, **changes: Any) -> Catalogue:
    """A catalogue by hand: item i costs i, was bought by 10 i customers, all of them recent and from Here."""
    numbers = np.arange(1, size + 1)
    plain: dict[str, Any] = {
        "items": np.array([f"{10_000 + number}".encode() for number in numbers], object),
        "descriptions": np.array(["RED MUG", "RED BAG", "BLUE MUG", ""] * size, object)[:size],
        "prices": numbers.astype(np.float32),
        "customers": 10 * numbers,
        "recent": np.stack([5 * numbers, 10 * numbers]),
        "countries": np.array([b"Here"], object),
        "by_country": 10 * numbers[None],
    }
    return Catalogue(**plain | changes)
