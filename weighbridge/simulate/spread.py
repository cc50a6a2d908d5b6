"""How much a metric moves between two equally good trainings, apart from what the sample of rows moves it."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.metric_gates import MetricBounds
from weighbridge.components.evaluator.quality.metrics_api import MetricRow, MetricsResponse
from weighbridge.simulate.rates import Floats

Subject = tuple[str, str]  # slice and metric


@dataclass(frozen=True)
class Spread:
    """The spread of one metric that has thresholds.

    Attributes:
        key: of its thresholds in gates.yaml: `quality.metrics.auc`.
        bounds: the thresholds.
        sd: standard deviation of its true change between two trainings.
        upper: one-sided upper bound of 95 % of it.
        error: standard error of the change that the rows give it, of all slices on average.
        slices: how many it is told from; 1 for all rows.
    """

    key: str
    bounds: MetricBounds
    sd: float
    upper: float
    error: float
    slices: int

    @property
    def line(self) -> str:
        """What to write into gates.yaml."""
        given = self.bounds.model_dump(exclude_none=True, exclude={"retraining_sd", "severity", "anchor"})
        parts = [f"{name}: {value:g}" for name, value in given.items()]
        parts += [f"retraining_sd: {_rounded(self.sd):g}"] if _rounded(self.sd) else []
        parts += ["severity: warning"] if self.bounds.severity == "warning" else []
        return f"{self.key.rpartition('.metrics.')[2]}: {{{', '.join(parts)}}}"


@dataclass(frozen=True)
class Truth:
    """A metric of all models on the rows that there are, and how much of its spread is true.

    Attributes:
        values: of each model [models].
        share: of the distance between two models that is theirs, and not the rows'.
    """

    values: Floats
    share: float

    @property
    def mean(self) -> float:
        """Of the models."""
        return float(self.values.mean())

    def of(self, model: int, widened: float = 1.0) -> float:
        """What a model's value is taken to be in truth."""
        return self.mean + widened * self.share * float(self.values[model] - self.mean)


def spreads(
    gates: QualityGates, observed: Sequence[MetricsResponse], quantile: float
) -> tuple[list[Spread], dict[Subject, Truth]]:
    """The spread of every metric that has thresholds, from each model weighed against the next on the same rows.

    Two models differ on a sample by their true difference and by what the sample does to it. The variance of the
    observed differences is the sum of both; the latter is known from the intervals, and taken off (DerSimonian and
    Laird, Controlled Clinical Trials 7, 1986, for studies instead of models).

    Args:
        gates: thresholds.
        observed: model i against model i + 1, and the last against the first.
        quantile: standard errors between a change and an end of its interval.
    """
    rows = [{(row.slice, row.name): row for row in response.metrics} for response in observed]
    found: list[Spread] = []
    truths: dict[Subject, Truth] = {}
    for key, bounds, subjects in judged(gates, observed[0].metrics):
        usable = {subject: of for subject in subjects if (of := _told(rows, subject, quantile)) is not None}
        if not usable:
            continue
        total = float(np.mean([_variance(values) for values, _ in usable.values()]))
        noise = float(np.mean([error**2 for _, error in usable.values()]))
        true = max(total - noise, 0.0)
        most = max(total * _most(len(observed)) - noise, 0.0)
        found.append(Spread(key, bounds, math.sqrt(true), math.sqrt(most), math.sqrt(noise), len(usable)))
        for subject, (values, _) in usable.items():
            spread = _variance(values)
            truths.setdefault(subject, Truth(values, min(math.sqrt(true / spread), 1.0) if spread else 0.0))
    return found, truths


def judged(gates: QualityGates, rows: Iterable[MetricRow]) -> Iterator[tuple[str, MetricBounds, list[Subject]]]:
    """Each key with thresholds on a metric, and the slices that it judges."""
    rows = list(rows)
    for name, bounds in gates.metrics.items():
        yield f"quality.metrics.{name}", bounds, [("", name)]
    for position, entry in enumerate(gates.slice_metrics):
        least = entry.min_rows or gates.min_slice_rows
        sizes = {
            row.slice: row.rows
            for row in rows
            if tuple(feature for feature, _ in row.key) == entry.features and entry.wanted in (None, row.slice)
        }
        large = [name for name, size in sizes.items() if size >= least]
        for name, bounds in entry.metrics.items():
            yield f"quality.slice_metrics.{position}.metrics.{name}", bounds, [(each, name) for each in large]


def with_spreads(gates: QualityGates, found: Sequence[Spread]) -> QualityGates:
    """The thresholds with the spread that was measured in each."""
    by_key = {each.key: each.sd for each in found}

    def spread(key: str, bounds: MetricBounds) -> MetricBounds:
        return bounds.model_copy(update={"retraining_sd": by_key[key]}) if by_key.get(key) else bounds

    metrics = {name: spread(f"quality.metrics.{name}", bounds) for name, bounds in gates.metrics.items()}
    entries = tuple(
        entry.model_copy(
            update={
                "metrics": {
                    name: spread(f"quality.slice_metrics.{position}.metrics.{name}", bounds)
                    for name, bounds in entry.metrics.items()
                }
            }
        )
        for position, entry in enumerate(gates.slice_metrics)
    )
    return gates.model_copy(update={"metrics": metrics, "slice_metrics": entries})


def _told(
    rows: Sequence[Mapping[Subject, MetricRow]], subject: Subject, quantile: float
) -> tuple[Floats, float] | None:
    """The values of all models, and the standard error of a change; None where one is not known."""
    of = [each.get(subject) for each in rows]
    values = np.array([row.candidate.value if row else math.nan for row in of])
    if not np.isfinite(values).all():
        return None
    ends = [
        (row.change.high - row.change.low) / 2
        for row in of
        if row and row.change and row.change.known and row.change.high is not None and row.change.low is not None
    ]
    if len(ends) < len(of):
        return None
    return values, float(np.sqrt(np.mean(np.square(ends)))) / quantile


def _variance(values: Floats) -> float:
    """Of the difference of two models; exactly zero where all are the same."""
    return 2 * float(values.var(ddof=1)) if np.ptp(values) else 0.0


def _most(models: int) -> float:
    """By how much the variance of so many models may be larger in truth, with 95 % confidence, if they are normal."""
    from scipy.stats import chi2

    return float((models - 1) / chi2.ppf(0.05, models - 1))


def _rounded(sd: float) -> float:
    return float(f"{sd:.1g}")
