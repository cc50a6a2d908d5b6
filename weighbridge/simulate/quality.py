"""Equally good models weighed against each other by the real gates, on bootstrap samples of the evaluation rows."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from weighbridge.common.progress import report
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.quality import metrics
from weighbridge.components.evaluator.quality.judge import GROUP, judge
from weighbridge.components.evaluator.quality.metrics_api import (
    MetricRow,
    MetricsRequest,
    MetricsResponse,
    Predictions,
)
from weighbridge.simulate.rates import Floats
from weighbridge.simulate.spread import Spread, Subject, Truth, judged, spreads
from weighbridge.simulate.tally import PairTally, Tally
from weighbridge.verdict import Estimate, Gate, Sampled
from weighbridge.verdict.outcome import Rule, kind_of, outcome
from weighbridge.verdict.risk import quantile

OtherGates = Callable[[int, int], list[Gate]]


@dataclass(frozen=True)
class Models:
    """What equally good models predict for the same rows.

    Attributes:
        rows: labels and the values of slicing features; `candidate` is the first model's.
        predictions: of each model, [rows] or [rows, classes].
    """

    rows: Predictions
    predictions: Sequence[Floats]

    def __len__(self) -> int:
        return len(self.predictions)

    def pair(self, candidate: int, production: int) -> Predictions:
        """Two of them, as the Evaluator has a candidate and production."""
        return replace(self.rows, candidate=self.predictions[candidate], production=self.predictions[production])


def weigh_resampled(
    gates: QualityGates, models: Models, rng: np.random.Generator, others: OtherGates = lambda _i, _j: []
) -> tuple[Tally, list[Spread]]:
    """Weigh every model against every other, each pair on rows of its own, drawn with replacement.

    The rows at hand move the difference of two models once already, and those drawn move it again. So of the difference
    on the rows at hand only that share is kept which is the models' own; and, since few models tell their spread badly,
    it is widened as Student's t distribution is.

    Args:
        gates: thresholds.
        models: at least two.
        rng: draws rows.
        others: further gates of a candidate and production that belong to the verdict, by their numbers.

    Raises:
        Unmeasurable: a feature has too many values to slice by.
    """
    count = len(models)
    found, truths = measured_spreads(gates, models)
    pairs = PairTally(Tally(GROUP), count)
    for step in range(1, count):
        for candidate in range(count):
            production = (candidate + step) % count
            drawn = drawn_rows(models.pair(candidate, production), gates.unit, rng)
            widened = math.sqrt((count - 1) / rng.chisquare(count - 1))
            pair = _Pair(candidate, production, widened, truths)
            response = _measure(gates, drawn)
            moved = MetricsResponse(response.rows, tuple(pair.moved(row) for row in response.metrics))
            own = judge(gates, moved, in_production=True)
            pairs.add([*own, *others(candidate, production)], candidate, production)
            _try_worse(pairs.tally, gates, own, moved, pair)
        report(f"weighed {step * count:,} of {count * (count - 1):,} pairs of models")
    return pairs.all_pairs(), found


def measured_spreads(gates: QualityGates, models: Models) -> tuple[list[Spread], dict[Subject, Truth]]:
    """The spread of every metric that has thresholds, and the models' values, on the rows as they are."""
    count = len(models)
    observed = [_measure(gates, models.pair(model, (model + 1) % count)) for model in range(count)]
    return spreads(gates, observed, quantile(gates.risk.false_pass / gates.looks))


def _measure(gates: QualityGates, predictions: Predictions) -> MetricsResponse:
    return metrics.compute(
        MetricsRequest(
            metrics=gates.metric_names(),
            slices=tuple(dict.fromkeys(entry.features for entry in gates.slice_metrics)),
            confidence=gates.confidence,
            label="label",
            examples="",
            split="",
            schema=None,
            candidate=Path(),
            production=None,
            predictions=lambda: predictions,
            unit=gates.unit,
        )
    )


def drawn_rows(rows: Predictions, unit: str | None, rng: np.random.Generator) -> Predictions:
    """As many rows drawn with replacement; of rows that belong together as many units, with all their rows."""
    if unit is None:
        count = len(rows.labels)
        return _take(rows, rng.integers(0, count, count))
    import pandas as pd

    codes, values = pd.factorize(rows.columns[unit])
    alone = codes < 0  # a row without a value is a unit of its own
    codes[alone] = len(values) + np.arange(alone.sum())
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    drawn = [members[number] for number in rng.integers(0, len(members), len(members))]
    taken = _take(rows, np.concatenate(drawn))
    # A unit that is drawn twice is two of its kind.
    numbers = np.repeat(np.arange(len(drawn)), [len(part) for part in drawn]).astype(object)
    return replace(taken, columns=taken.columns | {unit: numbers})


def _take(pair: Predictions, index: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Predictions:
    return Predictions(
        labels=pair.labels[index],
        candidate=pair.candidate[index],
        production=None if pair.production is None else pair.production[index],
        columns={name: column[index] for name, column in pair.columns.items()},
    )


@dataclass(frozen=True)
class _Pair:
    """A candidate and production, and what they are taken to be in truth."""

    candidate: int
    production: int
    widened: float
    truths: dict[Subject, Truth]

    def moved(self, row: MetricRow) -> MetricRow:
        """A metric, moved from what the rows at hand say of the models to what is taken to be true."""
        truth = self.truths.get((row.slice, row.name))
        if truth is None:
            return row
        ours, theirs = (
            truth.of(model, self.widened) - float(truth.values[model]) for model in (self.candidate, self.production)
        )
        return replace(
            row,
            candidate=shifted(row.candidate, ours),
            production=row.production and shifted(row.production, theirs),
            change=row.change and shifted(row.change, ours - theirs),
        )

    def equal_and_true(self, subject: Subject, kind: str) -> tuple[float, float] | None:
        """The value of a model that is just as good, and the candidate's true one; None where they are not known."""
        truth = self.truths.get(subject)
        if truth is None:
            return None
        ours, theirs = truth.of(self.candidate, self.widened), truth.of(self.production, self.widened)
        if kind == "ratio":
            return (1.0, ours / theirs) if ours > 0 and theirs > 0 else None
        return (0.0, ours - theirs) if kind == "change" else (truth.mean, ours)


def shifted(estimate: Estimate, by: float) -> Estimate:
    """An estimate as it would be of something larger by so much."""
    low, high = estimate.low, estimate.high
    return Estimate(estimate.value + by, None if low is None else low + by, None if high is None else high + by)


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    low, high = estimate.low, estimate.high
    return Estimate(
        estimate.value * factor, None if low is None else low * factor, None if high is None else high * factor
    )


def _try_worse(tally: Tally, gates: QualityGates, own: list[Gate], response: MetricsResponse, pair: _Pair) -> None:
    """Judge each gate again as if the candidate were at its threshold in truth, and twice as far."""
    open_warns = gates.on_undecided == "warn"
    sampled = Sampled(gates.risk, looks=gates.looks, on_undecided="warn" if open_warns else "refuse")
    subjects = {
        f"{GROUP}.{f'{part}.' if part else ''}{name}": (part, name)
        for _, _, listed in judged(gates, response.metrics)
        for part, name in listed
    }
    for gate in own:
        subject = subjects.get(gate.name.rpartition(".")[0])
        if subject is None or gate.interval is None or not isinstance(gate.observed, float):
            continue
        rule = Rule(gate.rule, float(gate.threshold), gate.unit)  # type: ignore[arg-type]
        known = pair.equal_and_true(subject, kind_of(gate.rule))
        if known is None:
            continue
        low, high = (math.nan if end is None else end for end in gate.interval)
        measured, of = Estimate(gate.observed, low, high), tally.of(gate)
        for target, counted in zip(targets(rule, known[0]), (of.at_threshold, of.beyond), strict=True):
            ratio = rule.kind == "ratio"
            worse = _scaled(measured, target / known[1]) if ratio else shifted(measured, target - known[1])
            counted.add(lets_through(rule, worse, sampled))


def targets(rule: Rule, equal: float) -> tuple[float, float]:
    """The threshold, and what is twice as far from a model that is just as good."""
    if rule.kind == "ratio":
        return rule.threshold, rule.threshold**2 / equal
    return rule.threshold, 2 * rule.threshold - equal


def lets_through(rule: Rule, quantity: Estimate, sampled: Sampled) -> bool:
    """Whether a rule passes, or only warns of, what was measured."""
    status, _ = outcome("", rule, quantity, sampled)
    return status == "passed" or (status == "inconclusive" and sampled.on_undecided == "warn" and quantity.known)
