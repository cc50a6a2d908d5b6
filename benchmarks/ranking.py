"""Time and peak memory of the ranking metrics and baselines, on made-up users of any number.

python -m benchmarks.ranking [--users 100000] [--items 5000] [--ranks 100]
"""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import numpy as np
import typer

from weighbridge.components.evaluator.aliases import Index, SliceKey
from weighbridge.components.evaluator.ranking.baselines import (
    popular_items,
    popularity,
    popularity_by_group,
    popularity_scores,
    repeat,
)
from weighbridge.components.evaluator.ranking.interactions import Interactions
from weighbridge.components.evaluator.ranking.names import METRICS, Name
from weighbridge.components.evaluator.ranking.neighbours import item_to_item
from weighbridge.components.evaluator.ranking.per_user import Background
from weighbridge.components.evaluator.ranking.weigh import weigh

_SLICES = {"group": 40, "activity": 4, "new": 2}


def main(
    users: Annotated[int, typer.Option(help="Users to judge; the same have a past.")] = 10_000,
    items: Annotated[int, typer.Option(help="Size of the catalogue.")] = 5_000,
    ranks: Annotated[int, typer.Option(help="Length of the lists.")] = 100,
    past_items: Annotated[int, typer.Option(help="Past items of a user, on average.")] = 20,
    truth_items: Annotated[int, typer.Option(help="Relevant items of a user, on average.")] = 8,
) -> None:
    """Print what each part takes, and the process' peak memory up to then."""
    rng = np.random.default_rng(0)
    past = _interactions(rng, users, items, past_items)
    truth = _interactions(rng, users, items, truth_items)
    columns = {feature: rng.integers(0, count, users) for feature, count in _SLICES.items()}
    cutoffs = [cutoff for cutoff in (10, 20, 100) if cutoff <= ranks]
    names = [Name(metric, cutoff) for metric in METRICS for cutoff in cutoffs]
    print(f"{users:,} users, {items:,} items, {ranks} ranks, {len(names)} metrics")
    with _timed("everything"):
        models = {}
        popular = popular_items(popularity_scores(past, items, half_life=30))
        groups = columns["group"]
        parts: dict[str, Callable[[], np.ndarray]] = {
            "popularity": lambda: popularity(past, users, items, ranks, half_life=30),
            "popularity_by_group": lambda: popularity_by_group(past, groups, groups, items, ranks, half_life=30),
            "repeat": lambda: repeat(past, popular, items, ranks),
            "item_to_item": lambda: item_to_item(past, past, popular, items, ranks),
            "item_to_item, own too": lambda: item_to_item(past, past, popular, items, ranks, include_self=True),
        }
        for name, recommend in parts.items():
            with _timed(name):
                models[name] = recommend()
        # Two models that differ a little from a baseline and from each other.
        for model in ("candidate", "production"):
            models[model] = rng.permuted(models["item_to_item, own too"], axis=1)
        with _timed(f"weighing {len(models)} models on {1 + sum(_SLICES.values())} slices"):
            rows = 0
            for row in weigh(models, truth, Background.of(past, items), names, slices=_slices(columns)):
                for model in models:
                    row.estimate(model)
                row.difference("candidate", "production")
                row.difference("candidate", row.best(list(parts)))
                rows += 1
    print(f"{rows:,} metrics on slices")


def _interactions(rng: np.random.Generator, users: int, items: int, mean: int) -> Interactions:
    """Popular items come more often; ages are in days."""
    counts = rng.poisson(mean, users)
    shares = 1 / np.arange(10, items + 10)
    drawn = rng.choice(items, counts.sum(), p=shares / shares.sum())
    return Interactions.from_pairs(np.repeat(np.arange(users), counts), drawn, users, rng.exponential(60, len(drawn)))


def _slices(columns: dict[str, np.ndarray]) -> Iterator[tuple[SliceKey, Index]]:
    for feature, values in columns.items():
        for value in np.unique(values):
            yield ((feature, int(value)),), np.flatnonzero(values == value)


@contextmanager
def _timed(name: str) -> Iterator[None]:
    began, spent = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - began, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10  # of the process up to here
    print(f"{name:32} {wall:7.2f} s wall {cpu:7.2f} s CPU {peak:7.0f} MiB")


if __name__ == "__main__":
    typer.run(main)
