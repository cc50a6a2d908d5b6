"""Follows production: a new version is fetched, verified, loaded and warmed up beside the one that answers."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from weighbridge.common.errors import InfrastructureError, WeighbridgeError
from weighbridge.serving.metrics import Metrics
from weighbridge.serving.release import Release, Source
from weighbridge.serving.served import Served, load
from weighbridge.serving.settings import Settings
from weighbridge.serving.slot import Slot

_LOG = logging.getLogger("weighbridge.serving")
_AGAIN_S = 120.0  # after which a refused version is tried again; each refusal doubles it
_AGAIN_AT_MOST_S = 3600.0


@dataclass(frozen=True)
class _Refused:
    """A release that could not be served.

    Attributes:
        release: which.
        wait_s: how long it is left alone.
        until: when it is tried again, by the follower's clock.
    """

    release: Release
    wait_s: float
    until: float


class Follower:
    """Fills the slot, and fills it anew when production changes.

    Args:
        source: where releases come from.
        settings: of the server.
        slot: that is filled.
        metrics: that tell of it.
        executor: threads that models are called in.
        loading: loads a release; `served.load` by default.
        clock: seconds that only ever rise.
    """

    def __init__(
        self,
        source: Source,
        settings: Settings,
        slot: Slot,
        metrics: Metrics,
        executor: Executor,
        loading: Callable[[Source, Release, Settings], Served] = load,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._settings = settings
        self._slot = slot
        self._metrics = metrics
        self._executor = executor
        self._load = loading
        self._clock = clock
        self._refused: _Refused | None = None

    async def first(self) -> Served:
        """Fill the slot for the first time; what answers from then on.

        Raises:
            WeighbridgeError: there is no version that may be served.
        """
        return await self._take(await asyncio.to_thread(self._source.newest))

    async def follow(self) -> None:
        """Look every `watch` seconds, for ever. What goes wrong is told; the version that answers stays."""
        while True:
            await asyncio.sleep(self._settings.watch)
            await self.look()

    async def look(self) -> bool:
        """Look once; whether another version answers now."""
        try:
            release = await asyncio.to_thread(self._source.newest)
        except WeighbridgeError as error:
            self._metrics.unreachable.labels(self._metrics.name).inc()
            _LOG.warning("production cannot be looked at, version %s goes on: %s", self._slot.version, error.message)
            return False
        except Exception as error:
            self._metrics.unreachable.labels(self._metrics.name).inc()
            _LOG.warning("production cannot be looked at, version %s goes on: %r", self._slot.version, error)
            return False
        self._metrics.looked.labels(self._metrics.name).set(time.time())
        current = self._slot.current
        if current is not None and _same(current.release, release):
            self._refused = None
            return False
        refused = self._refused
        if refused is not None and not _same(refused.release, release):
            refused = self._refused = None
        if refused is not None and self._clock() < refused.until:
            return False
        try:
            await self._take(release)
        except InfrastructureError as error:  # tried again at the next look
            self._metrics.unreachable.labels(self._metrics.name).inc()
            _LOG.warning("version %s cannot be had yet: %s", release.version, error.message)
            return False
        except Exception as error:
            # What was wrong may be this server's: a key that it did not have, memory that was taken.
            wait = _AGAIN_S if refused is None else min(2 * refused.wait_s, _AGAIN_AT_MOST_S)
            self._refused = _Refused(release, wait, self._clock() + wait)
            self._metrics.swaps.labels(self._metrics.name, "refused").inc()
            why = error.message if isinstance(error, WeighbridgeError) else repr(error)
            told = "version %s is refused, version %s goes on: %s (tried again in %d minutes)"
            _LOG.error(told, release.version, self._slot.version, why, wait // 60)
            return False
        self._refused = None
        self._metrics.swaps.labels(self._metrics.name, "swapped").inc()
        return True

    async def _take(self, release: Release) -> Served:
        before, began = self._slot.version, time.monotonic()
        served = await asyncio.to_thread(self._load, self._source, release, self._settings)
        served.start(self._executor, self._settings, self._metrics)
        self._slot.swap(served)
        _LOG.info(
            "version %s of %s answers after %.1f s (before: %s), %s",
            served.version,
            self._settings.name,
            time.monotonic() - began,
            before,
            release.digest,
        )
        return served


def _same(one: Release, other: Release) -> bool:
    return (one.version, one.digest) == (other.version, other.digest)
