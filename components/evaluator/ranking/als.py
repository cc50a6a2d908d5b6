"""Implicit matrix factorisation as a baseline, by a library that is installed only where it is wanted."""

import numpy as np

from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.ranking.interactions import Interactions, Items
from weighbridge.components.evaluator.ranking.lists import NONE, fill_up


def als(
    past: Interactions,
    histories: Interactions,
    popular: Items,
    items: int,
    ranks: int,
    *,
    factors: int = 64,
    iterations: int = 15,
    regularization: float = 0.01,
    alpha: float = 1.0,
    seed: int = 0,
) -> Items:
    """By alternating least squares on who had what (Hu, Koren & Volinsky, ICDM 2008), [users, ranks].

    Args:
        past: what the factors are learnt from.
        histories: of the users to recommend to; their factors are computed from these.
        popular: from the most popular down, for filling up; see `baselines.popular_items`.
        items: number of items in the catalogue.
        ranks: how many items to recommend to each user.
        factors: number of latent factors of each user and item.
        iterations: number of passes over all users and items.
        regularization: weight of the factors' squares.
        alpha: weight of what a user had against what not.
        seed: of the first factors.

    Raises:
        UsageError: the library `implicit` is not installed.
        ValueError: an item is not in the catalogue.
    """
    past.check_items(items, "the past")
    histories.check_items(items, "the histories")
    try:
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise UsageError(
            f"The baseline als needs the library implicit, which cannot be imported: {error}",
            "Install it with `uv pip install implicit`, or leave this baseline out.",
        ) from error
    # The library has threads of its own; BLAS would start some for each of them.
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=factors,
            iterations=iterations,
            regularization=regularization,
            alpha=alpha,
            random_state=seed,
        )
        model.fit(past.matrix(items), show_progress=False)
    # What users had may be recommended again, as a model may.
    best, scores = model.recommend(
        np.arange(histories.users),
        histories.matrix(items),
        N=ranks,
        filter_already_liked_items=False,
        recalculate_user=True,
    )
    # Who had nothing, and what nobody had, scores 0 with everything, in no order that means anything.
    return fill_up(np.where(scores > 0, best, NONE).astype(np.int32), popular, ranks)
