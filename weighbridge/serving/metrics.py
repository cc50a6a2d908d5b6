"""What a server tells Prometheus. Histograms count whole arrays at once."""

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# Each bucket is 1.1 times the one before, so that a median is known to 10 %: medians of two versions are compared.
SECONDS = tuple(0.0005 * 1.1**power for power in range(105))
_TENTHS = [round(0.05 * step, 2) for step in range(21)]
_DECADES = [float(f"{10 ** (step / 4):.4g}") for step in range(1, 25)]
_SMALL = [0.05, 0.1, 0.2, 0.5, 1.0]
# The same for every model: probabilities finely, and anything else to a million either way.
PREDICTIONS = tuple([-each for each in reversed([*_SMALL, *_DECADES])] + _TENTHS + _DECADES)
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Histograms:
    """Histograms of one name with labels; a collector as prometheus-client's registry takes them.

    Args:
        name: of the metric.
        text: its help.
        labels: names of its labels.
        edges: upper edges of its buckets but the last, which is infinite, ascending.
    """

    def __init__(self, name: str, text: str, labels: Sequence[str], edges: Sequence[float]) -> None:
        self._name, self._text, self._labels = name, text, tuple(labels)
        self._edges = np.asarray(edges)
        self._texts = [*map(_number, edges), "+Inf"]
        self._counts: dict[tuple[str, ...], npt.NDArray[np.int64]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def observe(self, labels: tuple[str, ...], values: "npt.NDArray[Any] | float") -> None:
        """Count values, however many; what is no number counts as infinite, and not in the sum."""
        flat = np.asarray(values, np.float64).ravel()
        found = np.bincount(np.searchsorted(self._edges, flat, "left"), minlength=len(self._edges) + 1)
        total = float(flat[np.isfinite(flat)].sum())
        with self._lock:
            known = self._counts.get(labels)
            self._counts[labels] = found if known is None else known + found
            self._sums[labels] = self._sums.get(labels, 0.0) + total

    def collect(self) -> Iterator[Any]:
        """The histograms as they are now."""
        from prometheus_client.core import HistogramMetricFamily

        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        with self._lock:
            found = [(labels, counts.cumsum().tolist(), self._sums[labels]) for labels, counts in self._counts.items()]
        for labels, cumulative, total in found:
            family.add_metric(list(labels), list(zip(self._texts, cumulative, strict=True)), total)
        yield family

    def describe(self) -> Iterable[Any]:
        """Nothing to look at when registering."""
        return ()


class Metrics:
    """All metrics of a server.

    Args:
        name: of the model.
        registry: of prometheus-client; what `/metrics` shows.
    """

    def __init__(self, name: str, registry: Any) -> None:
        from prometheus_client import Counter, Gauge

        self.name = name
        labels = ("model", "version")
        self.requests = Counter("weighbridge_requests", "Requests answered", (*labels, "code"), registry=registry)
        self.seconds = Histograms(
            "weighbridge_request_seconds",
            "From receiving a request to its answer, of those that succeeded",
            labels,
            SECONDS,
        )
        self.predictions = Histograms("weighbridge_prediction", "Predicted numbers", (*labels, "output"), PREDICTIONS)
        registry.register(self.seconds)
        registry.register(self.predictions)
        self.info = Gauge(
            "weighbridge_model_info", "The model that is served", (*labels, "digest", "signed_by"), registry=registry
        )
        self.ready = Gauge("weighbridge_model_ready", "Whether it answers", labels, registry=registry)
        self.in_flight = Gauge("weighbridge_requests_in_flight", "Requests being answered", labels, registry=registry)
        self.memory = Gauge("weighbridge_memory_bytes", "Resident memory of the process", labels, registry=registry)
        self.batch_rows = Counter("weighbridge_batch_rows", "Rows given to the model", labels, registry=registry)
        self.batches = Counter("weighbridge_batches", "Calls of the model", labels, registry=registry)
        self.refused = Counter(
            "weighbridge_refused", "Requests not taken: too many, too long", ("model", "reason"), registry=registry
        )
        self.swaps = Counter(
            "weighbridge_swaps", "Changes of version, and candidates refused", ("model", "result"), registry=registry
        )
        self.looked = Gauge(
            "weighbridge_watch_success_seconds", "When production was last looked at", ("model",), registry=registry
        )
        self.unreachable = Counter(
            "weighbridge_watch_errors", "Looks at production that failed", ("model",), registry=registry
        )
        self.logged = Counter("weighbridge_log_rows", "Rows logged", ("model",), registry=registry)
        self.dropped = Counter(
            "weighbridge_log_dropped", "Rows not logged: queue full, disk", ("model", "reason"), registry=registry
        )
        self.started = Gauge("weighbridge_started_seconds", "When the server started", labels, registry=registry)
        self._started = time.time()
        for reason in ("concurrency", "size"):
            self.refused.labels(name, reason)
        for result in ("swapped", "refused"):
            self.swaps.labels(name, result)

    def serve(self, version: str, digest: str, signed_by: str) -> None:
        """Say that a version is served from now on."""
        self.info.labels(self.name, version, digest, signed_by).set(1)
        self.ready.labels(self.name, version).set(1)
        self.memory.labels(self.name, version).set_function(resident_bytes)
        self.started.labels(self.name, version).set(self._started)
        self.in_flight.labels(self.name, version)
        for code in ("200", "500"):  # a rate needs a series from its first value on
            self.requests.labels(self.name, version, code)

    def retire(self, version: str, digest: str, signed_by: str) -> None:
        """Say that a version is served no more."""
        for gauge, labels in (
            (self.info, (version, digest, signed_by)),
            (self.ready, (version,)),
            (self.memory, (version,)),
            (self.started, (version,)),
            (self.in_flight, (version,)),
        ):
            gauge.remove(self.name, *labels)

    def answered(self, version: str, code: int, seconds: float) -> None:
        """Count one answer.

        How fast something is refused is not how fast a model answers: times are those of answers that succeeded.
        """
        self.requests.labels(self.name, version, str(code)).inc()
        if 200 <= code < 300:
            self.seconds.observe((self.name, version), seconds)

    def predicted(self, version: str, outputs: "dict[str, npt.NDArray[Any]]") -> None:
        """Count what was predicted; text is no number."""
        for name, values in outputs.items():
            if values.dtype.kind in "fiub":
                self.predictions.observe((self.name, version, name), values)


def resident_bytes() -> float:
    """Resident memory of this process, bytes."""
    return float(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _number(value: float) -> str:
    return repr(float(f"{value:.6g}"))
