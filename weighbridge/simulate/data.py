"""Drift and skew without any: the rows of both sides dealt anew, and judged by the real gates."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weighbridge.common.errors import UsageError
from weighbridge.common.progress import report
from weighbridge.components.data_validator.baseline import EVAL_SPLIT, TRAIN_SPLIT
from weighbridge.components.data_validator.distances import Compared, Floats, NotComparableError, compare
from weighbridge.components.data_validator.drift import judge_distance
from weighbridge.components.data_validator.gates import DataGates, Distances
from weighbridge.components.data_validator.statistics import dataset_of, read_statistics, statistics_path
from weighbridge.components.data_validator.summary import feature_name
from weighbridge.simulate.tally import Tally
from weighbridge.verdict import Bounds

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

_STEPS = 40  # of halving the tilt that shifts a distribution


def weigh_dealt(gates: DataGates, statistics: Path, rng: np.random.Generator, deals: int) -> Tally:
    """Deal the rows of both sides of every comparison anew, and judge them.

    Counts suffice for that: how often a value is dealt to a side follows the multivariate hypergeometric distribution.
    Numbers are counted in the buckets of the rows at hand. Production's data and the span before are taken to be the
    run's own rows once more. Rows that did shift are drawn from a distribution at the threshold, and at twice that.

    Args:
        gates: thresholds.
        statistics: folder of the statistics of the run's data.
        rng: deals.
        deals: how often.
    """
    tally = Tally("data")
    refused = np.zeros(deals, bool)
    for name, compared, bounds in _comparisons(gates, statistics, tally.notes):
        for number in range(deals):
            for gate in judge_distance(name, dealt_anew(compared, rng), bounds):
                tally.of(gate).refusals.add(not gate.passed)
                refused[number] |= gate.refuses
        limit = bounds.max or 0.0
        for factor in (1, 2):
            shares = tilted(compared, factor * limit)
            for _ in range(0 if shares is None else deals):
                [gate] = judge_distance(name, _drawn(compared, shares, rng), bounds)
                counted = tally.of(gate).at_threshold if factor == 1 else tally.of(gate).beyond
                counted.add(gate.passed)
        report(f"dealt the rows of {name}")
    if tally.gates:
        tally.verdict = tally.verdict.of(int(refused.sum()), deals)
    return tally


def _comparisons(gates: DataGates, statistics: Path, notes: list[str]) -> Iterator[tuple[str, Compared, Bounds]]:
    """Name of the gates, what is compared of a feature, and its threshold."""
    try:
        train, evaluation = (_features(statistics, split) for split in (TRAIN_SPLIT, EVAL_SPLIT))
    except UsageError as error:
        notes.append(f"Skew and drift were not simulated: {error.message}.")
        return
    parts: list[tuple[str, Any, dict[str, Distances]]] = [
        ("data.skew", evaluation, gates.skew),
        ("data.drift.production", train, gates.drift.production),
        ("data.drift.previous_span", train, gates.drift.previous_span),
    ]
    for room, ours, thresholds in parts:
        for feature, distances in thresholds.items():
            for measure, bounds in distances.measures().items():
                name = f"{room}.{feature}.{measure}"
                try:
                    compared = compare(measure, ours[feature], train[feature])
                except (KeyError, NotComparableError) as error:
                    notes.append(f"{name} was not simulated: {error}")
                    continue
                yield name, compared, bounds


def _features(statistics: Path, split: str) -> dict[str, Any]:
    path = statistics_path(statistics, split)
    dataset: statistics_pb2.DatasetFeatureStatistics = dataset_of(read_statistics(path), path)
    return {feature_name(feature): feature for feature in dataset.features}


def dealt_anew(compared: Compared, rng: np.random.Generator) -> Compared:
    """The rows of both sides, pooled and dealt to them anew: whatever distance they have then is chance."""
    ours, theirs = (
        np.rint(shares * rows).astype(np.int64)
        for shares, rows in zip((compared.ours, compared.theirs), compared.rows, strict=True)
    )
    pooled, count = ours + theirs, int(ours.sum())
    dealt = rng.multivariate_hypergeometric(pooled, count, method="marginals")
    return Compared(compared.measure, dealt / count, (pooled - dealt) / theirs.sum(), compared.rows)


def _drawn(compared: Compared, shares: Floats | None, rng: np.random.Generator) -> Compared:
    """As many rows of two distributions: ours of the one that is given, theirs of their own."""
    ours, theirs = (
        rng.multinomial(int(rows), of / of.sum()) / int(rows)
        for rows, of in zip(
            compared.rows, (shares if shares is not None else compared.ours, compared.theirs), strict=True
        )
    )
    return Compared(compared.measure, ours, theirs, compared.rows)


def tilted(compared: Compared, distance: float) -> Floats | None:
    """A distribution at a distance: shares that grow from outcome to outcome, as numbers that all shift do.

    Args:
        compared: the distribution, and how distances are measured.
        distance: to be met.

    Returns:
        Shares [outcomes]; None where no such shift is so far.
    """
    shares = compared.theirs
    place = np.cumsum(shares) - shares / 2

    def by(tilt: float) -> Floats:
        weights = shares * np.exp(tilt * (place - place.max()))
        return np.asarray(weights / weights.sum())

    low, high = 0.0, 100.0
    if float(compared.measured(by(high), shares)) < distance:
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if float(compared.measured(by(middle), shares)) < distance else (low, middle)
    return by(high)
