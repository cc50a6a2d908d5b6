"""Streams of predictions: production's and a candidate's for the same rows, the candidate worse by a known amount."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
import numpy.typing as npt

from benchmarks.gates.recorded import PREDICTIONS
from weighbridge.components.evaluator.quality.kernels import KERNELS

Floats = npt.NDArray[np.float64]
Drawn = tuple[Floats, Floats, Floats]
"""Labels, and what candidate and production predict, [rows] each."""

AUC, ACCURACY = "auc", "binary_accuracy"
_SHARE = 0.25  # of positives in the made-up rows
_AUC = 0.9  # of production on them
_TOGETHER = 0.9  # correlation of the two models' scores within a class
_MARGINS = {AUC: 0.01, ACCURACY: 0.02}  # what taxi's gates.yaml allows
_CARD_MARGIN = 0.03  # of the AUC of trips paid by card, there
_STEPS = 40  # of bisection


@dataclass(frozen=True)
class PredictionStream:
    """Where predictions come from.

    Attributes:
        name: for people.
        metric: that is judged.
        margin: what the candidate may lose of it.
        rows: how many are drawn, as there are in such an evaluation: few and many.
        draw: (source of chance, rows, loss of the metric) -> predictions.
    """

    name: str
    metric: str
    margin: float
    rows: tuple[int, ...]
    draw: Callable[[np.random.Generator, int, float], Drawn]


def measured(metric: str, labels: Floats, predictions: Floats) -> float:
    """The metric on all rows."""
    return KERNELS[metric].compute(labels, predictions, np.arange(len(labels)) % 2, 2)[0]


def _made_up(metric: str) -> Callable[[np.random.Generator, int, float], Drawn]:
    """Scores of both classes are normal, so that both metrics are known from how far apart the two lie.

    The AUC of normal scores a distance d apart is Phi(d / sqrt 2) (Pepe, 2003, section 4.2). For the accuracy classes
    are equally frequent, and it is Phi(d / 2).
    """
    from scipy.stats import norm

    share, scale = (_SHARE, 2**0.5) if metric == AUC else (0.5, 2.0)

    def draw(rng: np.random.Generator, rows: int, loss: float) -> Drawn:
        labels = (rng.random(rows) < share).astype(np.float64)
        common, *own = rng.normal(size=(3, rows))
        predicted = []
        for noise, value in zip(own, (_AUC - loss, _AUC), strict=True):
            distance = scale * float(norm.ppf(value))
            score = _TOGETHER**0.5 * common + (1 - _TOGETHER) ** 0.5 * noise + distance * labels
            predicted.append(1 / (1 + np.exp(distance / 2 - score)))
        return labels, predicted[0], predicted[1]

    return draw


def _recorded(metric: str, by_card: bool) -> Callable[[np.random.Generator, int, float], Drawn]:
    """Rows of the recording, drawn again: of two trainings of the taxi model, one taken for production.

    Without loss they are as good as trainings are: their difference over all rows of the recording is that of chance in
    training, either way round. A loss is exact: noise is added to the candidate's log odds until, over all rows, it is
    worse than production by that much.
    """

    def draw(rng: np.random.Generator, rows: int, loss: float) -> Drawn:
        labels, predictions = _population(by_card)
        pairs = list(permutations(range(len(predictions)), 2))
        ours, theirs = pairs[int(rng.integers(len(pairs)))]
        candidate = _worse(metric, by_card, ours, theirs, loss) if loss else predictions[ours]
        which = rng.integers(len(labels), size=rows)
        return labels[which], candidate[which], predictions[theirs][which]

    return draw


@cache
def _population(by_card: bool) -> tuple[Floats, Floats]:
    """Labels [rows] and predictions [models, rows] of the recording, of trips paid by card alone or of all."""
    with np.load(PREDICTIONS) as found:
        labels, predictions = found["labels"].astype(np.float64), found["predictions"].astype(np.float64)
        kept = found["by_card"] if by_card else slice(None)
    return labels[kept], predictions[:, kept]


@cache
def _worse(metric: str, by_card: bool, ours: int, theirs: int, loss: float) -> Floats:
    labels, predictions = _population(by_card)
    odds = np.log(np.clip(predictions[ours], 1e-4, 1 - 1e-4))
    odds -= np.log1p(-np.exp(odds))
    noise = np.random.default_rng([ours, theirs]).normal(size=len(labels))
    aim = measured(metric, labels, predictions[theirs]) - loss

    def blurred(by: float) -> Floats:
        return np.asarray(1 / (1 + np.exp(-odds - by * noise)))

    low, high = 0.0, 8.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if measured(metric, labels, blurred(middle)) > aim else (low, middle)
    return blurred(high)


@cache
def prediction_streams() -> tuple[PredictionStream, ...]:
    """All of them."""
    return (
        PredictionStream("made-up rows, AUC", AUC, _MARGINS[AUC], (1000, 5000), _made_up(AUC)),
        PredictionStream("made-up rows, accuracy", ACCURACY, _MARGINS[ACCURACY], (1000, 5000), _made_up(ACCURACY)),
        PredictionStream("recorded: taxi, AUC", AUC, _MARGINS[AUC], (1000, 5000), _recorded(AUC, by_card=False)),
        PredictionStream(
            "recorded: taxi, accuracy", ACCURACY, _MARGINS[ACCURACY], (1000, 5000), _recorded(ACCURACY, by_card=False)
        ),
        PredictionStream(
            "recorded: taxi, AUC of trips paid by card", AUC, _CARD_MARGIN, (350, 1750), _recorded(AUC, by_card=True)
        ),
    )
