"""One plan of requests on its way: which connection sends which, what waits, what is given up."""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Sequence

import numpy as np

from weighbridge.load.answers import DISCONNECTED, TIMED_OUT, Answers
from weighbridge.load.connection import Connection
from weighbridge.load.plan import Plan
from weighbridge.load.target import Target

_LEAD_S = 0.02  # from opening the connections to the segment's begin
_SWEEP_S = 0.01  # between two looks for what has timed out
_IDLE_S = 1.0  # after which a server may close a connection, and does so while a request is on its way
_SAID = 300  # bytes of an answer that is no success


class Segment:
    """One plan on its way."""

    def __init__(
        self,
        target: Target,
        tls: ssl.SSLContext | None,
        wires: Sequence[bytes],
        plan: Plan,
        timeout_s: float,
        pool: list[Connection],
    ) -> None:
        count = len(plan)
        self._target, self._wires, self._plan, self._timeout_s = target, wires, plan, timeout_s
        self._loop = asyncio.get_running_loop()
        self._tls = tls
        self._pool = pool  # open connections, those that answer included
        self._closed = 0  # how many more may be opened
        self._times = plan.times.tolist()
        self._bodies = plan.bodies.tolist()
        self._sent, self._free, self._done = [float("nan")] * count, list(self._times), [float("nan")] * count
        self._status = [0] * count
        self._said: dict[int, str] = {}
        self._idle: list[Connection] = []
        self._busy: dict[int, Connection] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._waiting: deque[int] = deque()
        self._next = self._ended = self._resent = 0
        self._oldest = 0  # request that may not have ended
        self._over = self._loop.create_future()
        self._sweeping: asyncio.TimerHandle | None = None
        self._begin = 0.0

    async def connect(self, count: int) -> None:
        """Have so many connections open.

        Raises:
            OSError: not even one can be opened.
        """
        self._pool[:] = [each for each in self._pool if each.transport is not None and not each.transport.is_closing()]
        missing = count - len(self._pool)
        found = await asyncio.gather(*(self._open() for _ in range(missing)), return_exceptions=True)
        failures = [each for each in found if isinstance(each, BaseException)]
        self._pool += [each for each in found if isinstance(each, Connection)]
        self._closed = len(failures)
        if not self._pool and failures:
            raise failures[0]
        for each in self._pool:
            each.told(self._answered, self._lost)
        self._idle = list(self._pool)

    async def run(self) -> Answers:
        """Send all, wait for all."""
        begin_cpu = time.thread_time()
        self._begin = self._loop.time() + _LEAD_S
        if self._times:
            self._loop.set_exception_handler(self._failed)
            self._loop.call_at(self._begin + self._times[0], self._due)
            self._sweep()
            try:
                await self._over
            finally:
                self._stop()
        return self._answers(time.thread_time() - begin_cpu)

    def _stop(self) -> None:
        self._next = len(self._times)
        if self._sweeping is not None:
            self._sweeping.cancel()
        for task in self._opening:
            task.cancel()
        for connection in list(self._busy.values()):
            connection.abort()

    def _failed(self, _: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Of asyncio: a mistake in here must end the run, and not hang it."""
        error = context.get("exception")
        if not self._over.done():
            found = error if isinstance(error, BaseException) else RuntimeError(str(context.get("message")))
            self._over.set_exception(found)

    def _answers(self, cpu_s: float) -> Answers:
        return Answers(
            planned=self._plan.times,
            sent=np.array(self._sent, np.float64),
            free=np.array(self._free, np.float64),
            done=np.array(self._done, np.float64),
            status=np.array(self._status, np.int16),
            bodies=self._plan.bodies,
            timeout_s=self._timeout_s,
            lasted_s=self._now(),
            cpu_s=cpu_s,
            resent=self._resent,
            said=self._said,
        )

    def _now(self) -> float:
        return self._loop.time() - self._begin

    def _due(self) -> None:
        """Send what is due, and be called again for what comes next."""
        times, count = self._times, len(self._times)
        while self._next < count and times[self._next] <= self._now():
            number = self._next
            self._next += 1
            if self._idle:
                self._send(self._idle.pop(), number)
            elif self._closed:
                self._open_for(number)
            else:
                self._waiting.append(number)
        if self._next < count:
            self._loop.call_at(self._begin + times[self._next], self._due)

    def _send(self, connection: Connection, number: int) -> None:
        self._busy[number] = connection
        self._sent[number] = self._now()
        connection.ask(number, self._wires[self._bodies[number]])

    def _open_for(self, number: int) -> None:
        """Open a connection, and send a request over it."""
        self._closed -= 1
        task = self._loop.create_task(self._open_and_send(number))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open_and_send(self, number: int) -> None:
        try:
            connection = await asyncio.wait_for(self._open(), self._timeout_s)
        except (OSError, TimeoutError):
            self._closed += 1
            self._end(number, DISCONNECTED)
            self._take_next()
            return
        self._pool.append(connection)
        self._free[number] = self._now()
        if self._status[number]:  # given up meanwhile
            self._release(connection)
        else:
            self._send(connection, number)

    async def _open(self) -> Connection:
        _, connection = await self._loop.create_connection(
            lambda: Connection(self._answered, self._lost), self._target.host, self._target.port, ssl=self._tls
        )
        return connection

    def _answered(self, connection: Connection, status: int, answer: bytes) -> None:
        number, connection.asked = connection.asked, -1
        self._busy.pop(number, None)
        if not 200 <= status < 300 and status not in self._said:
            self._said[status] = answer.partition(b"\r\n\r\n")[2][:_SAID].decode("utf-8", "replace")
        self._end(number, status)
        if connection.transport is None:
            self._forget(connection)
            self._take_next()
        else:
            self._release(connection)

    def _lost(self, connection: Connection) -> None:
        if connection not in self._pool:
            return
        self._forget(connection)
        number = connection.asked
        if number < 0:
            if connection in self._idle:
                self._idle.remove(connection)
        elif self._busy.get(number) is connection:
            del self._busy[number]
            # The server had closed it as idle just then: any client sends again.
            if not connection.received and self._begin + self._sent[number] - connection.rested > _IDLE_S:
                self._resent += 1
                self._open_for(number)
                return
            self._end(number, DISCONNECTED)
        self._take_next()

    def _forget(self, connection: Connection) -> None:
        if connection in self._pool:
            self._pool.remove(connection)
            self._closed += 1

    def _release(self, connection: Connection) -> None:
        """Give a free connection to who waits longest."""
        now = self._now()
        while self._waiting:
            number = self._waiting.popleft()
            if not self._status[number]:
                self._free[number] = now
                self._send(connection, number)
                return
        connection.rested = self._loop.time()
        self._idle.append(connection)

    def _take_next(self) -> None:
        """Open a connection for who waits longest, where one may be opened."""
        while self._waiting and self._closed:
            number = self._waiting.popleft()
            if not self._status[number]:
                self._free[number] = self._now()
                self._open_for(number)

    def _end(self, number: int, status: int) -> None:
        if self._status[number]:
            return
        self._status[number] = status
        self._done[number] = self._now()
        self._ended += 1
        if self._ended == len(self._times) and not self._over.done():
            self._over.set_result(None)

    def _sweep(self) -> None:
        """Give up what has timed out: what is being answered, what waits for a connection, what opens one."""
        late = self._now() - self._timeout_s
        for number in [each for each in self._busy if self._times[each] < late]:
            connection = self._busy.pop(number)
            self._end(number, TIMED_OUT)
            connection.abort()
        for number in range(self._first_open(), self._next):
            if self._times[number] >= late:
                break
            self._end(number, TIMED_OUT)
        self._sweeping = self._loop.call_later(_SWEEP_S, self._sweep)

    def _first_open(self) -> int:
        """Number of the first request that has not ended."""
        while self._oldest < self._next and self._status[self._oldest]:
            self._oldest += 1
        return self._oldest
