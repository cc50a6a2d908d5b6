"""Responses of queues of which theory knows all, in segments that begin with an empty server."""

import numpy as np

from weighbridge.components.evaluator.latency.under_load.responses import Responses

LEAD = 0.2


def sojourns(rng: np.random.Generator, segments: int, requests: int, load: float, service: str) -> np.ndarray:
    """Times from arrival to answer of an M/M/1 or M/D/1 queue with a mean service of one [segments, requests].

    By Lindley's recursion (Proceedings of the Cambridge Philosophical Society 48, 1952).
    """
    between = rng.exponential(1 / load, (segments, requests))
    served = rng.exponential(1.0, (segments, requests)) if service == "M" else np.ones((segments, requests))
    steps = np.concatenate([np.zeros((segments, 1)), served[:, :-1] - between[:, 1:]], axis=1).cumsum(axis=1)
    return steps - np.minimum.accumulate(np.minimum(steps, 0), axis=1) + served


def responses(times: np.ndarray, failed: np.ndarray | None = None) -> Responses:
    """As if measured [segments, requests], without the lead of each segment."""
    lead = int(LEAD * times.shape[1])
    kept = times[:, lead:]
    segments = np.repeat(np.arange(len(kept)), kept.shape[1])
    return Responses(
        times=kept.ravel(),
        failed=np.zeros(kept.size, np.bool_) if failed is None else failed[:, lead:].ravel(),
        segments=segments,
        bodies=np.arange(kept.size) % 1,
        queued=np.zeros(kept.size, np.bool_),
        lag=np.zeros(kept.size),
        seconds=np.full(len(kept), float(kept.shape[1])),
    )
