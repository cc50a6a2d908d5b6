"""How often the proofs of a live canary are wrong, and how many requests they take: simulated, the truth being known.

`python -m tests.weighbridge.rollout.rates 600` prints the tables of docs/explanation/canary.md. Requests come in the
same windows for both models; a look follows every few of them, and what was proven at any look counts.
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tests.weighbridge.rollout.made_windows import LATENCY, PREDICTION, Traffic, Truth, shares, spells
from weighbridge.rollout.sequential import distance, times
from weighbridge.rollout.sequential.contrast import contrast
from weighbridge.rollout.sequential.quantities import shares_of_risk
from weighbridge.rollout.sequential.tallies import Tally
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.verdict.outcome import Rule

Floats = npt.NDArray[np.float64]

GATES = CanaryGates()
MISS, EACH = GATES.risk.miss, GATES.risk.false_alarm / shares_of_risk(GATES)
LOOKS = 12
RULES = {"p50_ms": (0.5, Rule("max_ratio", 1.2)), "p99_ms": (0.99, Rule("max_ratio", 1.5))}
QUANTITIES = ("p50_ms", "p99_ms", "error_rate", "prediction_distance")


@dataclass(frozen=True)
class Step:
    """What was counted in a step by window: requests, failures, times and predictions of both models."""

    requests: Floats
    errors: Floats
    seconds: Floats
    predictions: Floats
    of_stable: Floats
    stable_errors: Floats
    stable_seconds: Floats
    stable_predictions: Floats

    def upto(self, window: int) -> "Step":
        return Step(*(each[:window] for each in vars(self).values()))


def made(rng: np.random.Generator, canary: Truth, traffic: Traffic, quantities: tuple[str, ...]) -> Step:
    """A step of so much traffic."""
    many, stable = traffic.windows, Truth(errors=_STABLE_ERRORS)
    shared = spells(rng, many, traffic.shared, traffic.lasting)
    burst = rng.gamma(1 / traffic.bursts**2, traffic.bursts**2, many) if traffic.bursts else np.ones(many)
    rate = traffic.requests / many * burst
    sides = []
    for truth, mean in ((canary, rate), (replace(stable, own=canary.own), rate * (1 - traffic.share) / traffic.share)):
        slow = shared * spells(rng, many, truth.own, traffic.lasting)
        requests = rng.poisson(mean)
        errors = rng.binomial(requests, np.clip(truth.errors * slow, 0, 1))
        seconds = predictions = np.zeros((many, 2), dtype=np.int64)
        if {"p50_ms", "p99_ms"} & set(quantities):
            middles = np.log(truth.median_s * slow)[:, None]
            seconds = rng.multinomial(requests, shares(np.log(LATENCY)[None, :], middles, truth.sd))
        if "prediction_distance" in quantities:
            # What is asked for moves, too: by a tenth of what times do.
            means = truth.mean + 0.1 * np.log(slow)[:, None]
            predictions = rng.multinomial(requests, shares(np.array(PREDICTION)[None, :], means, truth.spread))
        sides += [np.asarray(each, dtype=np.float64) for each in (requests, errors, seconds, predictions)]
    return Step(*sides)


_STABLE_ERRORS = 0.001


def proven(step: Step, quantity: str, progress: float, asks: tuple[bool, bool] = (True, True)) -> tuple[bool, bool]:
    """Whether a quantity is proven to be within its default threshold, and beyond it.

    Args:
        step: so far.
        quantity: its name.
        progress: requests by those that the step asks for.
        asks: which of the two is asked; the other is False.
    """
    if quantity == "error_rate":
        found = contrast(step.errors, step.requests, step.stable_errors, step.of_stable)
        within, beyond = found.proves(0.01, -1, MISS, progress), found.proves(0.01, 1, EACH, progress)
        return bool(within), bool(beyond)
    if quantity == "prediction_distance":
        tally = Tally(step.predictions, step.requests, step.stable_predictions, step.of_stable)
        apart = distance.compared(tally)
        return (
            asks[0] and distance.is_within(apart, 0.1, MISS, progress),
            asks[1] and distance.is_beyond(apart, 0.1, EACH, progress),
        )
    p, rule = RULES[quantity]
    tally = Tally(step.seconds, step.requests, step.stable_seconds, step.of_stable)
    both = times.Shares.of(LATENCY, tally, compared=True)
    question = times.relative(rule, p, both, tally)
    return asks[0] and question.proves(1, MISS, progress), asks[1] and question.proves(-1, EACH, progress)


@dataclass
class Ends:
    """How steps ended: what was proven at any look, and after how many requests.

    Attributes:
        passed: requests of the canary when all quantities were proven within for the first time; infinite for never.
        refused: the same of any being proven beyond.
    """

    passed: Floats
    refused: Floats

    @property
    def share_passed(self) -> float:
        """That a step would let go on, had it not been rolled back before."""
        return float((np.isfinite(self.passed) & (self.passed < self.refused)).mean())

    @property
    def share_refused(self) -> float:
        """That were ever proven worse."""
        return float(np.isfinite(self.refused).mean())


def ends(
    draws: int,
    canary: Truth,
    traffic: Traffic,
    quantities: tuple[str, ...],
    asks: tuple[bool, bool],
    *,
    lasts: int = 2,
    at: int = LOOKS,
) -> Ends:
    """Simulate a step many times, each held for `lasts` times as long as it is planned, with a number of looks."""
    rng = np.random.default_rng(20260301)
    longer = replace(traffic, windows=lasts * traffic.windows, requests=lasts * traffic.requests)
    looks = sorted({math.ceil(place * longer.windows / at) for place in range(1, at + 1)})
    passed, refused = np.full(draws, np.inf), np.full(draws, np.inf)
    for draw in range(draws):
        step = made(rng, canary, longer, quantities)
        for look in looks:
            so_far = step.upto(look)
            answered = float(so_far.requests.sum())
            if answered < 1 or not so_far.of_stable.sum():
                continue
            found = [proven(so_far, quantity, answered / traffic.requests, asks) for quantity in quantities]
            if answered >= traffic.requests and all(within for within, _ in found):
                passed[draw] = min(passed[draw], answered)
            if any(beyond for _, beyond in found):
                refused[draw] = answered
                break
            if asks == (True, False) and np.isfinite(passed[draw]):
                break
    return Ends(passed, refused)


SHARES = (0.01, 0.5)
PLANNED = 6000.0
# What requests are like: each by itself, in bursts and slow spells of both models, and in spells of one of them alone.
KINDS = {
    "each by itself": (Traffic(), 0.0),
    "bursts, and spells of both": (Traffic(bursts=0.7, shared=0.3), 0.0),
    "spells of both, and of each alone": (Traffic(shared=0.3), 0.1),
    "the same, ten windows long": (Traffic(shared=0.3, lasting=0.9), 0.1),
}
# Exactly at the default thresholds.
AT = {
    "p50_ms": Truth(median_s=0.02 * 1.2),
    "p99_ms": Truth(median_s=0.02 * 1.5),
    "error_rate": Truth(errors=0.011),
    "prediction_distance": Truth(mean=0.5 + 0.2 * 0.2513),  # 2 Phi(shift / 2 sd) - 1 = 0.1
}
WORSE = {
    "30 % slower": ("p50_ms", Truth(median_s=0.026)),
    "99th percentile 1.8 times": ("p99_ms", Truth(sd=0.75)),
    "2 % errors": ("error_rate", Truth(errors=0.021)),
    "5 % errors": ("error_rate", Truth(errors=0.051)),
    "predictions collapsed": ("prediction_distance", Truth(spread=0.01)),
    "predictions shifted by half a deviation": ("prediction_distance", Truth(mean=0.6)),
}


def traffic_of(kind: str, share: float) -> tuple[Traffic, float]:
    """Traffic of a kind, and what is each model's own."""
    traffic, own = KINDS[kind]
    return replace(traffic, share=share, requests=PLANNED), own


def equal_to_production(draws: int) -> Iterator[str]:
    """How a canary ends that is as good as production, with all default thresholds."""
    yield _row("requests come", "the canary has", "rolled back", "goes on", "requests, median", "95 %")
    yield _row(*("---" for _ in range(6)))
    for kind in KINDS:
        for share in SHARES:
            traffic, own = traffic_of(kind, share)
            found = ends(draws, Truth(own=own), traffic, QUANTITIES, (True, True))
            cells = (_percent(found.share_refused), _percent(found.share_passed), *_requests(found.passed))
            yield _row(kind, f"{share:.0%}", *cells)


def at_a_threshold(draws: int) -> Iterator[str]:
    """How often a canary goes on that lies exactly at a threshold."""
    yield _row("requests come", "the canary has", *QUANTITIES)
    yield _row(*("---" for _ in range(2 + len(QUANTITIES))))
    for kind in KINDS:
        for share in SHARES:
            traffic, own = traffic_of(kind, share)
            passed = [ends(draws, replace(AT[each], own=own), traffic, (each,), (True, False)) for each in QUANTITIES]
            yield _row(kind, f"{share:.0%}", *(_percent(each.share_passed) for each in passed))


def worse(draws: int) -> Iterator[str]:
    """How soon a worse canary is found."""
    yield _row("the canary is", "it has", "found", "requests, median", "95 %")
    yield _row(*("---" for _ in range(5)))
    for name, (quantity, truth) in WORSE.items():
        for share in SHARES:
            traffic, _ = traffic_of("each by itself", share)
            found = ends(draws // 4, truth, traffic, (quantity,), (False, True), at=60)
            yield _row(name, f"{share:.0%}", _percent(found.share_refused), *_requests(found.refused))


TABLES = {"equal": equal_to_production, "threshold": at_a_threshold, "worse": worse}


def _requests(found: Floats) -> tuple[str, str]:
    cells = []
    for share in (0.5, 0.95):
        value = float(np.quantile(found, share, method="higher"))
        cells.append(f"{float(f'{value:.2g}'):,.0f}" if math.isfinite(value) else "more")
    return cells[0], cells[1]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    draws, *names = sys.argv[1:] or ["1000"]
    for name in names or TABLES:
        for line in TABLES[name](int(draws)):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        sys.stdout.write("\n")
