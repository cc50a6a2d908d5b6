"""What the times of calls say with which certainty: percentiles and throughput, of one model and against another."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from weighbridge.components.evaluator.aliases import Bools, Floats, Index
from weighbridge.components.evaluator.latency.timing import Times
from weighbridge.verdict import Estimate

Quantities = dict[str, dict[str, Floats]]

QUANTILES = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
QUANTITIES = (*QUANTILES, "throughput_rows_s")
_REPLICATES = (400, 1000)  # of the bootstrap, for many calls and for few
_CELLS = 200_000  # of a block of bootstrap samples: it stays in the processor's cache
_DRAWS = 8_000_000  # of calls, in all samples together
_SEEN = 20  # calls beyond a percentile that tell whether such calls come together


def summarise(
    times: Times, batch_rows: int, confidence: float, looks: int = 1, seed: int = 0
) -> dict[str, dict[str, Estimate]]:
    """Percentiles and throughput of each contender, and candidate against production, all with intervals.

    A percentile of one model is bounded by order statistics, which assume nothing of the times' distribution; what
    compares two models, and throughput, by a paired bootstrap.

    Args:
        times: of `candidate` and maybe `production`.
        batch_rows: rows in a call.
        confidence: that all of `looks` intervals of a quantity together hold the truth, e.g. 0.95.
        looks: how often the intervals may be looked at before something is decided; what they may miss is split evenly
            among the looks (Bonferroni).
        seed: of the bootstrap's draws.

    Returns:
        By contender, and for `ratio` and `change` of the candidate against production: by name of the quantity.
    """
    miss = side(confidence, looks)
    calls = len(times)
    models = [name for name in times.by_name if name in ("candidate", "production")]
    values = {name: times.by_name[name][:calls] for name in models}
    once = np.ones((1, calls), np.intp)
    point = {name: quantities(column, once, batch_rows) for name, column in values.items()}
    replicas = _bootstrap(values, batch_rows, times.distinct, seed)

    def estimates(of: Callable[[Quantities, str], Floats]) -> dict[str, Estimate]:
        return {name: _interval(float(of(point, name)[0]), of(replicas, name), miss) for name in QUANTITIES}

    def of_model(model: str) -> Callable[[Quantities, str], Floats]:
        return lambda found, name: found[model][name]

    result: dict[str, dict[str, Estimate]] = {}
    for model, column in values.items():
        result[model] = estimates(of_model(model))
        for name, quantile in QUANTILES.items():
            low, high = quantile_bounds(column, quantile, miss, times.distinct)
            result[model][name] = Estimate(result[model][name].value, low, high)
    if "production" in values:
        result["ratio"] = estimates(lambda found, name: found["candidate"][name] / found["production"][name])
        result["change"] = estimates(lambda found, name: found["candidate"][name] - found["production"][name])
        sure = {name for name in QUANTITIES if calls >= calls_needed(name, confidence, looks)}
        for compared in ("ratio", "change"):  # where production's worst was not seen, neither end is known
            result[compared] |= {
                name: Estimate(result[compared][name].value, -math.inf, math.inf) for name in set(QUANTITIES) - sure
            }
    return result


def side(confidence: float, looks: int = 1) -> float:
    """How often one end of an interval may miss at one of several looks."""
    return (1 - confidence) / 2 / looks


def calls_needed(quantity: str, confidence: float, looks: int = 1) -> int:
    """Fewest calls that bound a percentile from above: with fewer, the worst may not have been seen."""
    quantile = QUANTILES.get(quantity.rpartition(".")[2], 0.0)
    return math.ceil(math.log(side(confidence, looks)) / math.log(quantile)) if quantile else 1


def quantile_bounds(values: Floats, quantile: float, miss: float, distinct: int = 0) -> tuple[float, float]:
    """Bounds of a percentile by order statistics, whatever the distribution.

    The r-th smallest of n independent times lies below the percentile q with probability P(Bin(n, q) >= r)
    (David and Nagaraja, Order Statistics, 3rd edition, section 7.1). Calls that are slow together, as neighbours in
    time or because their request is the same, are fewer than they seem: n is divided by how much more the number of
    slow calls varies between such groups than it would by chance (Kish's design effect).

    Args:
        values: ms of each call [calls], in the order they were made.
        quantile: between 0 and 1.
        miss: probability that an end may have to lie on the wrong side.
        distinct: different requests, which were sent in turn; 0 where all differ.

    Returns:
        Lower and upper end in ms; minus infinity and infinity where there are too few calls to know.
    """
    return grouped_bounds(values, quantile, miss, _groupings(len(values), distinct))


def grouped_bounds(values: Floats, quantile: float, miss: float, groupings: Iterable[Index]) -> tuple[float, float]:
    """As `quantile_bounds`, of calls that may be slow together in groups: for each grouping the group of each call."""
    return order_bounds(values, quantile, miss, int(len(values) / design_effect(values, quantile, groupings)))


def order_bounds(values: Floats, quantile: float, miss: float, independent: int) -> tuple[float, float]:
    """As `quantile_bounds`, of values of which so many are independent."""
    from scipy.stats import binom

    calls, independent = len(values), max(1, independent)
    ordered = np.sort(values)
    upper = int(binom.ppf(1 - miss, independent, quantile)) + 1
    lower = int(binom.ppf(miss, independent, quantile))
    low = ordered[max(1, math.floor(lower / independent * calls)) - 1] if lower >= 1 else -math.inf
    high = ordered[min(calls, math.ceil(upper / independent * calls)) - 1] if upper <= independent else math.inf
    return float(low), float(high)


def of_median(values: list[float], baseline: list[float], confidence: float) -> dict[str, Estimate]:
    """Median of a few paired measurements with its interval, and against the baseline where there is one.

    The interval is by order statistics; of too few measurements for that, by Student's t on their logarithms, which
    takes them for log-normal. A single measurement has no interval that is known.

    Args:
        values: of the candidate, in any unit.
        baseline: of production, measured in turn with the candidate; empty where there is none.
        confidence: of the intervals, e.g. 0.95.

    Returns:
        By `candidate`, and where there is a baseline `production`, `ratio` and `change`: the medians of the pairs.
    """
    ours, theirs = np.array(values, np.float64), np.array(baseline, np.float64)
    result = {"candidate": _median(ours, confidence)}
    if baseline:
        result["production"] = _median(theirs, confidence)
        with np.errstate(divide="ignore", invalid="ignore"):
            result["ratio"] = _median(ours / theirs, confidence)
        result["change"] = _median(ours - theirs, confidence)
    return result


def _median(values: Floats, confidence: float) -> Estimate:
    value, miss = float(np.median(values)), side(confidence)
    if not np.isfinite(values).all():
        return Estimate(value)
    low, high = order_bounds(values, 0.5, miss, len(values))
    return Estimate(value, low, high) if math.isfinite(high) else Estimate(value, *_student(values, miss))


def _student(values: Floats, miss: float) -> tuple[float, float]:
    from scipy.stats import t

    count = len(values)
    if count < 2:
        return -math.inf, math.inf
    logarithmic = bool((values > 0).all())
    scaled = np.log(values) if logarithmic else values
    half = float(t.isf(miss, count - 1) * scaled.std(ddof=1) / math.sqrt(count))
    ends = np.array([scaled.mean() - half, scaled.mean() + half])
    low, high = np.exp(ends) if logarithmic else ends
    return float(low), float(high)


def design_effect(values: Floats, quantile: float, groupings: Iterable[Index]) -> float:
    """How many calls tell as much as one that is independent of the others, at least 1."""
    calls = len(values)
    # Beyond a far percentile lie too few to see whether they come together: those before are looked at, too.
    effects = [1.0]
    slow = [values > np.quantile(values, share) for share in {quantile, min(quantile, max(0.5, 1 - _SEEN / calls))}]
    effects += [overdispersion(each, groups) for groups in groupings for each in slow]
    return max(effects)


def _groupings(calls: int, distinct: int) -> list[Index]:
    """The group of each call [calls]: neighbours in time; and, where requests were repeated, the same request."""
    order = np.arange(calls)
    length = max(1, round(calls ** (1 / 3)))
    return [order // length, *([order % distinct] if 1 < distinct < calls else [])]


def overdispersion(slow: Bools, groups: Index) -> float:
    """Variance of the number of slow calls in a group against that of as many independent calls.

    With few slow calls in all, that two of them meet is chance, by which the ratio varies with a standard deviation of
    one over the square root of their number: so much is taken off.
    """
    share = float(slow.mean())
    sizes, counts = np.bincount(groups), np.bincount(groups, slow)
    expected = float((sizes * share * (1 - share)).sum())
    if not expected:
        return 1.0
    return float(((counts - sizes * share) ** 2).sum()) / expected - 1 / math.sqrt(expected)


def quantities(values: Floats, counts: Index, batch_rows: int) -> dict[str, Floats]:
    """Each quantity of samples that hold each call so often.

    Args:
        values: ms of each call [calls].
        counts: [samples, calls].
        batch_rows: rows in a call.

    Returns:
        [samples] by name.
    """
    order = np.argsort(values)
    ordered, up_to = values[order], np.cumsum(counts[:, order], axis=1, dtype=np.int32)
    drawn = up_to[:, -1]
    found = {name: ordered[(up_to < (q * drawn)[:, None]).sum(axis=1)] for name, q in QUANTILES.items()}
    return {**found, "throughput_rows_s": 1000 * batch_rows * drawn / (counts.astype(np.float64) @ values)}


def _bootstrap(values: Mapping[str, Floats], batch_rows: int, distinct: int, seed: int) -> Quantities:
    """The quantities of bootstrap samples, the same calls drawn for all contenders."""
    calls = len(next(iter(values.values())))
    parts: dict[str, list[dict[str, Floats]]] = {name: [] for name in values}
    fewest, most = _REPLICATES
    for counts in resampled(values, distinct, min(most, max(fewest, _DRAWS // calls)), seed):
        for name, column in values.items():
            parts[name].append(quantities(column, counts, batch_rows))
    return {
        name: {key: np.concatenate([part[key] for part in found]) for key in found[0]} for name, found in parts.items()
    }


def resampled(values: Mapping[str, Floats], distinct: int, samples: int, seed: int) -> Iterator[Index]:
    """Bootstrap samples of calls, the same calls for all contenders.

    Calls are drawn in blocks of neighbours: what slows one call (another process, a hot chip) slows the next, and
    drawing them one by one would pretend to more independent calls than there were. Where what a call costs depends
    more on its request than on its time, and requests were repeated, requests are drawn with all their calls.

    Args:
        values: ms of each call [calls], by contender.
        distinct: different requests, which were sent in turn; 0 where all differ.
        samples: how many.
        seed: of the draws.

    Yields:
        How often each call is in each of some of the samples [some, calls].
    """
    calls = len(next(iter(values.values())))
    rng = np.random.default_rng(seed)
    draw = _request_draws if _by_request(values, calls, distinct) else block_draws
    while samples:
        size = min(samples, max(1, _CELLS // calls))
        yield draw(size, calls, distinct, rng)
        samples -= size


def _by_request(values: Mapping[str, Floats], calls: int, distinct: int) -> bool:
    groupings = _groupings(calls, distinct)
    if len(groupings) == 1:
        return False
    slow = [column > np.median(column) for column in values.values()]
    neighbours, requests = (max(overdispersion(each, groups) for each in slow) for groups in groupings)
    return requests > neighbours


def block_draws(size: int, calls: int, _: int, rng: np.random.Generator) -> Index:
    """How often each call is drawn [size, calls], in blocks of neighbours on a circle (Politis and Romano 1992)."""
    length = max(1, round(calls ** (1 / 3)))
    blocks = math.ceil(calls / length)
    starts = rng.integers(0, calls, (size, blocks)) + calls * np.arange(size)[:, None]
    begun = np.bincount(starts.ravel(), minlength=size * calls).reshape(size, calls).astype(np.int32)
    # A call is in all blocks that began up to a block's length before it.
    around = np.concatenate([np.zeros((size, 1), np.int32), begun[:, calls - length + 1 :], begun], axis=1)
    sums = np.cumsum(around, axis=1, dtype=np.int32)
    counts: Index = sums[:, length:] - sums[:, :-length]
    return counts


def _request_draws(size: int, calls: int, distinct: int, rng: np.random.Generator) -> Index:
    """How often each call is drawn [size, calls], a request with all its calls at a time."""
    drawn = rng.integers(0, distinct, (size, distinct)) + distinct * np.arange(size)[:, None]
    requests = np.bincount(drawn.ravel(), minlength=size * distinct).reshape(size, distinct)
    counts: Index = requests[:, np.arange(calls) % distinct]
    return counts


def _interval(value: float, replicas: Floats, miss: float) -> Estimate:
    low, high = np.quantile(replicas, [miss, 1 - miss])
    return Estimate(value, float(low), float(high))
