"""Rounds of load on one server by two generators, turn about: what their percentiles come to."""

import json
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from weighbridge.load.generator import Generator
from weighbridge.load.plan import poisson
from weighbridge.load.target import Target

ROOT = Path(__file__).parents[2]
PERCENTILES = ("50.00", "95.00", "99.00", "99.90")
_TIMEOUT_S = 600


@dataclass
class Rounds:
    """Percentiles of rounds, ms.

    Attributes:
        ours: by percentile, one value a round.
        theirs: of LoadGen, likewise.
        lag_ms: by which our generator was late, in the 99th percentile, one value a round.
    """

    ours: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PERCENTILES})
    theirs: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PERCENTILES})
    lag_ms: list[float] = field(default_factory=list)

    def medians(self, percentile: str) -> tuple[float, float]:
        """Over all rounds, ours and theirs."""
        return statistics.median(self.ours[percentile]), statistics.median(self.theirs[percentile])

    def apart(self, percentile: str) -> float:
        """How far the medians are apart, as a share of theirs."""
        ours, theirs = self.medians(percentile)
        return ours / theirs - 1


def compare(
    python: Path, url: str, body: bytes, *, rate_rps: float, queries: int, rounds: int, told: Callable[[str], None]
) -> Rounds:
    """Load a server by both generators, turn about; whoever begins changes each time.

    Args:
        python: of the environment with `mlcommons-loadgen`.
        url: of the server.
        body: of each request.
        rate_rps: at which both send, each by a Poisson process of its own.
        queries: that each sends a round.
        rounds: how many.
        told: is told what each round showed.

    Raises:
        RuntimeError: LoadGen failed, or a request of either did.
    """
    found = Rounds()
    with Generator(Target(url), [body]) as generator:
        generator.run(poisson(rate_rps, 1.0, 1, np.random.default_rng(99)))

        def ours(number: int) -> None:
            answers = generator.run(poisson(rate_rps, queries / rate_rps, 1, np.random.default_rng(number)))
            if answers.failed.any():
                raise RuntimeError(f"requests failed: {answers.errors()}")
            for name in PERCENTILES:
                found.ours[name].append(float(np.quantile(answers.latency_ms, float(name) / 100)))
            found.lag_ms.append(float(np.quantile(answers.lag_ms, 0.99)))

        def theirs(number: int) -> None:
            for name, value in loadgen(python, url, body, rate_rps, queries, number).items():
                found.theirs[name].append(value)

        for number in range(rounds):
            turns: Sequence[Callable[[int], None]] = (ours, theirs) if number % 2 else (theirs, ours)
            for turn in turns:
                turn(number + 1)
            told(f"p99 {found.ours['99.00'][-1]:.2f} ms ours, {found.theirs['99.00'][-1]:.2f} ms LoadGen's")
    return found


def loadgen(python: Path, url: str, body: bytes, rate_rps: float, queries: int, seed: int) -> dict[str, float]:
    """What LoadGen's Server scenario measures: ms by percentile."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python), str(ROOT / "benchmarks/load/loadgen_client.py")]
        command += [url, str(rate_rps), str(queries), str(seed), body.decode(), folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"LoadGen failed: {done.stderr.strip()[-300:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    if told["failed"]:
        raise RuntimeError(f"requests of LoadGen failed: {told['failed']}")
    return told["percentiles"]
