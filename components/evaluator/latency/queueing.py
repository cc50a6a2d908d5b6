"""How long requests wait that arrive at random: a queue before servers, simulated from service times.

Times are in ms. Knows nothing of models.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from weighbridge.components.evaluator.aliases import Floats

SATURATED = 0.96  # utilisation beyond which queues are so long and slow that no simulation of this size tells how long
_QUANTILE = 0.99
_RUN = 2048  # requests in a row
_INDEPENDENT = 100  # stretches of a queue that have forgotten each other, at least
_FEWEST, _MOST = 2**13, 2**20  # requests; 100 independent stretches of a saturated queue are 2**17
_UNSETTLED = 8  # one in so many requests of a run, the first ones, is not counted
_CELLS = 2**19, 2**22  # numbers at once, with one server and with several: then each step has its cost


@dataclass(frozen=True)
class Requests:
    """Random requests, the same for all queues that are compared: what differs then is what they do with them.

    Attributes:
        gaps: to the next arrival [runs, requests], in units of the mean gap: exponential, so arrivals are Poisson.
        ranks: rank of the service time among all service times [runs, requests], between 0 and 1.
        waits: whether the queue is found waiting at the begin of a run [runs], as a rank between 0 and 1.
        longs: how long it is then [runs], in units of its mean.
    """

    gaps: Floats
    ranks: Floats
    waits: Floats
    longs: Floats


def requests(utilisation: float, times: int = 1, seed: int = 0, least: int = 0) -> Requests:
    """Enough requests that how they happened to arrive matters little.

    The queue at an arrival is like the one before; it takes about 2/(1 - utilisation)² requests to forget it.

    Args:
        utilisation: of the servers.
        times: how many times as many, for a value that stands alone.
        seed: of the random numbers.
        least: how many there are at least.
    """
    idle = 1 - min(utilisation, SATURATED)
    count = min(_MOST, max(least, times * math.ceil(max(_FEWEST, 2 * _INDEPENDENT / idle**2))))
    rng = np.random.default_rng(seed)
    shape = math.ceil(count / _RUN), _RUN
    runs = shape[0]
    return Requests(rng.exponential(1, shape), rng.random(shape), rng.random(runs), rng.exponential(1, runs))


def utilisation(services: Floats, rate_rps: float, servers: int) -> float:
    """Share of their time that servers are busy; from 1 on the queue grows without end.

    Args:
        services: ms that a request keeps a server busy [calls].
        rate_rps: requests that arrive in a second.
        servers: that answer one request at a time each.
    """
    return rate_rps * float(services.mean()) / 1000 / servers


def response_p99(services: Sequence[Floats], rate_rps: float, servers: int, drawn: Requests) -> Floats:
    """The time from its arrival to its answer that 99 % of the requests take at most, in the long run.

    Args:
        services: of each of several queues what requests keep a server busy, ms, ascending [calls]: each request
            takes one of them at random.
        rate_rps: requests that arrive in a second.
        servers: that answer one request at a time each, first come, first served.
        drawn: the requests.

    Returns:
        ms [queues]; infinite where the servers are too few.
    """

    def taken(each: Floats) -> Floats:
        return each[(drawn.ranks * len(each)).astype(np.intp)]

    return _p99_of(services, taken, rate_rps, servers, drawn)


def replayed_p99(services: Sequence[Floats], rate_rps: float, servers: int, drawn: Requests) -> Floats:
    """As `response_p99`, where the requests take the service times in the order that they have.

    Args:
        services: ms, of each of several queues [calls]; the runs begin all over them, and go on with the first after
            the last.
        rate_rps: requests that arrive in a second.
        servers: that answer one request at a time each.
        drawn: the requests.
    """
    runs, length = drawn.gaps.shape

    def taken(each: Floats) -> Floats:
        begins = np.linspace(0, len(each), runs, endpoint=False).astype(np.intp)
        return each[(begins[:, None] + np.arange(length)) % len(each)]

    return _p99_of(services, taken, rate_rps, servers, drawn)


def _p99_of(
    services: Sequence[Floats], taken: Callable[[Floats], Floats], rate_rps: float, servers: int, drawn: Requests
) -> Floats:
    found = np.full(len(services), math.inf)
    stable = [number for number, each in enumerate(services) if utilisation(each, rate_rps, servers) < 1]
    size = max(1, _CELLS[servers > 1] // drawn.gaps.size)
    for begin in range(0, len(stable), size):
        chunk = stable[begin : begin + size]
        starts = np.stack([_starts(services[each], rate_rps, servers, drawn) for each in chunk])
        times = np.stack([taken(services[each]) for each in chunk])
        found[chunk] = _p99(responses(times, 1000 / rate_rps * drawn.gaps, servers, starts))
    return found


def _p99(found: Floats) -> Floats:
    """Over all runs of each queue [queues, runs, requests]."""
    settled = found[..., found.shape[-1] // _UNSETTLED :].reshape(len(found), -1)
    place = math.ceil(_QUANTILE * settled.shape[1]) - 1
    p99: Floats = np.partition(settled, place, axis=1)[:, place]
    return p99


def responses(services: Floats, gaps: Floats, servers: int, starts: Floats) -> Floats:
    """Time from arrival to answer of each request.

    With one server, the wait of a request is W' = max(0, W + S - A) of the wait W and the service time S of the one
    before and the gap A between them: Lindley, The theory of queues with a single server, 1952. Its sums are taken at
    once: W is how far S - A, added up, lies above its least value so far. With several servers, it is the least of what
    each of them still has to do: Kiefer and Wolfowitz, On the theory of queues with many servers, 1955.

    Args:
        services: ms [queues, runs, requests].
        gaps: ms from each arrival to the next [runs, requests].
        servers: how many.
        starts: ms that all servers are busy still when the first request arrives [queues, runs].

    Returns:
        ms [queues, runs, requests].
    """
    if servers == 1:
        steps = services - gaps
        added = np.empty_like(services)
        added[..., 0] = starts
        np.cumsum(steps[..., :-1], axis=-1, out=added[..., 1:])
        added[..., 1:] += starts[..., None]
        waits = added - np.minimum(np.minimum.accumulate(added, axis=-1), 0)
        return waits + services
    found = np.empty_like(services)
    free = np.repeat(starts[None], servers, axis=0)  # when each server will be: [servers, queues, runs]
    now = np.zeros(gaps.shape[0])
    for number in range(gaps.shape[1]):
        first = free.argmin(axis=0)[None]
        end = np.maximum(np.take_along_axis(free, first, 0)[0], now) + services[..., number]
        np.put_along_axis(free, first, end[None], 0)
        found[..., number] = end - now
        now = now + gaps[:, number]
    return found


def _starts(services: Floats, rate_rps: float, servers: int, drawn: Requests) -> Floats:
    """How long a request would wait at the begin of each run [runs]: about as in the long run.

    How often it waits at all is Erlang's C formula, how long then exponential with the mean of Pollaczek and Khinchine,
    for several servers as Allen and Cunneen have it. With one server both are exact but for the exponential form.
    """
    mean, square = float(services.mean()), float((services**2).mean())
    busy = utilisation(services, rate_rps, servers)
    blocked = 1.0
    for server in range(1, servers + 1):  # Erlang's B formula
        blocked = busy * servers * blocked / (server + busy * servers * blocked)
    waiting = blocked / (1 - busy * (1 - blocked))
    wait = mean / servers / (1 - busy) * square / mean**2 / 2 if mean else 0.0
    return np.where(drawn.waits < waiting, wait * drawn.longs, 0.0)
