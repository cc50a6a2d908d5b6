"""KServe's model server, told where to listen, when to be ready, and how to end.

KServe 0.15 binds every interface, is ready at once, lets whoever reaches it unload the model, and leaves signals to
uvicorn, which drops what comes while it ends. Its protocols, routes and codecs are used as they are.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import fastapi
import grpc
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from kserve import ModelServer
from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady, ServerNotReady
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.rest.server import RESTServer

from weighbridge.common.errors import InfrastructureError
from weighbridge.serving.limits import Limits
from weighbridge.serving.metrics import Metrics
from weighbridge.serving.predictor import ModelError, Predictor
from weighbridge.serving.rows import RequestError
from weighbridge.serving.settings import Settings
from weighbridge.serving.slot import Slot

_LOG = logging.getLogger("weighbridge.serving")
_BACKLOG = 2048
_STATUSES: dict[type[Exception], int] = {
    InvalidInput: 400,
    ModelNotFound: 404,
    NotImplementedError: 501,
    ModelNotReady: 503,
    ServerNotReady: 503,
}
_CODES = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
}


class Server(ModelServer):
    """KServe's server around one slot.

    Args:
        settings: of the server.
        slot: that holds the version.
        metrics: of the server.
        predictor: KServe's face of the slot.
    """

    def __init__(self, settings: Settings, slot: Slot, metrics: Metrics, predictor: Predictor) -> None:
        super().__init__(enable_grpc=settings.grpc_port >= 0, grace_period=int(settings.grace_seconds) or 1)
        self._settings = settings
        self._slot = slot
        self._metrics = metrics
        self.dataplane = _DataPlane(self.registered_models, slot)
        self.register_model(predictor)
        self._socket = _listen(settings.host, settings.port)
        self.port: int = self._socket.getsockname()[1]
        self.bound_grpc = 0
        self.limits: Limits | None = None

    async def begin(self) -> None:
        """Listen, and answer; not ready before the slot holds a version.

        Raises:
            InfrastructureError: a port is taken.
        """
        app = "kserve.model_server:app"
        rest = _Rest(app, self.dataplane, self.model_repository_extension, self.port, grace_period=self.grace_period)
        rest.create_application()
        from kserve.model_server import app as application

        self.limits = Limits(application, self._settings, self._slot, self._metrics)
        rest.config.app = self.limits
        rest.config.backlog = _BACKLOG
        rest.config.access_log = False
        rest.config.lifespan = "off"
        self._uvicorn: Any = rest._server
        self._uvicorn.capture_signals = contextlib.nullcontext  # signals are ours, see `Ending`
        self._serving = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]))
        if self.enable_grpc:
            await self._begin_grpc()
        while not self._uvicorn.started and not self._serving.done():
            await asyncio.sleep(0.01)
        if self._serving.done():
            await self._serving

    async def _begin_grpc(self) -> None:
        most = self._settings.max_request_bytes
        options = [
            ("grpc.max_receive_message_length", most),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # else a second server would take half of the first one's requests
        ]
        limited = _GrpcLimits(self)
        self._grpc = grpc.aio.server(ThreadPoolExecutor(1), interceptors=(limited, GrpcErrors()), options=options)
        servicer = InferenceServicer(self.dataplane, self.model_repository_extension)
        grpc_predict_v2_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, self._grpc)
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        try:
            self.bound_grpc = self._grpc.add_insecure_port(f"{host}:{self._settings.grpc_port}")
        except RuntimeError as error:
            raise _taken("--grpc-port", host, self._settings.grpc_port, "address in use") from error
        await self._grpc.start()

    async def end(self) -> None:
        """Answer what is being answered, take nothing new, and stop listening."""
        self._slot.drain()
        await asyncio.sleep(self._settings.drain_seconds)
        ending = [asyncio.ensure_future(self._grpc.stop(self._settings.grace_seconds))] if self.enable_grpc else []
        deadline = time.monotonic() + self._settings.grace_seconds
        while self.limits is not None and self.limits.running and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        self._uvicorn.should_exit = True
        await asyncio.gather(self._serving, *ending, return_exceptions=True)


class Ending:
    """Set by SIGTERM or SIGINT; a second one ends the process at once."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask, loop, number)

    async def wait(self) -> None:
        """Wait for it."""
        await self._asked.wait()

    def _ask(self, loop: asyncio.AbstractEventLoop, number: signal.Signals) -> None:
        if self._asked.is_set():
            loop.remove_signal_handler(number)
            signal.raise_signal(number)
        self._asked.set()


class _DataPlane(DataPlane):
    """KServe's, ready when the slot is."""

    def __init__(self, registry: Any, slot: Slot) -> None:
        super().__init__(model_registry=registry)
        self._slot = slot

    async def ready(self) -> bool:
        """Whether requests are wanted."""
        return self._slot.ready

    async def model_metadata(self, model_name: str) -> dict[str, Any]:
        """As KServe's, with the version that answers and the kind of model."""
        served = self._slot.current
        more = {} if served is None else {"versions": [served.version], "platform": served.platform}
        return {**await super().model_metadata(model_name), **more}

    async def model_ready(self, model_name: str, disable_predictor_health_check: bool = False) -> bool:
        """Whether a model answers; asked from outside, whether requests are wanted."""
        there = await super().model_ready(model_name, disable_predictor_health_check)
        return there if disable_predictor_health_check else there and self._slot.ready


class _Rest(RESTServer):
    """KServe's routes without its timing log, which costs more than a small model; errors say what is wrong."""

    def _add_middlewares(self, app: fastapi.FastAPI) -> None:
        pass

    def _add_exception_handlers(self, app: fastapi.FastAPI) -> None:
        super()._add_exception_handlers(app)
        app.add_exception_handler(RequestError, _told)
        statuses = {
            ModelNotFound: 404,
            InvalidInput: 400,
            ModelNotReady: 503,
            ServerNotReady: 503,
            NotImplementedError: 501,
        }
        for kind, status in statuses.items():  # KServe's own handlers write a traceback into the log
            app.add_exception_handler(kind, partial(_answered, status))
        app.add_exception_handler(ModelError, _told)
        app.add_exception_handler(RequestValidationError, _malformed)


async def _told(_: Any, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=getattr(error, "status", 500))


async def _answered(status: int, _: Any, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=status)


async def _malformed(_: Any, error: Exception) -> JSONResponse:
    [first, *_] = error.errors()  # type: ignore[attr-defined]  # registered for RequestValidationError alone
    where = ".".join(str(each) for each in first["loc"] if each not in ("body", "InferenceRequest", "bytes"))
    return JSONResponse({"error": f"{where or 'the request'}: {first['msg']}"}, status_code=400)


class _GrpcLimits(grpc.aio.ServerInterceptor):
    """The same limits and metrics for gRPC."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)
        answers = {
            "ModelInfer": self._infer,
            "RepositoryModelUnload": self._refuse,
            "RepositoryModelLoad": self._refuse,
        }
        answer = answers.get(details.method.rpartition("/")[2])
        if handler is None or answer is None:
            return handler

        async def limited(request: Any, context: Any) -> Any:
            return await answer(handler.unary_unary, request, context)

        return grpc.unary_unary_rpc_method_handler(limited, handler.request_deserializer, handler.response_serializer)

    async def _refuse(self, _: Any, __: Any, context: Any) -> None:
        message = "models are loaded and unloaded by what is in production, not by requests"
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, message)

    async def _infer(self, call: Any, request: Any, context: Any) -> Any:
        server, limits = self._server, self._server.limits
        began = time.perf_counter()
        version = server._slot.version
        code = 500
        try:
            if limits is not None and limits.running >= server._settings.concurrency:
                code = 429
                server._metrics.refused.labels(server._settings.name, "concurrency").inc()
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many requests; try again")
            if limits is not None:
                limits.running += 1
            try:
                answer = await call(request, context)
            finally:
                if limits is not None:
                    limits.running -= 1
            version, code = answer.model_version or version, 200
            return answer
        except grpc.aio.AbortError:
            code = _CODES.get(context.code(), 500)
            raise
        finally:
            server._metrics.answered(version, code, time.perf_counter() - began)


class GrpcErrors(ExceptionToStatusInterceptor):
    """KServe's, which knows our errors too."""

    async def handle_exception(self, ex: Exception, request_or_iterator: Any, context: Any, method_name: str) -> None:
        """Say what is wrong, and whose fault it is."""
        if isinstance(ex, RequestError):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, ex.message)
        if isinstance(ex, ModelError):
            await context.abort(grpc.StatusCode.INTERNAL, str(ex))
        await super().handle_exception(ex, request_or_iterator, context, method_name)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise _taken("--port", host, port, error.strerror or str(error)) from error
    listening.setblocking(False)
    return listening


def _taken(name: str, host: str, port: int, why: str) -> InfrastructureError:
    return InfrastructureError(
        f"{name} {port} on {host} cannot be listened on: {why}", f"Give another, or 0 for a free one: {name} 0"
    )
