"""Predictions drawn as a taxi model's are: telling cash from card is easy, telling tippers among card payers is not."""

import numpy as np

from weighbridge.components.evaluator.quality.metrics_api import Predictions
from weighbridge.simulate.quality import Models

CARD = 0.33
TIPS = 0.68  # of those who pay by card; cash tips are not recorded
SKILL = 0.65  # of the score that tells tippers among them, in standard deviations: an AUC of about 0.68


def taxi_like(rows: int, models: int, seed: int, *, noise: float = 0.2, skill_sd: float = 0.0) -> Models:
    """Models that are equally good on average.

    Args:
        rows: to weigh on.
        models: how many.
        seed: of the draws.
        noise: by how much a model's score of a row is its own, in standard deviations.
        skill_sd: by how much a model tells tippers better or worse than the others, whatever the rows.
    """
    rng = np.random.default_rng(seed)
    card = rng.random(rows) < CARD
    labels = (card & (rng.random(rows) < TIPS)).astype(float)
    days = rng.integers(1, 8, rows)
    common = rng.normal(size=rows)

    def predicted() -> np.ndarray:
        skill = SKILL + skill_sd * rng.normal()
        score = skill * labels + common + noise * rng.normal(size=rows)
        odds = np.where(card, score + 0.4, score - 5)
        return 1 / (1 + np.exp(-odds))

    columns = {
        "payment_type": np.where(card, "Credit Card", "Cash").astype(object),
        "trip_start_day": days.astype(object),
    }
    made = [predicted() for _ in range(models)]
    return Models(Predictions(labels, made[0], None, columns), made)
