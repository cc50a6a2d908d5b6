"""Several pieces of work in threads of which one runs at a time, each from one point to the next, in a drawn order."""

import random
import threading
from collections.abc import Callable, Sequence
from typing import Any


class Turns:
    """Runs work that calls `point` wherever another piece may come in between.

    Args:
        drawn: chooses who goes on at each point.
        ends: the piece at an index ends for good at its point of that number, counted from 1: `point` raises.
        ending: what it raises.
    """

    def __init__(self, drawn: random.Random, ends: dict[int, int], ending: type[BaseException]) -> None:
        self._drawn, self._ends, self._ending = drawn, ends, ending
        self._own = threading.local()
        self._go: list[threading.Semaphore] = []
        self._back = threading.Semaphore(0)

    def run(self, works: Sequence[Callable[[], Any]]) -> list[Any]:
        """What each piece returned or raised."""
        results: list[Any] = [None] * len(works)
        self._go = [threading.Semaphore(0) for _ in works]
        threads = [
            threading.Thread(target=self._run, args=(index, work, results), daemon=True)
            for index, work in enumerate(works)
        ]
        for thread in threads:
            thread.start()
        going = set(range(len(works)))
        while going:
            index = self._drawn.choice(sorted(going))
            self._go[index].release()
            self._back.acquire()
            if results[index] is not None:
                going.discard(index)
        for thread in threads:
            thread.join()
        return results

    def point(self) -> None:
        """Let others go on, if it is called by a piece of work."""
        index = getattr(self._own, "index", None)
        if index is None:
            return
        self._own.points += 1
        if self._own.points >= self._ends.get(index, self._own.points + 1):
            raise self._ending
        self._back.release()
        self._go[index].acquire()

    def _run(self, index: int, work: Callable[[], Any], results: list[Any]) -> None:
        self._go[index].acquire()
        self._own.index, self._own.points = index, 0
        try:
            results[index] = work()
        except BaseException as error:
            results[index] = error
        self._back.release()
