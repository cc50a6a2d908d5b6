"""How often intervals hold the truth, on made-up rows of which the truth is known.

python -m tests.components.evaluator.coverage [rounds] prints the table of docs/explanation/intervals.md.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from weighbridge.components.evaluator import jackknife
from weighbridge.components.evaluator.quality import intervals
from weighbridge.components.evaluator.quality.kernels import KERNELS
from weighbridge.verdict import Estimate

Rows = tuple[np.ndarray, ...]
Draw = Callable[[np.random.Generator, int], Rows]
_MANY = 400_000
CONFIDENCES = (0.95, 0.9)

BINARY = tuple(name for name, kernel in KERNELS.items() if kernel.most == 1 and not kernel.takes_classes)
BINARY += ("binary_crossentropy", "calibration", "mean_label", "mean_prediction", "coefficient_of_discrimination")
ERRORS = ("mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "mean_absolute_percentage_error")
REGRESSION = (*ERRORS, "mean_squared_logarithmic_error", "squared_pearson_correlation", "calibration", "mean_label")
CLASSES = ("sparse_categorical_accuracy", "sparse_categorical_crossentropy")


@dataclass(frozen=True)
class Case:
    """Rows of a kind, and the metrics that they have.

    Attributes:
        name: for people.
        rows: of a sample.
        draw: labels [rows], predictions and, for a change, those of production.
        metrics: names of kernels.
    """

    name: str
    rows: int
    draw: Draw
    metrics: tuple[str, ...]

    def measure(self, rng: np.random.Generator) -> dict[str, list[Estimate]]:
        """Every metric, or its change, on a sample, with intervals of each of `CONFIDENCES`."""
        labels, *models = self.draw(rng, self.rows)
        groups = intervals.Groups.rows(self.rows)
        return {name: estimates(name, labels, models, groups, CONFIDENCES) for name in self.metrics}

    def truth(self, rng: np.random.Generator) -> dict[str, float]:
        """Every metric, or its change, on very many rows."""
        labels, *models = self.draw(rng, _MANY)
        values = [{name: value(name, labels, model) for name in self.metrics} for model in models]
        return {name: values[0][name] - (values[1][name] if len(values) > 1 else 0.0) for name in self.metrics}


def value(name: str, labels: np.ndarray, predictions: np.ndarray) -> float:
    """A metric without any group."""
    return KERNELS[name].compute(labels, predictions, np.zeros(len(labels), np.intp), 1)[0]


def estimates(
    name: str, labels: np.ndarray, models: list[np.ndarray], groups: intervals.Groups, confidences: Sequence[float]
) -> list[Estimate]:
    """A metric of one model, or its change against a second."""
    kernel = KERNELS[name]
    found = [intervals.replicate(kernel, labels, model, groups) for model in models]
    units = min(intervals.telling(kernel, labels, model, groups) for model in models)
    if len(models) == 1:
        return [intervals.estimate(kernel, found[0], each, units) for each in confidences]
    same = np.array_equal(*models)
    return [intervals.change(kernel, *found, each, units, same=same) for each in confidences]


@dataclass(frozen=True)
class Users:
    """Users of a recommender: what each has, or by how much two models differ for each.

    Attributes:
        name: for people.
        rows: how many users.
        draw: of each a number from 0 to 1, or from -1 to 1 for a difference.
        paired: whether it is a difference.
    """

    name: str
    rows: int
    draw: Callable[[np.random.Generator, int], np.ndarray]
    paired: bool = False

    def measure(self, rng: np.random.Generator) -> dict[str, list[Estimate]]:
        """The mean, with intervals of each of `CONFIDENCES`."""
        values = self.draw(rng, self.rows)
        if not self.paired:
            return {"mean": [jackknife.mean(values, each, 0.0, 1.0) for each in CONFIDENCES]}
        count = jackknife.groups(self.rows)
        group = np.arange(self.rows) % count
        sums, sizes = np.bincount(group, values, count), np.bincount(group)
        found, nothing = (float(values.mean()), (values.sum() - sums) / (self.rows - sizes)), (0.0, np.zeros(count))
        return {"mean": [jackknife.change(found, nothing, each, 1.0, self.rows) for each in CONFIDENCES]}

    def truth(self, rng: np.random.Generator) -> dict[str, float]:
        """The mean over very many."""
        return {"mean": float(self.draw(rng, _MANY).mean())}


@dataclass(frozen=True)
class Misses:
    """How often an interval missed.

    Attributes:
        given: share of the samples that had an interval.
        below: share of all samples whose interval lies wholly above the truth: its lower end missed.
        above: likewise wholly below: its upper end missed.
    """

    given: float
    below: float
    above: float

    @property
    def held(self) -> float:
        """Share of the intervals given that hold the truth."""
        return 1 - (self.below + self.above) / self.given if self.given else 1.0


def misses(case: Case | Users, rounds: int, seed: int = 1) -> dict[str, list[Misses]]:
    """How often each metric's intervals of each of `CONFIDENCES` miss the truth."""
    rng = np.random.default_rng(seed)
    truth = case.truth(rng)
    found = [case.measure(rng) for _ in range(rounds)]
    return {
        name: [_misses([each[name][place] for each in found], wanted) for place in range(len(CONFIDENCES))]
        for name, wanted in truth.items()
    }


def _misses(found: list[Estimate], truth: float) -> Misses:
    ends = np.array([(each.low, each.high) for each in found], float)
    return Misses(np.isfinite(ends).all(axis=1).mean(), (ends[:, 0] > truth).mean(), (ends[:, 1] < truth).mean())


def classifier(prevalence: float, apart: float) -> Draw:
    """Two classes whose scores lie so many standard deviations apart, and calibrated predictions."""

    def draw(rng: np.random.Generator, rows: int) -> Rows:
        labels = (rng.random(rows) < prevalence).astype(float)
        return labels, _probability(prevalence, apart, labels, rng.normal(0, 1, rows))

    return draw


def retrained(prevalence: float, apart: float, moved: float) -> Draw:
    """The same, and a second model whose scores differ by noise so large."""

    def draw(rng: np.random.Generator, rows: int) -> Rows:
        labels = (rng.random(rows) < prevalence).astype(float)
        noise = rng.normal(0, 1, rows)
        other = (noise + rng.normal(0, moved, rows)) / (1 + moved**2) ** 0.5
        return labels, *(_probability(prevalence, apart, labels, each) for each in (noise, other))

    return draw


def _probability(prevalence: float, apart: float, labels: np.ndarray, noise: np.ndarray) -> np.ndarray:
    odds = np.log(prevalence / (1 - prevalence)) + apart * (apart * (labels - 0.5) + noise)
    return np.asarray(1 / (1 + np.exp(-odds)))


def flipping(lost: float, won: float) -> Draw:
    """Two classifiers that decide alike but for a share of rows lost, and one won, against production."""

    def draw(rng: np.random.Generator, rows: int) -> Rows:
        labels, luck = (rng.random(rows) < 0.5).astype(float), rng.random(rows)
        production = np.where(luck < 0.8, labels, 1 - labels)
        ours = np.where((luck < lost) | (luck > 1 - won), 1 - production, production)
        return labels, 0.1 + 0.8 * ours, 0.2 + 0.6 * production

    return draw


def errors(kind: str) -> Draw:
    """Positive labels, and predictions with errors of a kind."""
    kinds: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
        "normal": lambda rng, rows: rng.normal(0, 1, rows),
        "t with 6 degrees": lambda rng, rows: rng.standard_t(6, rows),
        "log-normal": lambda rng, rows: rng.lognormal(0, 0.8, rows) - np.exp(0.32),
    }

    def draw(rng: np.random.Generator, rows: int) -> Rows:
        labels = rng.lognormal(2, 0.5, rows)
        return labels, np.maximum(labels + kinds[kind](rng, rows), 0.0)

    return draw


def two_regressions(rng: np.random.Generator, rows: int) -> Rows:
    """Labels, and predictions of two models whose errors are much alike."""
    labels, error = rng.lognormal(2, 0.5, rows), rng.standard_t(6, rows)
    return labels, labels + error + rng.normal(0, 0.3, rows), labels + error


def four_classes(rng: np.random.Generator, rows: int) -> Rows:
    """Labels from 0 to 3, and probabilities of each."""
    labels, odds = rng.integers(0, 4, rows), rng.normal(0, 1, (rows, 4))
    odds[np.arange(rows), labels] += 2
    return labels.astype(float), np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)


def mrr(found: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """1 / rank for those users for whom something is found, 0 for the others."""

    def draw(rng: np.random.Generator, users: int) -> np.ndarray:
        rank = rng.geometric(0.15, users)
        return np.where((rng.random(users) < found) & (rank <= 20), 1 / rank, 0.0)

    return draw


def recall(mean: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """The share of a few relevant items; users differ much in how well they are served."""

    def draw(rng: np.random.Generator, users: int) -> np.ndarray:
        relevant, served = rng.geometric(0.2, users), rng.beta(0.5, 0.5 * (1 - mean) / mean, users)
        return np.asarray(rng.binomial(relevant, served) / relevant)

    return draw


def changed(
    of: Callable[[float], Callable[[np.random.Generator, int], np.ndarray]], mean: float, share: float, by: float
) -> Callable[[np.random.Generator, int], np.ndarray]:
    """What two models have in common but for a share of users, of whom one model serves somewhat more."""

    def draw(rng: np.random.Generator, users: int) -> np.ndarray:
        difference = of(mean + by)(rng, users) - of(mean)(rng, users)
        return np.where(rng.random(users) < share, difference, 0.0)

    return draw


_OF_CLASSIFIERS = ("auc", "auc_precision_recall", "binary_crossentropy", "binary_accuracy", "recall", "calibration")
_FEW_FLIP = ((0.003, 0.003), (0.03, 0.01), (0.0, 0.03))

CASES: tuple[Case, ...] = (
    *(
        Case(f"{share:.0%} positive, {apart:g} sd apart", rows, classifier(share, apart), BINARY)
        for rows, share, apart in (
            (100, 0.5, 1.5),
            (100, 0.5, 3.0),
            (100, 0.02, 2.0),
            (300, 0.1, 2.0),
            (700, 0.02, 2.0),
            (1500, 0.02, 2.5),
            (5000, 0.3, 1.5),
        )
    ),
    *(
        Case(f"errors {kind}", rows, errors(kind), REGRESSION)
        for kind in ("normal", "t with 6 degrees", "log-normal")
        for rows in (100, 1000)
    ),
    *(Case("four classes", rows, four_classes, CLASSES) for rows in (100, 1000)),
)
CHANGES: tuple[Case, ...] = (
    *(
        Case(f"change, {share:.0%} positive", rows, retrained(share, 2.0, 0.3), _OF_CLASSIFIERS)
        for rows, share in ((100, 0.5), (700, 0.05), (5000, 0.3))
    ),
    *(
        Case(f"{lost:.1%} of decisions lost, {won:.1%} won", rows, flipping(lost, won), ("binary_accuracy",))
        for lost, won in _FEW_FLIP
        for rows in (100, 1000)
    ),
    *(Case("change of errors", rows, two_regressions, ERRORS) for rows in (100, 1000)),
)
USERS: tuple[Users, ...] = tuple(
    Users(name, users, draw, paired)
    for users in (30, 100, 1000)
    for name, draw, paired in (
        ("mrr, found for 10 %", mrr(0.1), False),
        ("mrr, found for 40 %", mrr(0.4), False),
        ("recall 5 %", recall(0.05), False),
        ("recall 20 %", recall(0.2), False),
        ("change of mrr, 10 % of users", changed(mrr, 0.3, 0.1, 0.0), True),
        ("change of mrr, all users", changed(mrr, 0.3, 1.0, 0.05), True),
        ("change of recall, 30 % of users", changed(recall, 0.1, 0.3, 0.1), True),
    )
)


def named(case: Case | Users) -> str:
    """Of a test."""
    return f"{case.name}, {case.rows}"


def table(rounds: int) -> Iterator[str]:
    """Markdown: of each case the metrics that do worst, of those that have an interval in most of the samples."""
    yield "| rows or users | of which | fewest of 95 % hold | of 90 % | most lower ends of 90 % miss | mostly unknown |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for case in (*CASES, *CHANGES, *USERS):
        found = misses(case, rounds)
        known = {name: each for name, each in found.items() if each[1].given > 0.5}
        unknown = ", ".join(name for name in found if name not in known)
        held = [min((each[place].held, name) for name, each in known.items()) for place in (0, 1)]
        lower = max((each[1].below / each[1].given, name) for name, each in known.items())
        cells = " | ".join(f"{100 * share:.1f} {name}" for share, name in (*held, lower))
        yield f"| {case.rows:,} | {case.name} | {cells} | {unknown} |".replace(" mean |", " |")


if __name__ == "__main__":
    for line in table(int(sys.argv[1]) if len(sys.argv) > 1 else 1000):
        sys.stdout.write(f"{line}\n")
