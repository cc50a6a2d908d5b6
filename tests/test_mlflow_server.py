"""The server that other tests talk to is MLflow's own: killed, it keeps what it was sent, and it asks who one is."""

import base64
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.mlflow_server import MlflowServer, mlflow_server

pytestmark = pytest.mark.slow


def test_a_killed_server_comes_back_with_what_it_had(tmp_path_factory: pytest.TempPathFactory) -> None:
    with mlflow_server(tmp_path_factory.mktemp("killed")) as server:
        created = _call(server, "experiments/create", {"name": "taxi"})
        server.kill()
        with pytest.raises(OSError):
            _call(server, "experiments/get-by-name?experiment_name=taxi")
        server.start()
        found = _call(server, "experiments/get-by-name?experiment_name=taxi")["experiment"]
        assert found["experiment_id"] == created["experiment_id"]


def test_nobody_is_let_in_without_a_password(tracking_server_with_auth: MlflowServer) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        _call(tracking_server_with_auth, "experiments/search", {"max_results": 1})
    named = f"{tracking_server_with_auth.user}:{tracking_server_with_auth.password}"
    assert "experiments" in _call(tracking_server_with_auth, "experiments/search", {"max_results": 1}, named)


def _call(server: MlflowServer, path: str, body: dict[str, Any] | None = None, named: str = "") -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.uri}/api/2.0/mlflow/{path}", data=data)
    request.add_header("Content-Type", "application/json")
    if named:
        request.add_header("Authorization", f"Basic {base64.b64encode(named.encode()).decode()}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
