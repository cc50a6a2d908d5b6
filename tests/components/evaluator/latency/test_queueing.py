"""The queue against what is known of queues in closed form, and the two recursions against each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from weighbridge.components.evaluator.latency.queueing import (
    SATURATED,
    replayed_p99,
    requests,
    response_p99,
    responses,
    utilisation,
)

CALLS = 20_000
# Exponential and constant times of mean 1 ms: at so many thousand requests/s the utilisation is as much.
EXPONENTIAL = -np.log1p(-(np.arange(CALLS) + 0.5) / CALLS)
CONSTANT = np.ones(100)


@pytest.mark.parametrize("busy", [0.1, 0.6, 0.9])
def test_one_server_and_exponential_times(busy: float) -> None:
    """M/M/1: responses are exponential, at the rate that the server has left."""
    found = response_p99([EXPONENTIAL], 1000 * busy, 1, requests(busy, 64))[0]
    assert found == pytest.approx(-math.log(0.01) / (1 - busy), rel=0.01 / (1 - busy))


@pytest.mark.parametrize(("servers", "busy"), [(2, 0.8), (16, 0.9)])
def test_several_servers_and_exponential_times(servers: int, busy: float) -> None:
    """M/M/c: who waits, by Erlang's C formula, waits exponentially long."""
    offered = servers * busy
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = offered * blocked / (server + offered * blocked)
    waiting, left = blocked / (1 - busy * (1 - blocked)), servers - offered

    def beyond(t: float) -> float:
        both = (left * math.exp(-t) - math.exp(-left * t)) / (left - 1)  # a wait and a service
        return (1 - waiting) * math.exp(-t) + waiting * both - 0.01

    found = response_p99([EXPONENTIAL], 1000 * offered, servers, requests(busy, 16))[0]
    assert found == pytest.approx(brentq(beyond, 0.1, 500), rel=0.04)


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("times", [CONSTANT, EXPONENTIAL, np.sort(np.random.default_rng(0).lognormal(0, 0.5, 500))])
def test_mean_wait_before_one_server(busy: float, times: np.ndarray) -> None:
    """M/G/1: the mean wait is the formula of Pollaczek and Khinchine."""
    rate = busy / times.mean()
    drawn = requests(busy, 64)
    taken = times[(drawn.ranks * len(times)).astype(int)][None]
    waits = responses(taken, drawn.gaps / rate, 1, np.zeros((1, len(drawn.gaps)))) - taken
    assert waits[..., 256:].mean() == pytest.approx(rate * (times**2).mean() / 2 / (1 - busy), rel=0.02 / (1 - busy))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.floats(0.1, 1.5), st.integers(0, 10**6))
def test_both_recursions_are_the_queue_request_by_request(servers: int, busy: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times, gaps = rng.exponential(1, (1, 1, 60)), rng.exponential(1 / busy / servers, (1, 60))
    start = rng.exponential(1)
    found = responses(times, gaps, servers, np.array([[start]]))[0, 0]
    arrivals = np.concatenate([[0.0], np.cumsum(gaps[0])[:-1]])
    free = [start] * servers
    for number, arrival in enumerate(arrivals):
        server = free.index(min(free))
        free[server] = max(free[server], arrival) + times[0, 0, number]
        assert found[number] == pytest.approx(free[server] - arrival)


def test_a_little_slower_is_much_longer_where_servers_are_busy() -> None:
    """Busy 60 % of the time, and with calls that take 1.4 times as long: responses take 3.6 times as long."""
    times = np.exp(0.3 * norm.ppf((np.arange(CALLS) + 0.5) / CALLS))
    rate = 600 / times.mean()
    found = [response_p99([times, 1.4 * times], rate, 1, requests(0.84, 64, seed)) for seed in range(4)]
    before, after = np.mean(found, axis=0)
    assert after / before == pytest.approx(3.6, rel=0.05)


def test_the_queue_begins_as_it_goes_on() -> None:
    """No request of a run is met by a shorter queue than later ones: short runs tell of a long queue, too."""
    drawn = requests(0.95, 8)
    assert response_p99([EXPONENTIAL], 950, 1, drawn)[0] == pytest.approx(-math.log(0.01) / 0.05, rel=0.15)


def test_too_few_servers_let_requests_wait_without_end() -> None:
    found = response_p99([CONSTANT, 2 * CONSTANT, 3 * CONSTANT], 500, 1, requests(0.5))
    assert math.isfinite(found[0])
    assert np.isinf(found[1:]).all()
    assert math.isfinite(response_p99([3 * CONSTANT], 500, 2, requests(0.75))[0])
    assert utilisation(3 * CONSTANT, 500, 2) == pytest.approx(0.75)


def test_slow_calls_in_a_row_make_longer_queues_than_the_same_calls_apart() -> None:
    together = np.repeat([1.0, 2.5], [1600, 400])
    apart = np.random.default_rng(0).permutation(together)
    drawn = requests(0.65, 16, least=2000)
    in_a_row, mixed = replayed_p99([together, apart], 500, 1, drawn)
    assert in_a_row > 3 * mixed
    assert mixed == pytest.approx(response_p99([np.sort(together)], 500, 1, drawn)[0], rel=0.15)


def test_requests_are_the_same_every_time_and_more_where_queues_are_slow() -> None:
    assert np.array_equal(requests(0.5).gaps, requests(0.5).gaps)
    assert requests(0.95).gaps.size > requests(0.9).gaps.size > requests(0.5).gaps.size
    assert requests(0.9999).gaps.size == requests(SATURATED).gaps.size
