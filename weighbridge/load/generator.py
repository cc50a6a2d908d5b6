"""An open-loop load generator: requests go when they were planned to, whatever became of those before.

A client that waits for an answer before it sends the next request sends the fewest just when the server is slowest, and
so hardly sees that (coordinated omission; Schroeder, Wierman and Harchol-Balter, Open Versus Closed: A Cautionary Tale,
NSDI 2006). Here a request that finds no connection free waits for one, and the clock runs from when it was planned.
"""

import asyncio
import gc
import selectors
import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from weighbridge.load.answers import Answers
from weighbridge.load.connection import Connection
from weighbridge.load.plan import Plan
from weighbridge.load.segment import Segment
from weighbridge.load.target import Target

MOST_CONNECTIONS = 512  # what select() can wait for, with files that are open besides
_POLL_S = 0.2


class Generator:
    """A thread that sends plans of requests to one server; it lives as long as the block."""

    def __init__(self, target: Target, bodies: Sequence[bytes], connections: int = 64) -> None:
        """Make the requests.

        Args:
            target: where they go.
            bodies: of the requests, at least one.
            connections: that are open at once, at most; a request that finds none free waits for one.

        Raises:
            ValueError: there are no bodies, or no or too many connections.
        """
        if not bodies or not 1 <= connections <= MOST_CONNECTIONS:
            raise ValueError(f"{len(bodies)} bodies, {connections} connections: at least 1, at most {MOST_CONNECTIONS}")
        self._target = target
        self._wires = [target.wire(body) for body in bodies]
        self._connections = connections
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pool: list[Connection] = []
        self._tls = ssl.create_default_context() if target.tls else None

    def __enter__(self) -> Self:
        # epoll waits in whole milliseconds, select() in microseconds: requests go when they should.
        self._loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="load")
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        assert self._loop is not None  # noqa: S101
        assert self._thread is not None  # noqa: S101
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, plan: Plan, timeout_s: float = 10.0) -> Answers:
        """Send the requests of a plan, and wait until each is answered or given up.

        Args:
            plan: when to send which.
            timeout_s: after which a request is given up, from when it was planned.

        Raises:
            OSError: no connection at all can be opened.
            KeyboardInterrupt: the process was asked to end.
        """
        assert self._loop is not None  # noqa: S101
        running: Future[Answers] = asyncio.run_coroutine_threadsafe(self._run(plan, timeout_s), self._loop)
        try:
            while True:
                try:
                    return running.result(_POLL_S)
                except TimeoutError:
                    if running.done():
                        raise
                    if self._thread is not None and not self._thread.is_alive():
                        raise OSError("too many files are open for the load generator") from None
        except BaseException:
            running.cancel()
            raise

    async def _run(self, plan: Plan, timeout_s: float) -> Answers:
        collecting = gc.isenabled()
        gc.disable()
        try:
            segment = Segment(self._target, self._tls, self._wires, plan, timeout_s, self._pool)
            await segment.connect(self._connections)
            return await segment.run()
        finally:
            if collecting:
                gc.enable()

    async def _end(self) -> None:
        for connection in self._pool:
            connection.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
