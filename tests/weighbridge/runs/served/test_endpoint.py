"""What servers say of their versions: in our metrics, by the V2 protocol, and in TensorFlow Serving's status."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.command_line import Result
from tests.components.pusher.helpers import make_model
from tests.weighbridge.cli.rolled_back import push_models
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.runs.served.endpoint import ask_server, of_metrics, of_tensorflow_serving, of_v2

DIGEST = "sha256:" + "a" * 64
METRICS = """
# HELP weighbridge_model_info The model that is served
# TYPE weighbridge_model_info gauge
weighbridge_model_info{digest="sha256:b",model="taxi",signed_by="",version="6"} 0.0
weighbridge_model_info{digest="DIGEST",model="taxi",signed_by="a \\"b\\", c",version="7"} 1.0
weighbridge_model_info{digest="sha256:c",model="shop",signed_by="",version="2"} 1.0
weighbridge_model_ready{model="taxi",version="7"} 1.0
weighbridge_started_seconds{model="taxi",version="7"} 1.7e+09
""".replace("DIGEST", DIGEST)


@contextmanager
def server(pages: dict[str, tuple[int, str]]) -> Iterator[str]:
    """A server with these pages on loopback; where a status is a redirect, the text is its target."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = pages.get(self.path, (404, ""))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", text)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}"
    finally:
        listening.shutdown()
        listening.server_close()


def test_our_metrics_tell_version_and_digest() -> None:
    [found] = of_metrics(METRICS, "taxi")
    assert (found.version, found.digest, found.ready) == (7, DIGEST, True)
    [waiting] = of_metrics(METRICS.replace('version="7"} 1.0\nweighbridge_started', 'version="7"} 0.0\nx'), "taxi")
    assert not waiting.ready
    assert of_metrics(METRICS, "other") == of_metrics("", "taxi") == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"name": "taxi", "versions": ["6", "7"], "platform": "tensorflow_savedmodel"}, [7]),
        ({"name": "taxi", "versions": []}, []),
        ({"name": "taxi"}, []),
        ([], []),
    ],
)
def test_metadata_of_v2_tell_the_version(document: Any, expected: list[int]) -> None:
    assert [found.version for found in of_v2(document)] == expected


def test_the_status_of_tensorflow_serving_tells_what_is_available() -> None:
    def status(version: int, state: str, message: str = "") -> dict[str, Any]:
        code = "OK" if not message else "NOT_FOUND"
        return {"version": str(version), "state": state, "status": {"error_code": code, "error_message": message}}

    both = {"model_version_status": [status(8, "LOADING"), status(7, "AVAILABLE"), status(6, "END")]}
    assert [(found.version, found.ready) for found in of_tensorflow_serving(both)] == [(7, True)]
    [coming] = of_tensorflow_serving({"model_version_status": [status(8, "LOADING")]})
    assert (coming.version, coming.ready, coming.note) == (8, False, "it is loading")
    assert of_tensorflow_serving({"error": "Could not find any versions of model taxi"}) == []


def test_a_server_is_asked_by_whatever_it_speaks() -> None:
    with server({"/metrics": (200, METRICS)}) as url:
        for address in (url, f"{url}/", f"{url}/metrics"):
            [found] = ask_server(address, "taxi")
            assert (found.source, found.version, found.digest) == (url, 7, DIGEST)
    with server({"/metrics": (200, "python_info 1"), "/v2/models/taxi": (200, '{"versions": ["7"]}')}) as url:
        assert [found.version for found in ask_server(url, "taxi")] == [7]
        [none] = ask_server(url, "shop")
        assert (none.version, none.ready) == (0, False)
    available = '{"model_version_status": [{"version": "7", "state": "AVAILABLE", "status": {}}]}'
    with server({"/v1/models/taxi": (200, available)}) as url:
        assert [found.version for found in ask_server(url, "taxi")] == [7]


def test_who_says_nothing_is_told() -> None:
    with server({}) as url, pytest.raises(UsageError, match="says which model it serves"):
        ask_server(url, "taxi")
    with server({"/metrics": (503, "")}) as url, pytest.raises(InfrastructureError, match="answers 503"):
        ask_server(url, "taxi")
    with server({"/metrics": (302, "http://127.0.0.1:9/")}) as url, pytest.raises(UsageError):  # and is not followed
        ask_server(url, "taxi")
    with pytest.raises(InfrastructureError, match="cannot be reached"):
        ask_server("http://127.0.0.1:9", "taxi")
    for wrong in ("", "taxi", "file:///etc/passwd", "http://"):
        with pytest.raises(UsageError, match="is no address of a server"):
            ask_server(wrong, "taxi")


def test_production_says_whether_a_server_is_in_step(
    weighbridge: Callable[..., Result], workdir: Any, tmp_path: Any
) -> None:
    push_models(tmp_path, str(workdir / "taxi/production"), "ab")
    digests = [tree_digest(make_model(tmp_path / "again" / name, name)) for name in "ab"]

    def info(version: int, digest: str) -> dict[str, tuple[int, str]]:
        line = f'weighbridge_model_info{{digest="{digest}",model="taxi",signed_by="",version="{version}"}} 1.0\n'
        return {"/metrics": (200, line)}

    for pages, code, words in (
        (info(2, digests[1]), 0, "in step  http"),
        (info(1, digests[0]), 3, "behind  http"),
        (info(2, digests[0]), 2, "drifted  http"),
    ):
        with server(pages) as url:
            done = weighbridge("production", "taxi", "--served", url)
            assert (done.code, words in done.out) == (code, True), done.out + done.err
            document = weighbridge("production", "taxi", "--served", url, "--json")
            assert document.code == code
            assert '"step": ' in document.out


def test_the_cluster_is_asked_through_kubectl(
    weighbridge: Callable[..., Result], workdir: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for kubectl prints what it would: it is asked with the right words, and its errors are told."""
    push_models(tmp_path, str(workdir / "taxi/production"), "ab")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    missing = weighbridge("production", "taxi", "--cluster")
    assert (missing.code, "not on PATH" in missing.err) == (2, True)

    def kubectl(script: str) -> None:
        program = tmp_path / "bin/kubectl"
        program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n{script}\n')
        program.chmod(0o755)

    told = '{"kind":"Deployment","metadata":{"name":"taxi-model","annotations":{"weighbridge.io/pipeline":"taxi",'
    told += '"weighbridge.io/version":"2"}},"status":{"updatedReplicas":1,"replicas":1,"availableReplicas":1}}'
    absent = 'echo "error: the server doesn\'t have a resource type \\"rollouts\\"" >&2; exit 1'
    kubectl(f"case $2 in deployments*) echo '{{\"items\":[{told}]}}';; *) {absent};; esac")
    done = weighbridge("production", "taxi", "--cluster", "--namespace", "models")
    assert done.code == 0, done.out + done.err
    assert "in step  Deployment taxi-model: it serves version 2" in done.out
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[0] == "get deployments.apps -o json --request-timeout=30s --namespace models"
    assert [line.split()[1] for line in asked[1:]] == ["inferenceservices.serving.kserve.io", "rollouts.argoproj.io"]
    kubectl('echo "Error from server (Forbidden): deployments.apps is forbidden" >&2; exit 1')
    assert weighbridge("production", "taxi", "--cluster").code == 2
    kubectl('echo "The connection to the server localhost:8080 was refused" >&2; exit 1')
    assert weighbridge("production", "taxi", "--cluster").code == 3
    kubectl("echo '{\"items\": []}'")
    none = weighbridge("production", "taxi", "--cluster")
    assert (none.code, "nothing in kubectl's namespace has the annotation" in none.out) == (2, True)
