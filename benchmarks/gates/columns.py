"""Streams of columns: two samples of the same distribution, or of one that was shifted by a known amount."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.gates.outcomes import AT_MARGIN, EQUAL, TWICE
from weighbridge.components.data_validator.distances import Distribution, jensen_shannon, number_shares

Values = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float64]
Kind = Literal["numeric", "categorical"]

LIMIT = 0.01  # Jensen-Shannon divergence that is allowed, base 2
_MANY = 100_001  # numbers that stand for all that there could be
_TRIPS = ("tfx", "examples/chicago_taxi_pipeline/data/simple/data.csv")


@dataclass(frozen=True)
class ColumnStream:
    """A column of a table.

    Attributes:
        name: for people.
        kind: of its values.
        shifts: how far the newer sample is moved, by how that is called; 0 for not at all.
        draw: (source of chance, rows, shift) -> as many values.
    """

    name: str
    kind: Kind
    shifts: dict[str, float]
    draw: Callable[[np.random.Generator, int, float], Values]


def _like(known: Floats) -> Callable[[Floats], Floats]:
    """From normal numbers to ones that are distributed as the known ones are."""
    from scipy.stats import norm

    ordered = np.sort(known)
    return lambda scores: ordered[np.minimum((norm.cdf(scores) * len(ordered)).astype(np.intp), len(ordered) - 1)]


def _numbers(name: str, of_scores: Callable[[Floats], Floats]) -> ColumnStream:
    """Numbers that are shifted by standard deviations on the scale on which they are normal."""

    def draw(rng: np.random.Generator, rows: int, shift: float) -> Values:
        return of_scores(rng.normal(shift, 1, rows))

    shifts = {EQUAL: 0.0, AT_MARGIN: _numeric_shift(of_scores, LIMIT), "0.3 sd": 0.3}
    return ColumnStream(name, "numeric", shifts | {TWICE: _numeric_shift(of_scores, 2 * LIMIT)}, draw)


def _numeric_shift(of_scores: Callable[[Floats], Floats], divergence: float) -> float:
    """Standard deviations by which a column must be moved for a divergence over ten buckets of equally many rows."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    scores = norm.ppf((np.arange(_MANY) + 0.5) / _MANY)
    ranks = np.linspace(0, 1, 101)

    def away(shift: float) -> float:
        sides = [Distribution.from_quantiles(np.quantile(of_scores(scores + by), ranks), ranks) for by in (shift, 0.0)]
        return float(jensen_shannon(*number_shares(*sides))) - divergence

    return float(brentq(away, 0.01, 1, xtol=1e-4))


def _shares_like(shares: Floats) -> Callable[[np.random.Generator, int, float], Values]:
    """Categories with these shares; a shift moves so much of the rows to the most frequent one."""
    names = np.array([f"value {number}" for number in range(len(shares))])

    def draw(rng: np.random.Generator, rows: int, shift: float) -> Values:
        moved = (1 - shift) * shares + shift * np.eye(len(shares))[0]
        return names[rng.choice(len(shares), rows, p=moved)]

    return draw


def _categorical_shift(shares: Floats, divergence: float) -> float:
    """Share of the rows that must move to the most frequent value for a divergence."""
    from scipy.optimize import brentq

    first = np.eye(len(shares))[0]
    return float(brentq(lambda by: float(jensen_shannon((1 - by) * shares + by * first, shares)) - divergence, 0, 0.9))


def _categories(name: str, shares: Floats) -> ColumnStream:
    shifts = {
        EQUAL: 0.0,
        AT_MARGIN: _categorical_shift(shares, LIMIT),
        TWICE: _categorical_shift(shares, 2 * LIMIT),
    }
    return ColumnStream(name, "categorical", shifts, _shares_like(shares))


def _zipf(values: int) -> Floats:
    weights = 1 / np.arange(1, values + 1)
    return np.asarray(weights / weights.sum())


@cache
def column_streams() -> tuple[ColumnStream, ...]:
    """All of them; the recorded ones are columns of 15,002 Chicago taxi trips, which come with TFX."""
    import pandas as pd

    package, path = _TRIPS
    with resources.as_file(resources.files(package) / path) as file:
        trips = pd.read_csv(file, usecols=["fare", "company", "trip_miles"])
    companies = trips["company"].fillna("").value_counts(normalize=True).to_numpy()
    return (
        _numbers("normal numbers", lambda scores: scores),
        _numbers("recorded: fares of taxi trips", _like(trips["fare"].dropna().to_numpy(np.float64))),
        _categories("30 categories", _zipf(30)),
        _categories("1,000 categories", _zipf(1000)),
        _categories("recorded: companies of taxi trips", companies),
    )
