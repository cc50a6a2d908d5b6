"""What stands before KServe's routes: how many requests at once, how long they may be, and what Prometheus is told."""

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
_VERSIONED = re.compile(r"(/v[12]/models/[^/:]+)/versions/([^/:]+)(.*)")
_VERSION = b"x-weighbridge-version"


class Limits:
    """An ASGI application around KServe's.

    Args:
        app: KServe's.
        settings: of the server.
        slot: that holds the version.
        metrics: of the server.
    """

    def __init__(self, app: App, settings: Settings, slot: Slot, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._slot = slot
        self._metrics = metrics
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
        if self.running >= self._settings.concurrency:
            self._metrics.refused.labels(self._metrics.name, "concurrency").inc()
            message = f"{self.running} requests are being answered already; try again"
            await _refuse(answer, 429, message, [(b"retry-after", str(RETRY_AFTER_S).encode())])
            self._count(answer, began)
            return
        self.running += 1
        try:
            body = await self._body(scope, receive)
            if body is None:
                self._metrics.refused.labels(self._metrics.name, "size").inc()
                most = self._settings.max_request_bytes
                await _refuse(answer, 413, f"the request is longer than {most} bytes", [(b"connection", b"close")])
            else:
                # How fast a client sends is not how fast a model answers.
                began = time.perf_counter()
                await self._app(scope, _replay(body, receive), answer)
        except ConnectionAbortedError:
            return  # the client is gone: nothing was asked
        except BaseException:
            answer.status = answer.status or 500
            raise
        finally:
            self.running -= 1
            if answer.status:
                self._count(answer, began)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole request; None where it is too long."""
        most = self._settings.max_request_bytes
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > most:
                return None
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionAbortedError
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)

    def _count(self, answer: "_Answer", began: float) -> None:
        self._metrics.answered(answer.version or self._slot.version, answer.status, time.perf_counter() - began)


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
