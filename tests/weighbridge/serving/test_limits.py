"""What stands before the routes: too many, too long, and what is counted."""

import asyncio
import json

import pytest

from tests.weighbridge.serving.helpers import metrics, served, settings
from weighbridge.serving.limits import Limits
from weighbridge.serving.slot import Slot

PATH = "/v1/models/taxi:predict"


class Client:
    """Calls an ASGI application as uvicorn does."""

    def __init__(self, app) -> None:
        self._app = app

    async def post(self, *chunks: bytes, path: str = PATH, length: int | None = None, method: str = "POST"):
        parts = [
            {"type": "http.request", "body": chunk, "more_body": index + 1 < len(chunks)}
            for index, chunk in enumerate(chunks)
        ]
        sent = []

        async def receive():
            return parts.pop(0) if parts else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        headers = [] if length is None else [(b"content-length", str(length).encode())]
        scope = {"type": "http", "method": method, "path": path, "headers": headers}
        await self._app(scope, receive, send)
        if not sent:
            return None
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], dict(sent[0]["headers"]), body


class Echo:
    """Answers with the request, when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.may.set()
        self.fails = False

    async def __call__(self, scope, receive, send):
        message = await receive()
        await self.may.wait()
        if self.fails:
            raise RuntimeError("a bug")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-weighbridge-version", b"7")]})
        await send({"type": "http.response.body", "body": message["body"]})


def use(test, **given):
    """Run a test with a client, the application behind, the limits, the slot and the metrics' registry."""

    async def main():
        counted, registry = metrics()
        slot, echo = Slot(counted), Echo()
        slot.current = served(7)
        limits = Limits(echo, settings(**given), slot, counted)
        await test(Client(limits), echo, limits, slot, registry)

    asyncio.run(main())


def counted(registry, code: int, version: str = "7") -> float | None:
    labels = {"model": "taxi", "version": version, "code": str(code)}
    return registry.get_sample_value("weighbridge_requests_total", labels)


def test_an_answer_passes_with_the_version_that_gave_it_and_is_counted():
    async def test(client, echo, limits, slot, registry):
        status, headers, body = await client.post(b"ab", b"cd")
        assert (status, headers[b"x-weighbridge-version"], body) == (200, b"7", b"abcd")
        assert counted(registry, 200) == 1
        name, labels = "weighbridge_request_seconds_count", {"model": "taxi", "version": "7"}
        assert registry.get_sample_value(name, labels) == 1
        assert limits.running == 0

    use(test)


def test_one_request_too_many_is_answered_at_once_with_when_to_try_again():
    async def test(client, echo, limits, slot, registry):
        echo.may.clear()
        waiting = [asyncio.ensure_future(client.post(b"{}")) for _ in range(2)]
        await asyncio.sleep(0)
        status, headers, body = await client.post(b"{}")
        assert (status, headers[b"retry-after"]) == (429, b"1")
        assert "try again" in json.loads(body)["error"]
        echo.may.set()
        assert [(await each)[0] for each in waiting] == [200, 200]
        assert (await client.post(b"{}"))[0] == 200
        assert counted(registry, 429) == 1
        labels = {"model": "taxi", "reason": "concurrency"}
        assert registry.get_sample_value("weighbridge_refused_total", labels) == 1

    use(test, concurrency=2)


@pytest.mark.parametrize(("chunks", "length"), [((b"x" * 11,), None), ((b"x" * 6, b"x" * 6), None), ((b"x",), 11)])
def test_a_request_that_is_too_long_is_refused_whether_it_says_so_or_not(chunks, length):
    async def test(client, echo, limits, slot, registry):
        status, headers, body = await client.post(*chunks, length=length)
        assert (status, headers[b"connection"]) == (413, b"close")
        assert "10 bytes" in json.loads(body)["error"]
        assert (await client.post(b"x" * 10))[0] == 200
        assert counted(registry, 413) == 1
        assert limits.running == 0

    use(test, max_request_bytes=10)


def test_while_draining_requests_are_answered_and_connections_end():
    async def test(client, echo, limits, slot, registry):
        slot.drain()
        status, headers, _ = await client.post(b"{}")
        assert (status, headers[b"connection"]) == (200, b"close")
        assert not slot.ready

    use(test)


def test_a_client_that_is_gone_before_it_has_asked_counts_for_nothing():
    async def test(client, echo, limits, slot, registry):
        assert await client.post() is None
        assert limits.running == 0
        assert counted(registry, 200) is None

    use(test)


def test_a_bug_counts_as_our_error_and_leaves_the_place_free():
    async def test(client, echo, limits, slot, registry):
        echo.fails = True
        with pytest.raises(RuntimeError):
            await client.post(b"{}")
        assert counted(registry, 500) == 1
        assert limits.running == 0

    use(test)


def test_nobody_unloads_the_model_by_a_request():
    async def test(client, echo, limits, slot, registry):
        status, _, body = await client.post(b"", path="/v2/repository/models/taxi/unload")
        assert status == 403
        assert b"in production" in body

    use(test)


def test_a_version_in_the_path_must_be_the_one_that_answers():
    async def test(client, echo, limits, slot, registry):
        seen = []

        async def app(scope, receive, send):
            seen.append(scope["path"])
            await echo(scope, receive, send)

        limits._app = app
        assert (await client.post(b"{}", path="/v1/models/taxi/versions/7:predict"))[0] == 200
        assert (await client.post(b"{}", path="/v2/models/taxi/versions/7/infer"))[0] == 200
        assert (await client.post(b"{}", path="/v2/models/taxi/versions/7", method="GET"))[0] == 200
        assert seen == [PATH, "/v2/models/taxi/infer", "/v2/models/taxi"]
        status, _, body = await client.post(b"{}", path="/v1/models/taxi/versions/6:predict")
        assert (status, "version 6 is not served, but version 7" in json.loads(body)["error"]) == (404, True)

    use(test)


def test_other_pages_pass_uncounted():
    async def test(client, echo, limits, slot, registry):
        assert (await client.post(b"page", path="/metrics", method="GET"))[2] == b"page"
        assert counted(registry, 200) is None

    use(test)


class Slow:
    """A client that sends a part of its request, and the rest when it is told to."""

    def __init__(self, app, part: bytes = b"{") -> None:
        self._part = part
        self._rest = asyncio.Event()
        self._begun = False
        self.sent = []
        scope = {"type": "http", "method": "POST", "path": PATH, "headers": []}
        self.done = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self):
        if not self._begun:
            self._begun = True
            return {"type": "http.request", "body": self._part, "more_body": True}
        await self._rest.wait()
        return {"type": "http.request", "body": b"}", "more_body": False}

    async def _send(self, message):
        self.sent.append(message)

    async def end(self) -> int:
        self._rest.set()
        await self.done
        return self.sent[0]["status"]


def test_clients_that_send_slowly_take_no_place_of_others():
    async def test(client, echo, limits, slot, registry):
        slow = [Slow(limits) for _ in range(10)]
        await asyncio.sleep(0)
        assert limits.running == 0
        assert (await client.post(b"{}"))[0] == 200
        assert [await each.end() for each in slow] == [200] * 10
        assert counted(registry, 429) is None

    use(test, concurrency=2)


def test_a_request_that_comes_while_all_places_are_taken_meanwhile_is_refused_when_it_is_here():
    async def test(client, echo, limits, slot, registry):
        slow = Slow(limits)
        await asyncio.sleep(0)
        echo.may.clear()
        waiting = asyncio.ensure_future(client.post(b"{}"))
        await asyncio.sleep(0)
        assert await asyncio.wait_for(slow.end(), 30) == 429
        echo.may.set()
        assert (await waiting)[0] == 200

    use(test, concurrency=1)


def test_a_request_that_never_ends_is_refused_after_a_while():
    async def test(client, echo, limits, slot, registry):
        limits._body_s = 0.05
        slow = Slow(limits)
        await asyncio.wait_for(slow.done, 30)
        start, body = slow.sent
        assert (start["status"], dict(start["headers"])[b"connection"]) == (408, b"close")
        assert "not here after 0.05 s" in json.loads(body["body"])["error"]
        assert counted(registry, 408) == 1
        assert registry.get_sample_value("weighbridge_refused_total", {"model": "taxi", "reason": "slow"}) == 1
        assert (await client.post(b"{}"))[0] == 200
        assert limits.running == 0

    use(test)


def test_how_long_a_request_may_take_grows_with_how_long_it_may_be():
    async def test(client, echo, limits, slot, registry):
        assert limits._body_s == 30 + 64

    use(test, max_request_bytes=64 << 20)


def test_what_is_being_sent_is_bounded_by_what_may_be_answered_at_once():
    async def test(client, echo, limits, slot, registry):
        slow = [Slow(limits, b"x" * 9) for _ in range(3)]  # 27 bytes of 2 requests of 10
        await asyncio.sleep(0)
        await asyncio.wait_for(slow[2].done, 30)
        assert [len(each.sent) for each in slow] == [0, 0, 2]
        assert slow[2].sent[0]["status"] == 429
        assert [await each.end() for each in slow[:2]] == [200, 200]
        assert (await client.post(b"x" * 10))[0] == 200
        labels = {"model": "taxi", "reason": "bytes"}
        assert registry.get_sample_value("weighbridge_refused_total", labels) == 1

    use(test, concurrency=2, max_request_bytes=10)
