"""Requests as they go over the connection, in each protocol."""

import json

import pytest

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.load.target import Target, body_of, predict_path

ROWS = [{"miles": 1.5, "days": [1, 2], "card": "Cash"}, {"miles": 2, "days": [3, 4], "card": "Card"}]


def test_a_request_is_whole_and_says_how_long_it_is() -> None:
    wire = Target("http://server:8080/v1/models/taxi:predict?k=1", {"Authorization": "Bearer t"}).wire(b'{"a":1}')
    head, _, body = wire.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/models/taxi:predict?k=1 HTTP/1.1"
    assert {"Host: server:8080", "Content-Length: 7", "Authorization: Bearer t"} <= set(lines)
    assert body == b'{"a":1}'


@pytest.mark.parametrize(
    ("url", "port", "tls"), [("http://h", 80, False), ("https://h/x", 443, True), ("http://[::1]:81/", 81, False)]
)
def test_ports_are_those_of_the_scheme(url: str, port: int, tls: bool) -> None:
    assert (Target(url).port, Target(url).tls) == (port, tls)


@pytest.mark.parametrize("url", ["", "server:80", "ftp://server", "http://", "http://server:0", "http://server:99999"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no address of a server"):
        Target(url)


def test_v1_sends_rows_as_they_are() -> None:
    assert json.loads(body_of(ROWS, "v1")) == {"instances": ROWS}
    assert predict_path("taxi", "v1") == "/v1/models/taxi:predict"


def test_v2_sends_a_tensor_of_all_rows_for_each_feature() -> None:
    assert json.loads(body_of(ROWS, "v2"))["inputs"] == [
        {"name": "miles", "shape": [2], "datatype": "FP64", "data": [1.5, 2]},
        {"name": "days", "shape": [2, 2], "datatype": "INT64", "data": [1, 2, 3, 4]},
        {"name": "card", "shape": [2], "datatype": "BYTES", "data": ["Cash", "Card"]},
    ]
    assert predict_path("taxi", "v2") == "/v2/models/taxi/infer"


@pytest.mark.parametrize(
    "rows", [[{"x": [1]}, {"x": [1, 2]}], [{"x": 1}, {"x": "a"}], [{"x": {"b64": "/w=="}}], [{"x": None}], [{"x": []}]]
)
def test_what_v2_has_no_tensor_for_is_told(rows: list) -> None:
    with pytest.raises(UsageError, match="V2 has no tensor for x"):
        body_of(rows, "v2")


def test_a_server_that_is_not_there_is_safe_to_retry() -> None:
    with pytest.raises(InfrastructureError, match="does not answer"):
        Target("http://127.0.0.1:9/x").ask(b"{}", 2)
