"""Calls that several threads make at once, contenders in turn, slice of time after slice.

Knows nothing of models: a contender is any callable that takes the number of the request, from any thread.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import numpy as np

from weighbridge.components.evaluator.latency.slices import Called, Slices
from weighbridge.components.evaluator.latency.timing import Caller, no_collection
from weighbridge.components.evaluator.unmeasurable import Unmeasurable, first_line

_PATIENCE_S = 60.0  # that calls may take beyond their slice, before they are taken to hang


Task = Callable[[], Called]


class Clients:
    """Threads that call at once; they live as long as the block, since the first call of a thread takes longer.

    A thread whose call never returns is left behind, and ends with the process.
    """

    def __init__(self, count: int) -> None:
        self._tasks: list[queue.SimpleQueue[Task | None]] = [queue.SimpleQueue() for _ in range(count)]
        self._done: queue.SimpleQueue[Called | BaseException] = queue.SimpleQueue()
        self._failed = threading.Event()

    def __enter__(self) -> Self:
        for tasks in self._tasks:
            threading.Thread(target=self._work, args=(tasks,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._failed.set()  # ends a slice that is still going on
        for tasks in self._tasks:
            tasks.put(None)

    def call(self, caller: Caller, lasting_s: float, first: int = 0, patience_s: float = _PATIENCE_S) -> list[Called]:
        """Call from all threads for so long; each finishes the call that it is in.

        Args:
            caller: what is called.
            lasting_s: seconds; each thread calls once at least.
            first: number of the first request; the threads take different ones.
            patience_s: seconds to wait for the last calls.

        Returns:
            What each of the threads did.

        Raises:
            Unmeasurable: a call raised, whereupon the other threads stop; or it did not return.
        """
        count = len(self._tasks)
        end = time.perf_counter() + lasting_s
        for number, tasks in enumerate(self._tasks):
            tasks.put(lambda first=first + number: self._call(caller, end, first, count))  # type: ignore[misc]
        return [self._result(end + patience_s, patience_s) for _ in range(count)]

    def _result(self, deadline: float, patience_s: float) -> Called:
        try:
            found = self._done.get(timeout=max(0.0, deadline - time.perf_counter()))
        except queue.Empty:
            raise Unmeasurable(
                "signature",
                "callable",
                f"Called by {len(self._tasks)} threads at once, the model did not answer within {patience_s:g} s.",
            ) from None
        if isinstance(found, Called):
            return found
        if not isinstance(found, Exception):
            raise found
        subject, rule = (
            ("signature", "callable") if not isinstance(found, Unmeasurable) else (found.subject, found.rule)
        )
        reason = found.message if isinstance(found, Unmeasurable) else first_line(found)
        raise Unmeasurable(subject, rule, f"Called by {len(self._tasks)} threads at once: {reason}") from found

    def _call(self, caller: Caller, end: float, turn: int, step: int) -> Called:
        done = Called()
        begin = start = time.perf_counter_ns()
        stop = int(end * 1e9)
        while True:
            caller(turn)
            now = time.perf_counter_ns()
            done.nanoseconds.append(now - start)
            done.requests.append(turn)
            if now >= stop or self._failed.is_set():
                break
            turn += step
            start = time.perf_counter_ns()
        done.lasted_s = (now - begin) / 1e9
        return done

    def _work(self, tasks: "queue.SimpleQueue[Task | None]") -> None:
        while (task := tasks.get()) is not None:
            try:
                self._done.put(task())
            except BaseException as error:  # it is raised where the slice was asked for
                self._failed.set()
                self._done.put(error)


def time_slices(
    contenders: Mapping[str, Caller],
    clients: Clients,
    slices: int,
    lasting_s: float,
    rng: np.random.Generator,
    deadline: float,
    into: Slices,
) -> None:
    """Call all contenders in turn from all threads, a slice of time each, in random order within each turn.

    Whatever slows the machine for a while then slows all of them.

    Args:
        contenders: what is called, by name.
        clients: the threads.
        slices: how many of each contender.
        lasting_s: seconds of a slice.
        rng: draws the order within each turn.
        deadline: on `time.perf_counter`; ends the measuring early, after one turn at least.
        into: gets the times.

    Raises:
        Unmeasurable: a call failed, or did not return.
    """
    names = list(contenders)
    with no_collection():
        for _ in range(slices):
            first = into.calls()  # the same requests for all contenders
            for index in rng.permutation(len(names)).tolist():
                into.add(names[index], clients.call(contenders[names[index]], lasting_s, first))
            if time.perf_counter() > deadline:
                break
