"""What a drift gate can find, foretold and as the gate finds it."""

import numpy as np
import pytest

from weighbridge.components.data_validator.chance import effect
from weighbridge.components.data_validator.distances import Compared
from weighbridge.components.data_validator.findable import Findable, equal_shares

ROUNDS = 300


def drawn(rng: np.random.Generator, measure: str, ours: np.ndarray, theirs: np.ndarray, rows: tuple[int, int]):
    counted = [rng.multinomial(count, shares) / count for count, shares in zip(rows, (ours, theirs), strict=True)]
    return Compared(measure, *counted, rows)


@pytest.mark.parametrize("measure", ["jensen_shannon", "linf"])
@pytest.mark.parametrize(("values", "rows"), [(10, (2000, 5000)), (30, (500, 500))])
def test_what_chance_brings_is_foretold(measure: str, values: int, rows: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    shares = equal_shares(values)
    foretold = Findable(measure, 0.02, shares, rows)
    found = np.array([drawn(rng, measure, shares, shares, rows).distance() for _ in range(ROUNDS)])
    assert found.mean() == pytest.approx(foretold.expected, rel=0.08)
    assert np.mean(found > foretold.beyond_chance) <= 0.03


def test_thirty_values_of_five_hundred_rows_drown_a_limit_of_two_hundredths() -> None:
    assert Findable("jensen_shannon", 0.02, equal_shares(30), (500, 500)).expected == pytest.approx(0.0209, abs=1e-4)
    assert Findable("jensen_shannon", 0.02, equal_shares(30), (500, 500)).drowned
    assert not Findable("jensen_shannon", 0.02, equal_shares(30), (50_000, 50_000)).drowned
    assert Findable("linf", 0.02, equal_shares(4), (200, 200)).drowned
    assert not Findable("linf", 0.1, equal_shares(4), (2000, 2000)).drowned


def shifted(shares: np.ndarray, by: float) -> np.ndarray:
    """The shares with so much of the rows moved to the first half of the values."""
    half = len(shares) // 2
    moved = shares.copy()
    moved[:half] += by / half
    moved[half:] -= by / (len(shares) - half)
    return moved


@pytest.mark.parametrize(("values", "rows", "limit"), [(10, (2000, 5000), 0.005), (30, (1000, 1000), 0.005)])
def test_a_divergence_that_is_said_to_be_found_is(values: int, rows: tuple[int, int], limit: float) -> None:
    shares = equal_shares(values)
    least = Findable("jensen_shannon", limit, shares, rows).least()
    candidates = np.linspace(0, 0.49, 500)
    distances = [Compared("jensen_shannon", shifted(shares, by), shares, rows).distance() for by in candidates]
    ours = shifted(shares, float(candidates[np.searchsorted(distances, least)]))
    rng = np.random.default_rng(1)
    effects = [effect(drawn(rng, "jensen_shannon", ours, shares, rows)) for _ in range(ROUNDS)]
    assert np.mean([each.proven and each.size > limit for each in effects]) == pytest.approx(0.95, abs=0.05)


def test_a_share_that_is_said_to_be_found_is() -> None:
    shares, rows = np.array([0.5, 0.3, 0.2]), (1500, 1500)
    least = Findable("linf", 0.03, shares, rows).least()
    ours = shares + np.array([least, -least / 2, -least / 2])
    rng = np.random.default_rng(2)
    effects = [effect(drawn(rng, "linf", ours, shares, rows)) for _ in range(ROUNDS)]
    assert np.mean([each.proven and each.size > 0.03 for each in effects]) >= 0.93


def test_more_rows_find_less() -> None:
    for measure in ("linf", "jensen_shannon"):
        few, many = (Findable(measure, 0.01, equal_shares(5), (rows, rows)) for rows in (500, 50_000))
        assert few.least() > many.least() > 0.01


@pytest.mark.parametrize(("measure", "limit"), [("linf", 0.05), ("jensen_shannon", 0.005)])
def test_how_often_a_gate_errs_is_foretold(measure: str, limit: float) -> None:
    shares, rows = np.array([0.5, 0.3, 0.2]), (1500, 3000)
    foretold = Findable(measure, limit, shares, rows)
    candidates = np.array([shares + np.array([by, -by / 2, -by / 2]) for by in np.linspace(0, 0.2, 2001)])
    distances = Compared(measure, candidates, np.broadcast_to(shares, candidates.shape), rows)
    ours = candidates[np.searchsorted(distances.measured(distances.ours, distances.theirs), limit)]
    rng = np.random.default_rng(3)

    def refused(current: np.ndarray) -> float:
        effects = [effect(drawn(rng, measure, current, shares, rows)) for _ in range(ROUNDS)]
        return float(np.mean([each.proven and each.size > limit for each in effects]))

    assert 1 - refused(ours) == pytest.approx(foretold.false_pass, abs=0.1)
    assert refused(shares) <= foretold.false_refusal + 0.02
