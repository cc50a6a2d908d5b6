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
