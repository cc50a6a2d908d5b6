"""Our model on KServe's server: rows in, predictions out, by whichever version the slot holds."""

import logging
import time
from typing import Any

import numpy as np
from kserve import InferRequest, Model
from kserve.errors import ModelNotReady

from weighbridge.components.evaluator.unmeasurable import Unmeasurable, first_line
from weighbridge.serving.metrics import Metrics
from weighbridge.serving.payload import Asked, read_v1, read_v2, write_v1, write_v2
from weighbridge.serving.request_log import Entry, RequestLog
from weighbridge.serving.rows import RequestError
from weighbridge.serving.served import Served
from weighbridge.serving.settings import Settings
from weighbridge.serving.slot import Slot

_LOG = logging.getLogger("weighbridge.serving")
VERSION_HEADER = "x-weighbridge-version"
_DATATYPES = {"f4": "FP32", "f8": "FP64", "f2": "FP16", "b1": "BOOL"}


class ModelError(Exception):
    """The model raised on rows that fit it: HTTP status 500."""


class Predictor(Model):
    """KServe's face of a slot.

    Args:
        settings: of the server.
        slot: that holds the version.
        metrics: of the server.
        log: of requests; None for none.
    """

    def __init__(self, settings: Settings, slot: Slot, metrics: Metrics, log: RequestLog | None = None) -> None:
        super().__init__(settings.name, return_response_headers=True)
        self._settings = settings
        self._slot = slot
        self._metrics = metrics
        self._log = log

    async def healthy(self) -> bool:
        """Whether the model answers."""
        return self._slot.current is not None

    def load(self) -> bool:
        """Whether the model answers: what is loaded, and when, a request does not decide."""
        return self._slot.current is not None

    def start(self) -> None:
        """Nothing: the slot is filled by who follows production."""

    async def predict(
        self, payload: Any, headers: dict[str, str] | None = None, response_headers: dict[str, str] | None = None
    ) -> Any:
        """Answer a request of V1 (a dict, or its bytes) or V2 (an InferRequest).

        Raises:
            RequestError: its sender's fault.
            ModelError: the model raised.
            ModelNotReady: there is none yet.
        """
        began = time.perf_counter()
        with self._slot.taken() as served:
            if served is None:
                raise ModelNotReady(self.name)
            if response_headers is not None:
                response_headers[VERSION_HEADER] = served.version
            gauge = self._metrics.in_flight.labels(self.name, served.version)
            gauge.inc()
            try:
                return await self._answer(served, payload, headers or {}, began)
            finally:
                gauge.dec()

    async def _answer(self, served: Served, payload: Any, headers: dict[str, str], began: float) -> Any:
        second = isinstance(payload, InferRequest)
        if second:
            asked = read_v2(payload, served.encoder)
        else:
            asked = read_v1(payload, served.encoder, self._settings.signature)
        if asked.rows.count > self._settings.max_rows:
            raise RequestError(
                f"the request has {asked.rows.count} rows; at most {self._settings.max_rows} are taken at once", 413
            )
        part = served.encoder.encode(asked.rows, asked.parameters)
        try:
            outputs = await served.answer(part)
        except Exception as error:  # whatever a user's graph or flavour raises
            _LOG.error("version %s raised on a request: %s", served.version, first_line(error))
            raise ModelError(error.message if isinstance(error, Unmeasurable) else first_line(error)) from error
        self._metrics.predicted(served.version, outputs)
        if self._log is not None:
            self._note(self._log, served, asked, outputs, headers, began)
        if second:
            return write_v2(outputs, self.name, served.version, payload)
        return write_v1(outputs, columns=asked.columns)

    @staticmethod
    def _note(
        log: RequestLog, served: Served, asked: Asked, outputs: Any, headers: dict[str, str], began: float
    ) -> None:
        log.note(
            Entry(
                time.time(),
                headers.get("x-request-id", ""),
                served.version,
                time.perf_counter() - began,
                asked.rows,
                outputs,
            )
        )

    def get_input_types(self) -> list[dict[str, Any]]:
        """What V2's metadata say of the inputs."""
        served = self._slot.current
        types = {"int": "INT64", "float": "FP32", "bytes": "BYTES", "bool": "BOOL", None: "BYTES"}
        return [
            {"name": name, "datatype": types[each.kind], "shape": [-1] if each.width == 1 else [-1, each.width or -1]}
            for name, each in (served.encoder.features.items() if served else ())
        ]

    def get_output_types(self) -> list[dict[str, Any]]:
        """What V2's metadata say of the outputs, as the warm-up saw them."""
        served = self._slot.current
        return [
            {"name": name, "datatype": _datatype(kind), "shape": [-1, *shape]}
            for name, (kind, shape) in (served.outputs.items() if served else ())
        ]


def _datatype(kind: str) -> str:
    dtype = np.dtype(kind)
    if dtype.kind in "iu":
        return f"{'U' if dtype.kind == 'u' else ''}INT{dtype.itemsize * 8}"
    return _DATATYPES.get(kind.lstrip("<>|="), "BYTES")
