"""What requests by urllib have in common: no redirect is followed, and no credentials are shown."""

import base64
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from weighbridge.common.text import mask
from weighbridge.common.web import NoRedirects, basic_credentials


class _Elsewhere(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_redirect_is_an_answer_like_any_other() -> None:
    asked: list[str] = []
    with HTTPServer(("127.0.0.1", 0), type("Handler", (_Elsewhere,), {"asked": asked})) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        opener = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({}))
        with pytest.raises(urllib.error.HTTPError) as raised:
            opener.open(f"http://127.0.0.1:{server.server_port}/here", timeout=10)
        raised.value.close()
        server.shutdown()
        thread.join()
    assert (raised.value.code, asked) == (302, ["/here"])


def test_credentials_are_hidden_as_they_are_and_as_they_are_sent() -> None:
    [(name, value)] = basic_credentials("jane", "an-unmistakable-p4ssword").items()
    assert name == "Authorization"
    encoded = value.removeprefix("Basic ")
    assert base64.b64decode(encoded) == b"jane:an-unmistakable-p4ssword"
    shown = mask(f"with an-unmistakable-p4ssword as {value}")
    assert shown == "with *** as Basic ***"
