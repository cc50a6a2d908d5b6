"""`run_fn`: trains the two towers on histories and exports them; called by the Trainer."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from weighbridge.components.trainer import TrainingSession
from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
from weighbridge.pipelines.recommender.histories.summary import HistoriesSummary
from weighbridge.pipelines.recommender.model import network, warm_start
from weighbridge.pipelines.recommender.model.export import export
from weighbridge.pipelines.recommender.model.options import RecommenderOptions
from weighbridge.pipelines.recommender.model.read import evaluation_batches, read, training_batches
from weighbridge.pipelines.recommender.model.vocabulary import Vocabulary


def run_fn(fn_args: Any) -> None:
    """Train on the train split, export to `fn_args.serving_model_dir`, and twins beside it."""
    session = TrainingSession.from_fn_args(fn_args)
    options = RecommenderOptions.of(fn_args)
    histories = histories_folder(fn_args.train_files)
    catalogue, longest = Catalogue.read(histories), HistoriesSummary.require(histories).longest
    vocabulary = Vocabulary(catalogue)
    rows = read(fn_args.train_files, vocabulary, longest)
    held_out = read(fn_args.eval_files, vocabulary, longest)
    data = training_batches(rows, options.batch_size, options.targets, session.seed)
    steps = int(data.cardinality())
    facts = network.CatalogueData.of(catalogue, vocabulary)
    with session.scope():
        model = network.build(facts, vocabulary, options, steps * options.epochs)
    set_start(model, rows, catalogue, facts, options, session.seed, fn_args.base_model)
    session.fit(
        model,
        data,
        epochs=options.epochs,
        validation_data=evaluation_batches(held_out, options.batch_size, options.targets),
    )
    export(model, vocabulary, catalogue, options, session.export_dir, longest=longest)
    for scale in options.scales:
        folder = session.variant_dir(f"items_x{scale}")
        export(model, vocabulary, catalogue, options, folder, longest=longest, scale=scale)


def histories_folder(patterns: Iterable[str]) -> Path:
    """The artifact that a split's files lie in: `<artifact>/Split-train/*`."""
    return Path(next(iter(patterns))).parents[1]


def set_start(
    model: network.TwoTowers,
    rows: tf.data.Dataset,
    catalogue: Catalogue,
    facts: network.CatalogueData,
    options: RecommenderOptions,
    seed: int,
    base: str | None,
) -> None:
    """Give both towers the vectors that training starts from; see `start`."""
    bought = (np.concatenate([row["history"], row["items"]], axis=1) for row in rows.as_numpy_iterator())
    vectors = warm_start.co_purchase_vectors(bought, len(catalogue.items), options.dim, seed)
    vectors *= np.sqrt(options.closeness)
    both = {"numbers": vectors, "history": vectors}
    if options.warm_start and base:
        both = warm_start.production_vectors(base, catalogue.items, both)
    model.item_tower.numbers.embeddings.assign(both["numbers"])
    words = model.item_tower.words.embeddings
    words.assign(warm_start.word_vectors(both["numbers"], facts.words, words.shape[0]))
    model.customer_tower.history.embeddings.assign(both["history"])
