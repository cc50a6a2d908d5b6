"""Which version answers: there is one at any moment, and another takes its place in one step."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from weighbridge.serving.metrics import Metrics
from weighbridge.serving.served import Served

_LOG = logging.getLogger("weighbridge.serving")


class Slot:
    """The version that answers, and whether the server wants requests.

    Args:
        metrics: that tell of it.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.current: Served | None = None
        self.draining = False
        self._metrics = metrics
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> bool:
        """Whether requests are wanted."""
        return self.current is not None and not self.draining

    @property
    def version(self) -> str:
        """The version that answers; `none` before there is one."""
        return "none" if self.current is None else self.current.version

    def swap(self, served: Served) -> None:
        """Let a version that is warmed up answer from now on; the one before ends what it has begun, and is freed."""
        before, self.current = self.current, served
        if before is not None:
            self._metrics.retire(before.version, before.release.digest, before.release.signed_by)
            task = asyncio.get_running_loop().create_task(before.drained())
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)
        self._metrics.serve(served.version, served.release.digest, served.release.signed_by)

    @contextmanager
    def taken(self) -> Iterator[Served | None]:
        """The version that answers a request, from its first look at the rows to its answer."""
        served = self.current
        if served is None:
            yield None
            return
        served.enter()
        try:
            yield served
        finally:
            served.leave()

    def drain(self) -> None:
        """Say that no more requests are wanted: readiness ends, and what comes even so is answered."""
        self.draining = True
        if self.current is not None:
            self._metrics.ready.labels(self._metrics.name, self.current.version).set(0)
