"""When requests are sent: drawn before the first of them, so that no answer decides when the next one goes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Plan:
    """A segment of load.

    Attributes:
        times: seconds from the segment's begin at which each request is to be sent [requests], ascending.
        bodies: number of the body that each sends [requests].
        seconds: that the segment lasts.
    """

    times: Floats
    bodies: Index
    seconds: float

    def __len__(self) -> int:
        return len(self.times)


def poisson(rate_rps: float, seconds: float, bodies: int, rng: np.random.Generator, first: int = 0) -> Plan:
    """Requests that arrive independently of each other, as those of many users do.

    The number of arrivals of a Poisson process in a while is drawn, and where they are in it, independently and evenly
    (Kingman, Poisson Processes, 1993, section 2.4).

    Args:
        rate_rps: requests that arrive in a second, on average; more than 0.
        seconds: that it lasts.
        bodies: how many different bodies there are; they are sent in turn.
        rng: draws the times.
        first: number of the first request, where others were sent before.

    Raises:
        ValueError: the rate, the seconds or the number of bodies is not positive.
    """
    if not (rate_rps > 0 and seconds > 0 and bodies > 0):
        raise ValueError(f"no load is {rate_rps} requests/s for {seconds} s of {bodies} bodies: all must be positive")
    count = int(rng.poisson(rate_rps * seconds))
    times = np.sort(rng.uniform(0.0, seconds, count))
    return Plan(times, (first + np.arange(count)) % bodies, seconds)


def even(rate_rps: float, seconds: float, bodies: int = 1) -> Plan:
    """Requests at even distances: for a server whose answers are known, as in a test of the generator itself."""
    times = np.arange(0.0, seconds, 1 / rate_rps)
    return Plan(times, np.arange(len(times)) % bodies, seconds)
