"""How often the proofs of a live canary are wrong, and how many requests they take: simulated, the truth being known.

`python -m tests.weighbridge.rollout.rates 2000` prints the tables of docs/explanation/canary.md. Requests come in the
same windows for both models; a look follows every few of them, and what was proven at any look counts.
"""

import math
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
LOOKS = 30
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
        empty = np.zeros((many, 2))
        seconds, predictions = empty, empty
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
    draws: int, canary: Truth, traffic: Traffic, quantities: tuple[str, ...], asks: tuple[bool, bool], *, lasts: int = 2
) -> Ends:
    """Simulate a step many times, each held for `lasts` times as long as it is planned."""
    rng = np.random.default_rng(20260301)
    longer = replace(traffic, windows=lasts * traffic.windows, requests=lasts * traffic.requests)
    looks = sorted({math.ceil(place * longer.windows / LOOKS) for place in range(1, LOOKS + 1)})
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
