"""What stands before KServe's routes: how many requests at once, how long they may be, and what Prometheus is told."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from weighbridge.serving.metrics import Metrics
from weighbridge.serving.settings import Settings
from weighbridge.serving.slot import Slot

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

RETRY_AFTER_S = 1
BODY_S = 30.0  # that a request may be under way, and a second more for each MiB that one may be long
_VERSIONED = re.compile(r"(/v[12]/models/[^/:]+)/versions/([^/:]+)(.*)")
_VERSION = b"x-weighbridge-version"


class Limits:
    """An ASGI application around KServe's.

    Args:
        app: KServe's.
        settings: of the server.
        slot: that holds the version.
        metrics: of the server.
        body_s: seconds after which a request that is not here yet is refused; by default `BODY_S` and more for longer
            ones.

    Attributes:
        running: requests that are being answered; one that is still being sent takes no place.
    """

    def __init__(self, app: App, settings: Settings, slot: Slot, metrics: Metrics, body_s: float | None = None) -> None:
        self._app = app
        self._settings = settings
        self._slot = slot
        self._metrics = metrics
        self._body_s = BODY_S + settings.max_request_bytes / (1 << 20) if body_s is None else body_s
        self._most_unread = settings.concurrency * settings.max_request_bytes
        self._under_way = 0  # bytes of requests that are being sent
        self.running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let KServe answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = _VERSIONED.fullmatch(scope["path"])
        if asked is not None:  # KServe knows no versions; TensorFlow Serving and V2 do
            if asked[2] != self._slot.version:
                await _refuse(send, 404, f"version {asked[2]} is not served, but version {self._slot.version}")
                return
            scope = {**scope, "path": asked[1] + asked[3], "raw_path": (asked[1] + asked[3]).encode()}
        if scope["path"].startswith("/v2/repository"):
            # Whoever reaches the port could unload the model: what is served, production alone says.
            await _refuse(send, 403, "models are loaded and unloaded by what is in production, not by requests")
        elif scope["method"] == "POST":
            await self._predict(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        answer = _Answer(send, self._slot)
        try:
            if self.running >= self._settings.concurrency:  # the body is not waited for in vain
                await self._refuse(answer, "concurrency")
                return
            try:
                async with asyncio.timeout(self._body_s):
                    body = await self._body(scope, receive)
            except _Refused as refused:
                await self._refuse(answer, refused.reason)
                return
            except TimeoutError:
                await self._refuse(answer, "slow")
                return
            finally:  # how fast a client sends is not how fast a model answers
                began = time.perf_counter()
            if self.running >= self._settings.concurrency:
                await self._refuse(answer, "concurrency")
                return
            self.running += 1
            try:
                await self._app(scope, _replay(body, receive), answer)
            finally:
                self.running -= 1
        except ConnectionAbortedError:
            return  # the client is gone: nothing was asked
        except BaseException:
            answer.status = answer.status or 500
            raise
        finally:
            if answer.status:
                self._count(answer, began)

    async def _refuse(self, answer: "_Answer", reason: str) -> None:
        self._metrics.refused.labels(self._metrics.name, reason).inc()
        ends = [(b"connection", b"close")]  # what is still to come of the request is not read
        later = [(b"retry-after", str(RETRY_AFTER_S).encode())]
        if reason == "size":
            most = self._settings.max_request_bytes
            await _refuse(answer, 413, f"the request is longer than {most} bytes", ends)
        elif reason == "slow":
            await _refuse(answer, 408, f"the request was not here after {self._body_s:g} s", ends)
        elif reason == "bytes":
            await _refuse(answer, 429, "too many long requests are being sent already; try again", [*later, *ends])
        else:
            await _refuse(answer, 429, f"{self.running} requests are being answered already; try again", later)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole request.

        Raises:
            _Refused: it is too long, or it and those that are being sent beside it are.
            ConnectionAbortedError: its sender is gone.
        """
        most = self._settings.max_request_bytes
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > most:
                raise _Refused("size")
        parts, size = [], 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ConnectionAbortedError
                part = message.get("body", b"")
                parts.append(part)
                size += len(part)
                self._under_way += len(part)
                if size > most:
                    raise _Refused("size")
                if not message.get("more_body", False):
                    return b"".join(parts)
                if self._under_way > self._most_unread:
                    raise _Refused("bytes")
        finally:
            self._under_way -= size

    def _count(self, answer: "_Answer", began: float) -> None:
        self._metrics.answered(answer.version or self._slot.version, answer.status, time.perf_counter() - began)


class _Refused(Exception):
    """A request that is not taken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Answer:
    """Sends an answer on, with the version that gave it; while draining, its connection ends with it."""

    def __init__(self, send: Send, slot: Slot) -> None:
        self._send = send
        self._slot = slot
        self.status = 0
        self.version = ""

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            self.version = next((value.decode() for name, value in headers if name == _VERSION), "")
            if not self.version:
                headers.append((_VERSION, self._slot.version.encode()))
            if self._slot.draining:
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        await self._send(message)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(send: Send, status: int, message: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    body = json.dumps({"error": message}).encode()
    start = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
