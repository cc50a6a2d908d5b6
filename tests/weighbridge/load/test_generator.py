"""The generator against servers whose answers are known: nothing is lost, and times count from the plan."""

import numpy as np
import pytest

from tests.load_server import load_server
from weighbridge.load.answers import Answers
from weighbridge.load.generator import Generator
from weighbridge.load.plan import even, poisson
from weighbridge.load.target import Target

_BODIES = [b'{"instances":[{"x":1}]}']


def load(rate: float = 200, seconds: float = 1.5, timeout_s: float = 5.0, connections: int = 16, **server) -> Answers:
    with load_server(**server) as url, Generator(Target(f"{url}/v1"), _BODIES, connections) as generator:
        return generator.run(poisson(rate, seconds, 1, np.random.default_rng(0)), timeout_s)


def test_every_request_of_the_plan_is_answered_and_timed_from_when_it_was_planned() -> None:
    plan = poisson(200, 1.5, 1, np.random.default_rng(0))
    found = load()
    assert (found.planned == plan.times).all()
    assert (found.status == 200).all()
    assert (found.sent >= found.planned).all()
    assert found.latency_ms == pytest.approx(1000 * (found.done - found.planned))
    assert found.errors() == {}


def test_a_server_that_stalls_one_second_in_ten_shows_it_in_the_99th_percentile_as_theory_says() -> None:
    # Here a tenth of the time: who comes in a stall waits for what is left of it, evenly from 0 to all of it. So of all
    # requests one in a hundred waits for nine tenths of a stall or longer, and one in twenty for half of it.
    stall = 0.2
    with load_server(stall_s=stall, period_s=10 * stall) as url, Generator(Target(url), _BODIES, 512) as generator:
        found = generator.run(even(300, 2 * 10 * stall))
    p99, p95 = np.quantile(found.latency_ms, [0.99, 0.95])
    assert p99 == pytest.approx(900 * stall, rel=0.2)
    assert p95 == pytest.approx(500 * stall, rel=0.3)
    # A client that waits for each answer sends one request a stall: its 99th percentile knows of none.
    assert (found.latency_ms > 100 * stall).mean() > 0.05


@pytest.mark.parametrize("connections", [2, 64])
def test_a_queue_waits_as_long_as_theory_says_wherever_it_waits(connections: int) -> None:
    # M/D/1: the mean wait is rho s / (2 (1 - rho)) (Pollaczek and Khinchine); half the load is with the server.
    found = load(rate=100, seconds=4, service_ms=5, connections=connections)
    quickest = float(np.quantile(found.latency_ms, 0.05))  # the service, and what the machine adds to it
    load_ = quickest / 1000 * 100
    expected = quickest + load_ * quickest / (2 * (1 - load_))
    assert found.latency_ms.mean() == pytest.approx(expected, rel=0.35)
    assert bool(found.queued.any()) is (connections == 2)


@pytest.mark.parametrize(("fault", "error"), [("error", "503"), ("drop", "connection lost"), ("hang", "timed out")])
def test_what_fails_is_counted_and_never_dropped(fault: str, error: str) -> None:
    found = load(fault=fault, every=10, timeout_s=1.0)
    assert found.errors() == {error: int(found.failed.sum())}
    assert found.failed.mean() == pytest.approx(0.1, abs=0.02)
    # However soon it failed, it has not been answered.
    assert (found.latency_ms[found.failed] == 1000.0).all()
    assert np.quantile(found.latency_ms, 0.99) == 1000.0


def test_what_a_server_says_of_a_failure_is_kept() -> None:
    assert load(fault="error", every=10).said == {503: '{"predictions":[0.5]}'}


@pytest.mark.parametrize("server", [{"chunked": 1}, {"close": 1}])
def test_answers_in_chunks_and_connections_that_close_are_read(server: dict) -> None:
    found = load(seconds=0.5, connections=4, **server)
    assert (found.status == 200).all()


def test_more_than_the_server_can_answer_ends_with_what_was_never_sent() -> None:
    found = load(rate=400, seconds=1, service_ms=10, connections=2, timeout_s=0.5)
    assert found.lasted_s < 5
    assert np.isnan(found.sent).any()  # it waited for a connection until it had timed out
    assert set(found.errors()) == {"timed out"}
    assert 0.5 < found.failed.mean() < 1


def test_a_server_that_is_not_there_is_an_error_and_one_that_goes_away_loses_the_rest() -> None:
    with load_server() as url, Generator(Target(url), _BODIES, 4):
        pass
    with Generator(Target(url), _BODIES, 4) as generator, pytest.raises(OSError, match=r"refused|Connect"):
        generator.run(even(10, 1))
    found = load(seconds=2, lasting_s=1, timeout_s=1.0)
    assert set(found.errors()) == {"connection lost"}
    assert 0.2 < found.failed.mean() < 0.9


def test_a_connection_that_was_closed_as_idle_is_opened_again_between_segments() -> None:
    with load_server(close=1) as url, Generator(Target(url), _BODIES, 4) as generator:
        for _ in range(3):
            assert (generator.run(even(50, 0.2)).status == 200).all()


def test_a_plan_without_requests_ends_at_once() -> None:
    with load_server() as url, Generator(Target(url), _BODIES) as generator:
        assert len(generator.run(poisson(1e-9, 0.1, 1, np.random.default_rng(0)))) == 0


def test_bodies_are_sent_in_turn() -> None:
    rng = np.random.default_rng(0)
    first = poisson(100, 1, 3, rng)
    second = poisson(100, 1, 3, rng, first=len(first))
    bodies = np.append(first.bodies, second.bodies)
    assert (np.diff(bodies) % 3 == 1).all()
    gaps = np.diff(np.append(first.times, 1 + second.times))
    assert gaps.mean() == pytest.approx(0.01, rel=0.25)
    assert gaps.std() == pytest.approx(0.01, rel=0.35)  # as an exponential's


@pytest.mark.parametrize(("bodies", "connections"), [([], 1), ([b""], 0), ([b""], 513)])
def test_what_no_generator_can_be_made_of_is_refused(bodies: list, connections: int) -> None:
    with pytest.raises(ValueError, match="bodies"):
        Generator(Target("http://127.0.0.1:1"), bodies, connections)


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_no_rate_is_no_plan(rate: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        poisson(rate, 1, 1, np.random.default_rng(0))
