"""The real server, in its own environment: protocols, limits, swaps under load, and an ordered end."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest

from tests.components.evaluator.helpers import export
from tests.components.pusher.helpers import make_model, weigh
from tests.made_once import made_once
from tests.patience import wait_until
from tests.serving_server import ServingServer, serving_python, serving_server
from weighbridge.components.pusher import push

pytestmark = pytest.mark.slow

# Run in the server's environment, which has KServe's own client.
GRPC = """
import asyncio, sys
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

async def main():
    client = InferenceGRPCClient(url=sys.argv[1])
    miles = InferInput("miles", [2], "FP32")
    miles.set_data_from_numpy(np.array([1.5, 2], np.float32))
    raw = await client.infer(InferRequest("taxi", [miles]))
    plain = await client.infer(InferRequest("taxi", [InferInput("miles", [1], "FP32", data=[4.0])]))
    print(raw.model_version, raw.outputs[0].as_numpy().tolist(), plain.outputs[0].as_numpy().tolist())
    print(await client.is_server_ready(), await client.is_model_ready("taxi"))
    for request in (InferRequest("taxi", [InferInput("mile", [1], "FP32", data=[4.0])]),):
        try:
            await client.infer(request)
        except Exception as error:
            print(error.code().name, error.details())

asyncio.run(main())
"""


def _make(folder: Path) -> None:
    import tensorflow as tf

    for number in (1, 2):
        export(folder / f"m{number}", lambda miles, n=number: {"p": miles * n}, {"miles": ((None,), "float32")})

    def slow(miles: Any) -> Any:
        start = miles[0] * tf.ones([400, 400])
        burnt = tf.while_loop(lambda i, _: i < 40, lambda i, x: (i + 1, tf.tanh(x @ x)), (0, start))[1]
        return {"p": miles + 0 * tf.reduce_sum(burnt)}

    export(folder / "slow", slow, {"miles": ((None,), "float32")})


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return made_once(tmp_path_factory, "server-models", _make)


def push_version(folder: Path, model: Path, number: int) -> None:
    push(model, weigh(folder / f"e{number}", model, run_id=f"run-{number}"), folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Load:
    """Asks without a pause on a few connections, until it is told to stop: what was answered, by status and version."""

    def __init__(self, uri: str, threads: int = 4) -> None:
        self._address = urlsplit(uri).netloc
        self._stop = threading.Event()
        self.answers: Counter[tuple[Any, str]] = Counter()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        deadline = time.monotonic() + 60
        while not self._stop.is_set() and time.monotonic() < deadline:
            try:
                connection.request("POST", "/v1/models/taxi:predict", b'{"instances": [{"miles": 1.0}]}')
                answer = connection.getresponse()
                body = json.loads(answer.read())
                version = answer.headers["x-weighbridge-version"]
                right = answer.status == 200 and body["predictions"] == [float(version)]
                self.answers[answer.status if right else "wrong", version] += 1
                if answer.headers.get("connection") == "close":
                    connection.close()
            except OSError as error:
                self.answers[type(error).__name__, ""] += 1
                connection.close()
                return


def test_it_answers_by_every_protocol_and_tells_prometheus(models, tmp_path):
    (tmp_path / "scratch").mkdir()
    options = [
        "--log",
        str(tmp_path / "log"),
        "--log-fields",
        "miles",
        "--max-request-bytes",
        "1000",
        "--max-rows",
        "5",
    ]
    scratch = {"TMPDIR": str(tmp_path / "scratch")}
    with serving_server(tmp_path, "taxi", models / "m2", "--version", "7", *options, **scratch) as server:
        status, body, headers = server.predict([{"miles": 1.5}, {"miles": 2}])
        assert (status, body, headers["x-weighbridge-version"]) == (200, {"predictions": [3.0, 4.0]}, "7")

        tensor = {"name": "miles", "shape": [2], "datatype": "FP32", "data": [1.5, 2]}
        status, body, headers = server.post("/v2/models/taxi/infer", {"id": "a", "inputs": [tensor]})
        assert (status, headers["x-weighbridge-version"]) == (200, "7")
        [output] = body["outputs"]
        assert (body["id"], body["model_version"], output["name"], output["data"]) == ("a", "7", "p", [3.0, 4.0])
        assert (output["datatype"], output["shape"]) == ("FP32", [2])

        done = subprocess.run([serving_python(), "-c", GRPC, server.grpc], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == [
            "7 [3.0, 4.0] [8.0]",
            "True True",
            "INVALID_ARGUMENT unknown feature 'mile': the model takes miles. Did you mean 'miles'?",
        ]

        assert server.get("/v2/health/live") == (200, '{"live":true}')
        assert server.get("/v2/health/ready") == (200, '{"ready":true}')
        told = json.loads(server.get("/v2/models/taxi")[1])
        assert told["inputs"] == [{"name": "miles", "datatype": "FP32", "shape": [-1]}]
        assert (told["versions"], told["platform"]) == (["7"], "tensorflow_savedmodel")
        assert told["outputs"] == [{"name": "p", "datatype": "FP32", "shape": [-1]}]

        wrong = [
            (server.predict([{"mile": 1}]), 400, "unknown feature 'mile'"),
            (server.predict([{"miles": "x"}]), 400, "feature 'miles' takes numbers, got the text 'x'"),
            (server.predict([{"miles": 1}] * 6), 413, "6 rows; at most 5"),
            (server.post("/v1/models/taxi:predict", b"x" * 1001), 413, "1000 bytes"),
            (server.post("/v1/models/taxi:predict", b"{"), 400, "unexpected end of data"),
            (server.post("/v1/models/churn:predict", {"instances": [1]}), 404, "churn"),
            (server.post("/v2/models/taxi/infer", {"inputs": [{**tensor, "shape": [3]}]}), 400, "'miles'"),
            (server.post("/v2/models/taxi/infer", {"inputs": 5}), 400, "inputs"),
            (server.post("/v2/models/taxi/infer", {"inputs": [tensor, tensor]}), 400, "given twice"),
            (server.post("/v2/models/taxi/infer", {"inputs": [{**tensor, "datatype": "INT64"}]}), 400, "1.5"),
            (server.post("/v2/models/taxi/infer", {"inputs": [{**tensor, "data": ["7", 1]}]}), 400, "'7'"),
            (server.post("/v1/models/taxi:explain", {"instances": [{"miles": 1}]}), 501, "explain"),
            (server.post("/v2/repository/models/taxi/unload", {}), 403, "in production"),
        ]
        for (status, body, _), code, text in wrong:
            assert (status, text in body["error"]) == (code, True), body
        assert server.predict([{"miles": 1}])[0] == 200
        assert "Traceback" not in server.text()  # what senders do wrong is no failure of ours

        assert server.metric("weighbridge_requests_total", model="taxi", version="7", code="200") == 5
        assert server.metric("weighbridge_requests_total", code="400") == 9
        assert server.metric("weighbridge_request_seconds_count", version="7") == 5
        assert server.metric("weighbridge_prediction_bucket", output="p", version="7", le="+Inf") == 8
        assert server.metric("weighbridge_model_ready", version="7") == 1
        assert server.metric("weighbridge_memory_bytes", version="7") > 1e8
        assert server.metric("request_predict_seconds_count") > 0  # KServe's own
        uri = urlsplit(server.uri)
        code = server.stop()
    assert code == 0
    assert list((tmp_path / "scratch").iterdir()) == []  # the copy of the model is gone
    rows = [row for path in (tmp_path / "log").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    assert len(rows) == 8
    assert {(row["feature.miles"], row["prediction.p"]) for row in rows} == {(1.5, 3), (2, 4), (4, 8), (1, 2)}
    with socket.socket() as probe:
        assert probe.connect_ex((uri.hostname, uri.port)) != 0
    assert uri.hostname == "127.0.0.1"


def test_it_is_alive_and_not_ready_until_it_has_answered_rows(models, tmp_path):
    port = free_port()
    server = ServingServer(tmp_path, "taxi", models / "m1", ["--port", str(port)])
    server.start(ready=False)
    server.uri = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: listens(port) and server.get("/v2/health/live")[0] == 200, "a server that is alive")
        assert server.get("/v2/health/ready")[0] == 503  # it has not loaded TensorFlow yet
        assert server.get("/v2/models/taxi/ready")[0] == 503
        assert server.predict([{"miles": 1.0}])[0] == 503
        wait_until(lambda: server.get("/v2/health/ready")[0] == 200, "readiness")
        assert server.predict([{"miles": 1.0}])[:2] == (200, {"predictions": [1.0]})
        assert server.metric("weighbridge_requests_total", version="none", code="503") == 1
    finally:
        assert server.stop() == 0


def test_production_changes_under_load_without_a_failed_request_and_a_bad_version_never_takes_over(models, tmp_path):
    production = tmp_path / "production"
    push_version(production, models / "m1/Format-Serving", 1)
    with serving_server(tmp_path, "taxi", production, "--watch", "0.2") as server:
        with Load(server.uri) as load:
            wait_until(lambda: load.answers[200, "1"] > 200, "answers of version 1")
            push_version(production, models / "m2/Format-Serving", 2)
            wait_until(lambda: load.answers[200, "2"] > 200, "answers of version 2")
            assert server.metric("weighbridge_model_info") == 1  # the old one is gone

            push_version(production, make_model(tmp_path / "damaged"), 3)
            wait_until(lambda: server.metric("weighbridge_swaps_total", result="refused") == 1, "a refusal")
            seen = load.answers[200, "2"]
            wait_until(lambda: load.answers[200, "2"] > seen + 100, "further answers of version 2")
        assert set(load.answers) == {(200, "1"), (200, "2")}, load.answers
        assert "version 3 is refused, version 2 goes on" in server.text()
        assert server.get("/v2/health/ready")[0] == 200


def test_on_sigterm_it_is_ready_no_more_and_answers_all_that_was_asked(models, tmp_path):
    with serving_server(tmp_path, "taxi", models / "slow", "--drain-seconds", "1", "--max-batch", "1") as server:
        answers = []
        asking = [
            threading.Thread(target=lambda: answers.append(server.predict([{"miles": 1.0}])[0])) for _ in range(8)
        ]
        for thread in asking:
            thread.start()
        wait_until(lambda: server.metric("weighbridge_requests_in_flight") > 2, "requests in flight")
        os.kill(server.process.pid, signal.SIGTERM)
        wait_until(lambda: server.get("/v2/health/ready")[0] == 503, "readiness to end")
        assert server.get("/v2/health/live")[0] == 200
        status, _, headers = server.predict([{"miles": 1.0}])  # that the proxy has not heard yet
        assert (status, headers["connection"]) == (200, "close")
        for thread in asking:
            thread.join()
        assert server.process.wait(60) == 0
    assert answers == [200] * 8


def test_more_requests_than_it_takes_are_told_to_come_again(models, tmp_path):
    options = ["--concurrency", "2", "--max-batch", "1"]
    with serving_server(tmp_path, "taxi", models / "slow", *options) as server:
        found = []
        asking = [threading.Thread(target=lambda: found.append(server.predict([{"miles": 1.0}]))) for _ in range(8)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        codes = Counter(status for status, _, _ in found)
        assert set(codes) == {200, 429}
        assert codes[200] >= 2
        assert {headers["retry-after"] for status, _, headers in found if status == 429} == {"1"}
        assert server.predict([{"miles": 1.0}])[0] == 200


def test_what_may_not_be_served_ends_it_with_the_reason(models, tmp_path):
    production = tmp_path / "production"
    push_version(production, models / "m1/Format-Serving", 1)
    (production / "1/saved_model.pb").write_bytes(b"changed")
    server = ServingServer(tmp_path, "taxi", production)
    server.start(ready=False)
    assert server.process.wait(120) == 2
    assert "was changed: its digest is" in server.text()
