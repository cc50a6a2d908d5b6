"""The stated rates of a live canary hold, in simulation: also where requests are no independent draws.

Quick ones see hundreds of draws, slow ones thousands. `tests/weighbridge/rollout/rates.py` has the tables of the page.
"""

import numpy as np
import pytest

from tests.weighbridge.rollout.made_windows import Truth, spells
from tests.weighbridge.rollout.rates import AT, MISS, QUANTITIES, WORSE, ends, traffic_of
from weighbridge.rollout.sequential.contrast import contrast

EVEN, BURSTS, OWN = "each by itself", "bursts, and spells of both", "spells of both, and of each alone"


def tolerance(rate: float, draws: int) -> float:
    """Three standard errors above a rate."""
    return rate + 3 * float(np.sqrt(rate * (1 - rate) / draws))


def shares_at_a_threshold(draws: int, kind: str, share: float) -> dict[str, float]:
    traffic, own = traffic_of(kind, share)
    return {
        each: ends(draws, Truth(**{**vars(AT[each]), "own": own}), traffic, (each,), (True, False)).share_passed
        for each in QUANTITIES
    }


def test_a_canary_at_a_threshold_rarely_goes_on() -> None:
    found = shares_at_a_threshold(40, BURSTS, 0.1)
    assert max(found.values()) <= tolerance(MISS, 40)


def test_a_canary_like_production_goes_on_and_is_not_rolled_back() -> None:
    traffic, own = traffic_of(BURSTS, 0.1)
    found = ends(40, Truth(own=own), traffic, QUANTITIES, (True, True))
    assert found.share_refused <= tolerance(0.05, 40)
    assert found.share_passed >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "share"), [(EVEN, 0.01), (BURSTS, 0.1), (OWN, 0.5)])
def test_at_a_threshold_it_goes_on_no_more_often_than_declared(kind: str, share: float) -> None:
    for quantity, passed in shares_at_a_threshold(350, kind, share).items():
        assert passed <= tolerance(MISS, 350), quantity


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "share"), [(EVEN, 0.5), (BURSTS, 0.01), (OWN, 0.1)])
def test_like_production_it_is_rolled_back_no_more_often_than_declared(kind: str, share: float) -> None:
    traffic, own = traffic_of(kind, share)
    found = ends(350, Truth(own=own), traffic, QUANTITIES, (False, True))
    assert found.share_refused <= tolerance(0.05, 350)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["30 % slower", "5 % errors", "predictions collapsed"])
def test_a_worse_one_is_found_within_the_step(name: str) -> None:
    quantity, truth = WORSE[name]
    traffic, _ = traffic_of(EVEN, 0.1)
    found = ends(100, truth, traffic, (quantity,), (False, True), lasts=1)
    assert found.share_refused >= 0.95


def rare(draws: int, share: float, ours: float, theirs: float, own: float, rng: np.random.Generator) -> float:
    """How often failures are proven to be within 0.01 at any of 30 looks, all draws at once."""
    windows, planned = 120, 3000
    n = rng.poisson(planned / 60, (windows, draws)).astype(np.float64)
    m = rng.poisson(planned / 60 * (1 - share) / share, (windows, draws)).astype(np.float64)
    shared, mine = (np.stack([spells(rng, windows, sd, 0.7) for _ in range(draws)], axis=1) for sd in (0.3, own))
    k = rng.binomial(n.astype(int), np.clip(ours * shared * mine, 0, 1)).astype(np.float64)
    s = rng.binomial(m.astype(int), np.clip(theirs * shared, 0, 1)).astype(np.float64)
    ever = np.zeros(draws, dtype=bool)
    for look in range(4, windows + 1, 4):
        progress = n[:look].sum(axis=0) / planned
        found = contrast(k[:look], n[:look], s[:look], m[:look])
        ever |= found.proves(0.01, -1, MISS, progress) & (progress >= 1)
    return float(ever.mean())


@pytest.mark.parametrize("share", [0.1, *(pytest.param(share, marks=pytest.mark.slow) for share in (0.01, 0.5))])
@pytest.mark.parametrize(("ours", "theirs"), [(0.0101, 0.0001), (0.011, 0.001), (0.06, 0.05)])
def test_rare_failures_at_the_threshold_go_on_no_more_often_than_declared(
    share: float, ours: float, theirs: float
) -> None:
    rng = np.random.default_rng(int(1e4 * share) + int(1e6 * ours))
    assert rare(1000, share, ours, theirs, 0.2, rng) <= tolerance(MISS, 1000)
