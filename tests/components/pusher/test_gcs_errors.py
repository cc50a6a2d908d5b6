"""What fails in Google Cloud Storage, and what a person is told to do. The store is a double of its client."""

from pathlib import Path

import pytest
import requests
from google.api_core.exceptions import (
    BadRequest,
    Forbidden,
    InternalServerError,
    RetryError,
    TooManyRequests,
    Unauthorized,
)
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from google.resumable_media import DataCorruption

from tests.components.pusher.buckets import GCS, double_of
from tests.components.pusher.doubles import Double, once_before
from tests.components.pusher.helpers import make_model, weigh
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.components.production_model.standing import recorded
from weighbridge.components.pusher import push
from weighbridge.storage import gcs


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Double:
    return double_of(GCS, monkeypatch)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("failure", "expected", "told"),
    [
        (Forbidden("no storage.objects.create access"), UsageError, "roles/storage.objectUser"),
        (Unauthorized("invalid credentials"), UsageError, "gcloud auth"),
        (RefreshError("token has been revoked"), UsageError, "gcloud auth"),
        (DefaultCredentialsError("none found"), UsageError, "gcloud auth"),
        (BadRequest("invalid bucket name"), UsageError, "valid bucket"),
        (RefreshError("metadata server is busy", retryable=True), InfrastructureError, "run again"),
        (TransportError("no route"), InfrastructureError, "run again"),
        (InternalServerError("backend error"), InfrastructureError, "run again"),
        (TooManyRequests("slow down"), InfrastructureError, "run again"),
        (RetryError("timeout of 120 s exceeded", None), InfrastructureError, "run again"),
        (requests.ConnectionError("name resolution"), InfrastructureError, "run again"),
        (requests.Timeout("read timed out"), InfrastructureError, "run again"),
        (DataCorruption(None, "checksum mismatch"), InfrastructureError, "run again"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
@pytest.mark.parametrize("moment", ["get", "list", "upload", "copy", "write taxi/production.json"])
def test_what_fails_is_told_with_what_to_do(
    tmp_path: Path,
    store: Double,
    model: Path,
    failure: Exception,
    expected: type[WeighbridgeError],
    told: str,
    moment: str,
) -> None:
    def fail() -> None:
        raise failure

    once_before(store, moment, fail)
    with pytest.raises(expected, match="gs://models/taxi") as caught:
        push(model, weigh(tmp_path / "e", model), store.destination)
    assert str(failure.args[0] if not isinstance(failure, DataCorruption) else "checksum mismatch") in str(caught.value)
    assert told in caught.value.hint
    assert recorded(store.destination) is None
    assert push(model, weigh(tmp_path / "e2", model), store.destination).record


def test_an_error_in_our_own_code_is_not_disguised(tmp_path: Path, store: Double, model: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    once_before(store, "copy", fail)
    with pytest.raises(ZeroDivisionError):
        push(model, weigh(tmp_path / "e", model), store.destination)


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def none_found(*arguments: object, **options: object) -> None:
        raise DefaultCredentialsError("none found")

    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setattr("google.auth.default", none_found)
    gcs.client.cache_clear()
    with pytest.raises(UsageError, match="Found no credentials") as caught:
        recorded("gs://models/taxi")
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.hint
