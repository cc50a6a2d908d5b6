"""`python -m weighbridge.serving`: one model behind KServe's server, in an environment that has it."""

import asyncio
import json
import logging
import os
import shlex
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from weighbridge.common.errors import ExitCode, UsageError, WeighbridgeError
from weighbridge.serving.settings import Settings, parse

if TYPE_CHECKING:
    from weighbridge.serving.served import Served

_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        0 after an ordered end, 1 where the model may not be served, 2 for wrong options, 3 where the machine fails.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    warnings.filterwarnings("ignore", message="ORJSONResponse")
    logging.basicConfig(level=logging.INFO, format=_FORMAT, stream=sys.stderr)
    try:
        settings = parse(arguments)
        sys.argv[1:] = []  # KServe reads options of its own, and takes --log for one of them
        _check_installed()
        return _run(settings)
    except WeighbridgeError as error:
        print(f"weighbridge.serving: {error.message}", file=sys.stderr)  # noqa: T201, the program's output
        if error.hint:
            print(error.hint, file=sys.stderr)  # noqa: T201
        return int(error.exit_code)


def _check_installed() -> None:
    try:
        import kserve  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"{sys.executable} has no KServe: {error}",
            "It has an environment of its own: sh requirements/bootstrap.sh serving",
        ) from error


def _run(settings: Settings) -> int:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return int(runner.run(_serve(settings)))


async def _serve(settings: Settings) -> ExitCode:
    from prometheus_client import REGISTRY, disable_created_metrics

    from weighbridge.serving.follow import Follower
    from weighbridge.serving.metrics import Metrics
    from weighbridge.serving.predictor import Predictor
    from weighbridge.serving.release import source_of
    from weighbridge.serving.request_log import RequestLog
    from weighbridge.serving.server import Ending, Server
    from weighbridge.serving.slot import Slot

    for noisy in ("kserve", "uvicorn.error", "httpx"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    logging.getLogger("kserve").addHandler(logging.NullHandler())  # else KServe sets up a format of its own
    logging.getLogger("uvicorn.access").propagate = False  # a line per request costs more than a small model
    disable_created_metrics()  # type: ignore[no-untyped-call]
    metrics = Metrics(settings.name, REGISTRY)
    slot = Slot(metrics)
    source = source_of(settings)
    log = RequestLog(settings, metrics) if settings.log else None
    predictor = Predictor(settings, slot, metrics, log)
    server = Server(settings, slot, metrics, predictor)
    ending = Ending()
    await server.begin()
    executor = ThreadPoolExecutor(settings.workers, "model")
    follower = Follower(source, settings, slot, metrics, executor)
    ended = asyncio.ensure_future(ending.wait())
    try:
        first = asyncio.ensure_future(follower.first())
        await asyncio.wait((first, ended), return_when=asyncio.FIRST_COMPLETED)
        if first.done():
            _announce(settings, await first, server.port, server.bound_grpc)
            following = asyncio.ensure_future(follower.follow()) if settings.watch else None
            await ended
            if following is not None:
                following.cancel()
    finally:
        await server.end()
        if slot.current is not None:
            slot.current.close()
        if log is not None:
            await asyncio.to_thread(log.close)
    return ExitCode.PASSED


def _announce(settings: Settings, served: "Served", port: int, grpc_port: int) -> None:
    """Say where it listens, what it serves, and a line to try it with."""
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    grpc = f", gRPC {shown}:{grpc_port}" if grpc_port else ""
    address = f"http://{shown}:{port}"
    lines = [f"serving {settings.name} version {served.version} on {address}{grpc}"]
    signer = served.release.signed_by
    lines.append(f"  {served.release.digest}, {f'signed by {signer[:12]}' if signer else 'unsigned'}")
    if served.example:
        body = json.dumps({"instances": [served.example]})
        lines.append(f"  curl -s {address}/v1/models/{settings.name}:predict -d {shlex.quote(body)}")
    lines.append(f"  metrics: {address}/metrics")
    print("\n".join(lines), flush=True)  # noqa: T201, the program's output


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # TensorFlow's threads are not waited for
