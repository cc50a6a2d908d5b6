"""Long calls that need no Python, beside what does: blocks are parsed ahead, and written behind. No tfx.

Parsing, compressing and writing leave Python's lock alone for as long as they take, so a second core does them. What
comes out, its order and where an error is raised are the same as without.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

Item = TypeVar("Item")

_WAITING_CALLS = 2  # what they are given is in memory until then


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The items, the next one made while one is used."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(_next, items)
        while found := future.result():
            future = pool.submit(_next, items)
            yield found[0]


def _next(items: Iterator[Item]) -> tuple[Item] | None:
    # No exception goes through a future that is none of the items' own: StopIteration would end a generator.
    for item in items:
        return (item,)
    return None


class Behind:
    """Calls that are made one after the other, while whoever asks for them goes on.

    An error of a call is raised by a later one, or at the end; calls behind it are not made.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._waiting: deque[Future[Any]] = deque()
        self._failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self._failed = True  # what is left is of no use
            self._pool.shutdown()

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function later; waits where too many calls wait already.

        Raises:
            Exception: that of an earlier call.
        """
        self._waiting.append(self._pool.submit(self._made, function, arguments))
        while len(self._waiting) > _WAITING_CALLS:
            self._waiting.popleft().result()

    def finish(self) -> None:
        """Wait until all calls are made.

        Raises:
            Exception: that of one of them.
        """
        while self._waiting:
            self._waiting.popleft().result()

    def _made(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        if self._failed:
            return
        try:
            function(*arguments)
        except BaseException:
            self._failed = True
            raise
