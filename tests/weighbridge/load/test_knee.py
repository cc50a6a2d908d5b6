"""The knee of servers whose own is known: by a rate that breaks them, and by chance near it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.load.knee import Knee, Tried, Try, conclude, search


def sought(knee_rps: float, start: float = 10.0, steps: int = 30, unsure: float = 0.0, seed: int = 0) -> Knee:
    """A search on a server that breaks at `knee_rps`, and near it as chance has it."""
    rng = np.random.default_rng(seed)
    searching = search(start, 1.5, 0.1, steps)
    asked = next(searching)
    while True:
        near = abs(np.log(asked.rate_rps / knee_rps)) < unsure
        held = bool(rng.random() < 0.5) if near else asked.rate_rps <= knee_rps
        try:
            asked = searching.send(Tried(asked.rate_rps, held=held, surely=not near))
        except StopIteration as end:
            return end.value


@given(st.floats(0.1, 1e5), st.floats(0.5, 500))
def test_the_highest_rate_is_found_to_a_tenth_from_wherever_it_is_sought(knee_rps: float, start: float) -> None:
    found = sought(knee_rps, start, steps=100)
    assert found.low <= found.rate_rps <= knee_rps < found.high or found.rate_rps == 0
    if found.rate_rps:
        assert knee_rps <= found.rate_rps * 1.11
    else:
        assert knee_rps < start / 500


@pytest.mark.parametrize("seed", range(20))
def test_near_the_knee_chance_decides_and_what_is_certain_bounds_it(seed: int) -> None:
    found = sought(100, unsure=0.2, seed=seed)
    assert found.low <= 100 <= found.high
    assert 75 <= found.rate_rps <= 125


def test_what_held_is_confirmed_for_longer_and_given_up_where_it_had_held_by_luck() -> None:
    searching = search(10, 2, 0.1, 20)
    asked, tried = next(searching), []
    while asked.longer == 1.0:
        tried.append(asked.rate_rps)
        asked = searching.send(Tried(asked.rate_rps, held=asked.rate_rps <= 30, surely=asked.rate_rps > 30))
    first = asked
    assert (first.longer, 27 < first.rate_rps <= 30) == (3.0, True)
    again = searching.send(Tried(first.rate_rps, held=False))
    assert again == Try(first.rate_rps / 1.1, 3.0)
    with pytest.raises(StopIteration) as ended:
        searching.send(Tried(again.rate_rps, held=True, surely=True))
    assert ended.value.value.rate_rps == pytest.approx(again.rate_rps)


def test_a_moment_of_trouble_is_not_the_end_of_a_server() -> None:
    searching = search(10, 2, 0.1, 20)
    assert next(searching) == Try(10)
    assert searching.send(Tried(10, held=False)) == Try(10)  # once more
    assert searching.send(Tried(10, held=True, surely=True)) == Try(20)


def test_a_generator_at_its_end_leaves_the_upper_end_open() -> None:
    searching = search(10, 2, 0.1, 20)
    next(searching)
    asked = searching.send(Tried(10, held=True, surely=True))
    asked = searching.send(Tried(20, held=False, limited=True))
    assert asked == Try(10, 3.0)
    with pytest.raises(StopIteration) as ended:
        searching.send(Tried(10, held=True, surely=True))
    found = ended.value.value
    assert (found.rate_rps, found.low, found.high, found.limited) == (10, 10, float("inf"), True)


def test_nothing_holds_on_a_server_that_always_fails() -> None:
    found = sought(1e-9, steps=100)
    assert (found.rate_rps, found.low) == (0, 0)
    assert len(found.tried) < 30


def test_no_more_rates_are_tried_than_allowed() -> None:
    assert len(sought(1e9, steps=7).tried) == 7


def test_a_rate_above_one_that_surely_failed_is_not_taken_for_certain() -> None:
    found = conclude([Tried(10, True, True), Tried(20, False, True), Tried(40, True, True)])
    assert (found.low, found.rate_rps, found.high) == (10, 10, 20)
