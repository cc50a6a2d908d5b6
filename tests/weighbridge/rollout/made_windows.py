"""Windows of a canary made up with a known truth: what the monitoring would have counted."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from weighbridge.rollout.observed import Counts, Histogram, Window

Floats = npt.NDArray[np.float64]

# As Weighbridge's server has them: each 1.1 times the one before; shares by 0.05.
LATENCY = (*(0.0005 * 1.1**place for place in range(105)), math.inf)
PREDICTION = (-1.0, *np.round(np.arange(0.0, 1.0001, 0.05), 2).tolist(), 2.0, math.inf)
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Truth:
    """What a model does.

    Attributes:
        median_s: median of the time that requests take.
        sd: standard deviation of its logarithm.
        errors: share of failures.
        successes: share of successes.
        mean: of predictions, which are normal.
        spread: of predictions.
        own: standard deviation of the logarithm of what is its own and lasts: its spells.
        begins_with: memory, bytes.
        leaks: bytes a window.
    """

    median_s: float = 0.02
    sd: float = 0.5
    errors: float = 0.001
    successes: float = 0.05
    mean: float = 0.5
    spread: float = 0.2
    own: float = 0.0
    begins_with: float = 5e8
    leaks: float = 0.0


@dataclass(frozen=True)
class Traffic:
    """How requests come.

    Attributes:
        share: of the canary, 0 to 1; above 1 copies for a shadow.
        requests: of the canary in a step, expected.
        windows: of the step.
        shared: standard deviation of the logarithm of what hits both models alike and lasts: slow spells.
        bursts: of the number of requests, as a coefficient of variation.
        lasting: how alike two windows in a row are, 0 to 1.
    """

    share: float = 0.1
    requests: float = 5000
    windows: int = 60
    shared: float = 0.0
    bursts: float = 0.0
    lasting: float = 0.7


def spells(rng: np.random.Generator, windows: int, sd: float, lasting: float) -> Floats:
    """Factors, with mean 1, that resemble those of the windows before; shape [windows]."""
    found = np.empty(windows)
    value = rng.normal(0.0, 1.0)
    for place in range(windows):
        found[place] = value
        value = lasting * value + math.sqrt(1 - lasting**2) * rng.normal(0.0, 1.0)
    return np.asarray(np.exp(sd * found - sd**2 / 2))


def counts_of(rng: np.random.Generator, truth: Truth, requests: int, slow: float, memory: float) -> Counts:
    """What a model does in a window with so many requests, while both are slower by a factor."""
    seconds = shares(np.log(LATENCY), math.log(truth.median_s * slow), truth.sd)
    predictions = shares(np.array(PREDICTION), truth.mean, truth.spread)
    tried = int(rng.binomial(requests, 0.8))
    succeeded = int(rng.binomial(tried, truth.successes))
    return Counts(
        requests=requests,
        errors=int(rng.binomial(requests, min(truth.errors * slow, 1.0))),
        seconds=Histogram(LATENCY, tuple(rng.multinomial(requests, seconds).tolist())),
        predictions={"tips": Histogram(PREDICTION, tuple(rng.multinomial(requests, predictions).tolist()))},
        trials=tried,
        successes=succeeded,
        business={"bought": (tried, succeeded)},
        memory_bytes=memory * float(rng.normal(1.0, 0.01)),
    )


def shares(edges: Floats, mean: float, sd: float) -> Floats:
    """Shares of a normal distribution by bucket."""
    return np.diff(ndtr((edges - mean) / sd), prepend=0.0)


@dataclass
class Made:
    """Windows that are made one step after another.

    Attributes:
        rng: that they are made with.
        stable: what production does.
        canary: what the canary does.
        windows: made so far.
    """

    rng: np.random.Generator
    stable: Truth = field(default_factory=Truth)
    canary: Truth = field(default_factory=Truth)
    windows: list[Window] = field(default_factory=list)

    def step(self, position: int, traffic: Traffic, seconds: float = 15.0) -> "Made":
        """Add a step."""
        rng, many = self.rng, traffic.windows
        shared = spells(rng, many, traffic.shared, traffic.lasting)
        own = spells(rng, many, self.canary.own, traffic.lasting)
        theirs = spells(rng, many, self.stable.own, traffic.lasting)
        rate = traffic.requests / many
        other = rate * ((1 - traffic.share) / traffic.share if traffic.share < 1 else 1.0)
        for place in range(many):
            burst = rng.gamma(1 / traffic.bursts**2, traffic.bursts**2) if traffic.bursts else 1.0
            ours, others = rng.poisson(rate * burst), rng.poisson(other * burst)
            memory = self.canary.begins_with + self.canary.leaks * len(self.windows)
            self.windows.append(
                Window(
                    end=START + timedelta(seconds=seconds * (len(self.windows) + 1)),
                    seconds=seconds,
                    step=position,
                    canary=counts_of(rng, self.canary, int(ours), shared[place] * own[place], memory),
                    stable=counts_of(rng, self.stable, int(others), shared[place] * theirs[place], 5e8),
                )
            )
        return self


def made(seed: int, canary: Any = None, traffic: Traffic | None = None, **changes: Any) -> list[Window]:
    """Windows of a single step, the first."""
    truth = canary if canary is not None else Truth(**changes)
    return Made(np.random.default_rng(seed), canary=truth).step(0, traffic or Traffic()).windows
