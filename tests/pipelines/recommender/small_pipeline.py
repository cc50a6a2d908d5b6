"""The recommender pipeline at a size for tests: a small model without twins, and less time to measure it in.

A user's own pipeline: `write` makes the package, this module has the functions that train.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

_FULL = Path(__file__).parents[3] / "pipelines/recommender"
_PACKAGE = """
from weighbridge.pipelines.recommender.pipeline import Parameters, create_pipeline

NAME = "recommender"
__all__ = ["Parameters", "create_pipeline"]
"""


def write(folder: Path) -> str:
    """Write the package below a folder that is to be on the path; returns its name."""
    package = folder / "small_recommender"
    package.mkdir()
    (package / "__init__.py").write_text(_PACKAGE)
    gates = yaml.safe_load((_FULL / "gates.yaml").read_text())
    gates["latency"] = {"signature": "recommend", "inputs": {"k": 20}, "batch_sizes": {1: {"p99_ms": {"max": 5000}}}}
    gates["quality"]["slice_metrics"] = [
        each for each in gates["quality"]["slice_metrics"] if "catalogue" not in each["slice"]
    ]
    (package / "gates.yaml").write_text(yaml.safe_dump(gates))
    (package / "schema.pbtxt").write_text((_FULL / "schema.pbtxt").read_text())
    return package.name


def run_fn(fn_args: Any) -> None:
    """Trains a model that is exported once."""
    from weighbridge.pipelines.recommender.model import run

    run.run_fn(SimpleNamespace(**vars(fn_args) | {"custom_config": fn_args.custom_config | {"scales": ()}}))


def random_vectors(fn_args: Any) -> None:
    """Exports a model that has learned nothing: its vectors are drawn by lot."""
    import numpy as np

    from weighbridge.components.trainer import TrainingSession
    from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
    from weighbridge.pipelines.recommender.histories.summary import HistoriesSummary
    from weighbridge.pipelines.recommender.model import network, run
    from weighbridge.pipelines.recommender.model.export import export
    from weighbridge.pipelines.recommender.model.options import RecommenderOptions
    from weighbridge.pipelines.recommender.model.read import read, training_batches
    from weighbridge.pipelines.recommender.model.vocabulary import Vocabulary

    session = TrainingSession.from_fn_args(fn_args)
    options = RecommenderOptions.of(fn_args)
    folder = run.histories_folder(fn_args.train_files)
    catalogue, longest = Catalogue.read(folder), HistoriesSummary.require(folder).longest
    vocabulary = Vocabulary(catalogue)
    model = network.build(network.CatalogueData.of(catalogue, vocabulary), vocabulary, options, 1)
    data = training_batches(read(fn_args.train_files, vocabulary, longest), 512, 2, session.seed)
    session.fit(model, data, epochs=1, steps_per_epoch=1)
    for embedding in (model.item_tower.numbers, model.customer_tower.history):
        embedding.embeddings.assign(np.random.default_rng(1).normal(0, 9, embedding.embeddings.shape))
    export(model, vocabulary, catalogue, options, session.export_dir, longest=longest)
