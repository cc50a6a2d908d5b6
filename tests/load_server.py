"""A server on loopback whose answers are known: `python -m tests.load_server --service-ms 2 --stall 1/10`.

It answers one request after the other, each after `service_ms`: what waits for it is a queue of which theory knows all.
"""

import argparse
import asyncio
import contextlib
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
BODY = b'{"predictions":[0.5]}'


class Answering(asyncio.Protocol):
    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.buffer, self.transport = options, b"", None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            if self.buffer.startswith(b"GET"):
                self.buffer = self.buffer[end + 4 :]
                self.tell()
                continue
            length = int(self.buffer[:end].lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            self.answer()

    def tell(self) -> None:
        """What prometheus-client exports of a process."""
        text = f"process_cpu_seconds_total {time.process_time()}\nprocess_resident_memory_bytes 1.5e+07\n".encode()
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))

    def answer(self) -> None:
        options = self.options
        options.count += 1
        if options.stall_s and (phase := (time.monotonic() - options.began) % options.period_s) < options.stall_s:
            time.sleep(options.stall_s - phase)
        if options.delay_ms:
            # Known times without any queue: the quantiles of an exponential distribution, in an order that mixes them.
            share = ((options.count * 617) % 1000 + 0.5) / 1000
            delay = -options.delay_ms * math.log(1 - share) / 1000
            asyncio.get_running_loop().call_later(delay, self.reply, -1)
            return
        if options.service_ms:
            time.sleep(options.service_ms / 1000)
        self.reply(options.count % options.every if options.every else -1)

    def reply(self, turn: int) -> None:
        options = self.options
        if turn == 0 and options.fault == "hang":
            return
        if turn == 0 and options.fault == "drop":
            self.transport.abort()
            return
        status = b"503 Service Unavailable" if turn == 0 and options.fault == "error" else b"200 OK"
        if options.chunked:
            body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (BODY[:5], BODY[5:])) + b"0\r\n\r\n"
            self.transport.write(b"HTTP/1.1 %b\r\nTransfer-Encoding: chunked\r\n\r\n" % status)
            self.transport.write(body)
            return
        head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n" % (status, len(BODY))
        if options.close:
            head += b"Connection: close\r\n"
        self.transport.write(head + b"\r\n" + BODY)
        if options.close:
            self.transport.close()


async def main(options: argparse.Namespace) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Answering(options), "127.0.0.1", 0)
    options.began = time.monotonic()
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await asyncio.sleep(options.lasting_s)  # stops by itself, whatever became of who started it


@contextlib.contextmanager
def load_server(**options: object) -> Iterator[str]:
    """Such a server in a process of its own; its address. Options as on the command line: `service_ms=2`."""
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.load_server", *given], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--service-ms", type=float, default=0)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--stall-s", type=float, default=0)
    parser.add_argument("--period-s", type=float, default=10)
    parser.add_argument("--every", type=int, default=0)
    parser.add_argument("--fault", choices=["error", "drop", "hang"], default="error")
    parser.add_argument("--chunked", type=int, default=0)
    parser.add_argument("--close", type=int, default=0)
    parser.add_argument("--lasting-s", type=float, default=120)
    options = parser.parse_args()
    options.count = 0
    asyncio.run(main(options))
