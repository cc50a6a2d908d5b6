"""Joins requests that wait into one call of the model: how many, the load decides.

A call takes what waits when a thread is free. Idle, a request is called alone and at once; busy, requests that came
meanwhile share the next call. `delay_s` lets one wait for others even so; it is the most that batching ever costs.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from weighbridge.serving.encode import Encoded, Outputs

Call = Callable[[Sequence[Encoded]], Outputs]


@dataclass
class _Waiting:
    part: Encoded
    answer: "asyncio.Future[Outputs]"
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """Calls a model with requests that are joined.

    Args:
        call: calls the model with the requests of one key, in a thread; gives outputs of all rows.
        executor: its threads.
        threads: calls at once.
        max_rows: most rows of a call; a request of more is called alone.
        delay_s: how long a request waits for others, seconds.
    """

    def __init__(self, call: Call, executor: Executor, threads: int, max_rows: int, delay_s: float = 0.0) -> None:
        self._call = call
        self._executor = executor
        self._free = threads
        self._max_rows = max_rows
        self._delay_s = delay_s
        self._waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, part: Encoded) -> Outputs:
        """The outputs for one request.

        Raises:
            Unmeasurable: the model raised.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(part, loop.create_future())
        self._waiting.append(waiting)
        self._start(loop)
        return await waiting.answer

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._free and self._waiting:
            left = self._delay_s - (time.monotonic() - self._waiting[0].since)
            if left > 0 and sum(each.part.rows for each in self._waiting) < self._max_rows:
                if self._timer is None:
                    self._timer = loop.call_later(left, self._late, loop)
                return
            batch = self._take()
            if not batch:
                continue
            self._free -= 1
            task = loop.create_task(self._run(batch))
            self._tasks.add(task)  # else nobody holds it
            task.add_done_callback(self._tasks.discard)

    def _late(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._start(loop)

    def _take(self) -> list[_Waiting]:
        """The first that waits, and those behind it that fit into one call with it."""
        taken: list[_Waiting] = []
        rows, kept = 0, deque[_Waiting]()
        while self._waiting:
            each = self._waiting.popleft()
            if each.answer.done():  # nobody waits for it any more
                continue
            if taken and (each.part.key != taken[0].part.key or rows + each.part.rows > self._max_rows):
                kept.append(each)
                if rows + each.part.rows > self._max_rows:
                    break
                continue
            taken.append(each)
            rows += each.part.rows
            if rows >= self._max_rows:
                break
        self._waiting.extendleft(reversed(kept))
        return taken

    async def _run(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        try:
            for each, found in await loop.run_in_executor(self._executor, self._answers, batch):
                if each.answer.done():
                    continue
                if isinstance(found, BaseException):
                    each.answer.set_exception(found)
                else:
                    each.answer.set_result(found)
        except BaseException as error:
            for each in batch:
                if not each.answer.done():
                    each.answer.set_exception(RuntimeError(f"the call was not made: {error!r}"))
            raise
        finally:
            self._free += 1
            self._start(loop)

    def _answers(self, batch: list[_Waiting]) -> list[tuple[_Waiting, Outputs | Exception]]:
        """Each request's own outputs. What fails together is called one by one: one bad row is one bad answer."""
        if len(batch) > 1:
            try:
                return list(zip(batch, self._split(batch), strict=True))
            except Exception:  # noqa: S110, whose fault it is shows below
                pass
        found: list[tuple[_Waiting, Outputs | Exception]] = []
        for each in batch:
            try:
                found.append((each, self._call([each.part])))
            except Exception as error:
                found.append((each, error))
        return found

    def _split(self, batch: list[_Waiting]) -> list[Outputs]:
        outputs = self._call([each.part for each in batch])
        total = sum(each.part.rows for each in batch)
        wrong = [name for name, values in outputs.items() if not values.shape or len(values) != total]
        if wrong:
            raise ValueError(f"output {wrong[0]!r} has no value per row: requests cannot be joined")
        found, start = [], 0
        for each in batch:
            rows = slice(start, start + each.part.rows)
            found.append({name: values[rows] for name, values in outputs.items()})
            start = rows.stop
        return found
