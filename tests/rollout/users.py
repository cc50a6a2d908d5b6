"""Users of a model: requests at random times, sent when they are due whatever became of those before, and counted."""

import asyncio
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.rollout.models import MOST_MILES

_VERSION = re.compile(rb"\r\nx-weighbridge-version:[ \t]*(\S+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_MOST_S = 900.0
"""They go home after this, whatever becomes of the test."""

_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Request:
    """One request as its user saw it.

    Attributes:
        at: when it was due; Unix seconds.
        code: HTTP status; 0 for no answer.
        version: that answered, as the answer's header says; empty where it does not.
    """

    at: float
    code: int
    version: str


class Users:
    """A thread that asks for predictions over a proxy, until it is stopped.

    Attributes:
        seen: every request that has ended.
    """

    def __init__(self, url: str, model: str, rate: float, seed: int = 1) -> None:
        """Get ready.

        Args:
            url: of the proxy, on loopback.
            model: name of the model that is asked for.
            rate: requests per second, on average; the times between them are exponential.
            seed: of times and rides.
        """
        parts = urlsplit(url)
        assert parts.hostname == "127.0.0.1"
        assert parts.port is not None
        self.seen: list[Request] = []
        self._port, self._path, self._rate = parts.port, f"/v1/models/{model}:predict", rate
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._ask()), daemon=True, name="users")

    def __enter__(self) -> "Users":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_TIMEOUT_S + 10)

    def between(self, begin: float, end: float = float("inf")) -> list[Request]:
        """The requests that were due in a time; Unix seconds."""
        return [each for each in list(self.seen) if begin <= each.at < end]

    async def _ask(self) -> None:
        begin, due, tasks = time.time(), 0.0, set[asyncio.Task[None]]()
        while not self._stop.is_set() and due < _MOST_S:
            due += self._random.expovariate(self._rate)
            await asyncio.sleep(max(0.0, begin + due - time.time()))
            task = asyncio.create_task(self._one(begin + due, self._random.uniform(0, MOST_MILES)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, writer in self._free:
            writer.close()

    async def _one(self, at: float, miles: float) -> None:
        try:
            code, version = await asyncio.wait_for(self._answer(miles), _TIMEOUT_S)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            code, version = 0, ""
        self.seen.append(Request(at, code, version))

    async def _answer(self, miles: float) -> tuple[int, str]:
        body = json.dumps({"instances": [{"miles": miles}]}).encode()
        head = f"POST {self._path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof():
                break
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = b"\r\n" + await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(answer)
            await reader.readexactly(int(length[1]) if length else 0)
        except BaseException:
            writer.close()
            raise
        self._free.append((reader, writer))
        version = _VERSION.search(answer)
        return int(answer[11:14]), version[1].decode() if version else ""


def codes(requests: list[Request]) -> Counter[int]:
    """How many ended with each status."""
    return Counter(each.code for each in requests)


@contextmanager
def users(url: str, model: str, rate: float) -> Iterator[Users]:
    """Users who ask until the block ends."""
    with Users(url, model, rate) as asking:
        yield asking
