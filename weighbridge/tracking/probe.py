"""Whether a tracking server answers and takes the credentials: asked within a second, without MLflow's client."""

import os
import threading
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from weighbridge.tracking.settings import Server

BUDGET_S = 0.5
"""Seconds that a run waits for the answer at most."""

_ANSWER_BYTES = 65536


@dataclass(frozen=True)
class Answer:
    """What a server answered.

    Attributes:
        state: `ready`; `slow`, where it may yet answer; `down`, where it cannot be reached or says that it fails; or
            `refused`, where it does not take the credentials.
        reason: in a few words; empty where it is ready.
    """

    state: Literal["ready", "slow", "down", "refused"]
    reason: str = ""


def ask(server: Server, experiment: str, budget_s: float = BUDGET_S) -> Answer:
    """Ask a server for an experiment, which may be there or not.

    However long names, connections or answers take: the caller has its answer in time.

    Args:
        server: to be asked.
        experiment: name of the experiment.
        budget_s: seconds to wait at most.
    """
    if not server.speaks_http:
        return Answer("ready")
    found: list[Answer] = []
    asking = threading.Thread(target=lambda: found.append(_ask(server, experiment, budget_s)), daemon=True)
    asking.start()
    asking.join(budget_s)
    return found[0] if found else Answer("slow", f"no answer within {budget_s:g} s")


def _ask(server: Server, experiment: str, budget_s: float) -> Answer:
    import requests

    url = (
        f"{server.uri.rstrip('/')}/api/2.0/mlflow/experiments/get-by-name?experiment_name={quote(experiment, safe='')}"
    )
    try:
        answer = requests.get(
            url,
            headers=server.headers,
            timeout=budget_s,
            allow_redirects=False,
            verify=_verified(),
            cert=os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None,
            stream=True,
        )
        with answer:
            return _judged(answer.status_code, answer.raw.read(_ANSWER_BYTES, decode_content=True))
    except requests.exceptions.SSLError:
        return Answer("down", "its certificate cannot be checked")
    except requests.exceptions.Timeout:
        return Answer("slow", f"no answer within {budget_s:g} s")
    except (requests.exceptions.RequestException, OSError, ValueError) as error:
        refused = "refused" in str(error)
        return Answer("down", "connection refused" if refused else f"{type(error).__name__}")


def _judged(status: int, body: bytes) -> Answer:
    if status == 200 or (status == 404 and b"RESOURCE_DOES_NOT_EXIST" in body):
        return Answer("ready")
    if status in (401, 403):
        if os.environ.get("MLFLOW_TRACKING_AUTH") or os.environ.get("MLFLOW_TRACKING_AWS_SIGV4"):
            return Answer("ready")  # by a plugin of MLflow's, or signed: its client will see
        return Answer("refused", f"the credentials are not taken (HTTP {status})")
    if status == 404:
        return Answer("down", "it is no MLflow server (HTTP 404)")
    return Answer("down", f"HTTP {status}")


def _verified() -> Any:
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        return False
    return os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True
