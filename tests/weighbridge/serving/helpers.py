"""Settings, releases and models in memory, for tests that start no server."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry

from weighbridge.serving.encode import Encoded
from weighbridge.serving.metrics import Metrics
from weighbridge.serving.release import Release
from weighbridge.serving.rows import Feature
from weighbridge.serving.served import Served
from weighbridge.serving.settings import Settings


def settings(**given: Any) -> Settings:
    return Settings(**{"name": "taxi", "model": "/models/taxi", **given})


def metrics() -> tuple[Metrics, CollectorRegistry]:
    registry = CollectorRegistry()
    return Metrics("taxi", registry), registry


def release(version: int, content: str = "a") -> Release:
    return Release(version, f"sha256:{content * 64}", "", f"/models/taxi/{version}")


class Doubling:
    """A model and its encoder in one: twice the number `x`; raises on 13."""

    features = {"x": Feature("x", "float", 1)}  # noqa: RUF012
    only = "x"
    parameters: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.calls: list[int] = []

    def encode(self, rows: Any, parameters: Any) -> Encoded:
        return Encoded(rows.count, np.array([each[0] for each in rows.columns["x"]], float))

    def join(self, parts: Any) -> Any:
        return np.concatenate([part.payload for part in parts])

    def call(self, request: Any) -> Any:
        self.calls.append(len(request))
        if 13 in request:
            raise ValueError("unlucky")
        return {"y": 2 * request}


def served(version: int = 1, content: str = "a", model: Any = None) -> Served:
    model = model or Doubling()
    return Served(release(version, content), model, model, ExitStack())


def evidence(destination: Path, version: int) -> Path:
    return destination / ".weighbridge" / str(version)
