"""Random numbers that depend on a seed and a place alone, never on what was drawn before or how much at a time."""

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def generator(seed: int, purpose: str, number: int = 0) -> np.random.Generator:
    """A generator of its own for each purpose and each block."""
    key = (*purpose.encode(), number)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def hashed(seed: int, purpose: str, *keys: npt.NDArray[Any]) -> Floats:
    """Numbers in [0, 1) that always come out the same for the same keys: splitmix64's finaliser, Steele et al. 2014.

    Args:
        seed: the stream's seed.
        purpose: what the numbers are for.
        keys: whole numbers at or above zero, of one shape.
    """
    base = np.random.SeedSequence(seed, spawn_key=tuple(purpose.encode())).generate_state(1, np.uint64)[0]
    state = np.full(keys[0].shape, base)
    for key in keys:
        state = state + (key.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return (state >> np.uint64(11)) * 2.0**-53


def cumulative(weights: Floats) -> Floats:
    """Running sums over the last axis, ending at 1."""
    sums = np.cumsum(weights, axis=-1)
    return sums / sums[..., -1:]


def pick(sums: Floats, uniform: Floats) -> Ints:
    """The places in `sums`, as `cumulative` gives them, that numbers in [0, 1) fall into; never one of weight zero."""
    return np.searchsorted(sums, uniform, side="right")
