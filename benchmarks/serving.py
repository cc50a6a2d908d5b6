"""`python -m benchmarks serving`: what our model server adds to a call of the model, one row at a time.

The bare call of the loaded model, the call with a row made into its tensors, and the whole request over HTTP on one
connection that is kept open, client and all, take turns. KServe's server runs in its own environment.
"""

import http.client
import json
import re
import shlex
import statistics
import subprocess
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from weighbridge.common.errors import InfrastructureError
from weighbridge.serving.command import server_command
from weighbridge.serving.settings import Settings

# Runs in the server's environment: answers each line that it reads with medians in seconds.
_BARE = """
import json, sys, time
from weighbridge.serving.release import source_of
from weighbridge.serving.rows import from_instances
from weighbridge.serving.served import load
from weighbridge.serving.settings import parse

settings = parse(sys.argv[2:])
source = source_of(settings)
served = load(source, source.newest(), settings)
rows = json.loads(sys.argv[1])

def prepared():
    return served.encoder.join([served.encoder.encode(from_instances(rows), {})])

def median(call, count):
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)[count // 2]

request = prepared()
for line in sys.stdin:
    count = int(line)
    bare = median(lambda: served.loaded.call(request), count)
    print(json.dumps([bare, median(lambda: served.loaded.call(prepared()), count)]), flush=True)
"""


def main(
    model: Annotated[Path, typer.Option(help="A version's folder, or a destination.")] = Path("work/taxi/production"),
    signature: Annotated[str, typer.Option(help="That is called.")] = "serving_default",
    requests: Annotated[int, typer.Option(help="In each round.")] = 500,
    rounds: Annotated[int, typer.Option(help="Turns of each.")] = 5,
) -> None:
    """Measure the overhead of a request over the bare call of the model, one row each."""
    settings = Settings("bench", str(model.absolute()), signature=signature, port=0, grpc_port=-1)
    command, environ = server_command(settings)
    server = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address, body = _announced(server)
        rows = json.dumps(json.loads(body)["instances"])
        bare = subprocess.Popen(
            [command[0], "-c", _BARE, rows, *settings.arguments()],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            seconds: dict[str, list[float]] = {"call of the model": [], "row made into tensors, and call": []}
            seconds |= {"request over HTTP": [], "its p99": []}
            for number in range(rounds + 1):  # the first warms up
                measured = [*_ask(bare, requests), *_requests(address, body, requests)]
                for kept, each in zip(seconds.values(), measured, strict=True):
                    kept += [each] * bool(number)
        finally:
            bare.terminate()
            bare.wait()
    finally:
        server.terminate()
        server.wait()
    typer.echo(f"| {requests} requests of one row, {rounds} rounds | median |\n| --- | ---: |")
    for name, each in seconds.items():
        typer.echo(f"| {name} | {1000 * statistics.median(each):.2f} ms |")


def _announced(server: "subprocess.Popen[str]") -> tuple[str, bytes]:
    """Address of the server, and the body of the request that it says can be sent."""
    address, body = "", b""
    for line in server.stdout or ():
        if found := re.match(r"serving \S+ version \S+ on (http://\S+)", line):
            address = urlsplit(found[1]).netloc
        elif line.strip().startswith("curl "):
            body = shlex.split(line)[-1].encode()
        elif "metrics:" in line:
            return address, body
    raise InfrastructureError("The server ended", "See what it says: weighbridge serve PIPELINE")


def _ask(bare: "subprocess.Popen[str]", count: int) -> Any:
    assert bare.stdin is not None and bare.stdout is not None  # noqa: PT018, they are pipes
    bare.stdin.write(f"{count}\n")
    bare.stdin.flush()
    return json.loads(bare.stdout.readline())


def _requests(address: str, body: bytes, count: int) -> tuple[float, float]:
    """Median and p99 of requests one after the other, seconds."""
    connection = http.client.HTTPConnection(address)
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        connection.request("POST", "/v1/models/bench:predict", body)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise InfrastructureError(f"The server answered {answer.status}")
        seconds.append(time.perf_counter() - began)
    connection.close()
    ordered = sorted(seconds)
    return ordered[count // 2], ordered[int(0.99 * count)]
