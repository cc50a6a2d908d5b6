"""What never answers: every wait for it is said, and has an end. A socket that accepts and says nothing stands for it.

Limits are injected; what is counted are the tries.
"""

import threading
from pathlib import Path

import pytest

from tests.blackhole import Blackhole
from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.storage import gcs, gcs_client, s3
from weighbridge.storage.schemes import open_store
from weighbridge.storage.store import ABSENT


@pytest.fixture
def blackhole(monkeypatch, tmp_path):
    """A machine without credentials, whose every way out leads to where nobody answers."""
    hole = Blackhole()
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GCE_METADATA_IP", hole.address)
    monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", hole.address)
    monkeypatch.setattr(progress, "SAY_AFTER_S", 0.02)
    monkeypatch.setattr("time.sleep", lambda _: None)  # between two tries the clients wait
    for module in (gcs_client, s3):
        module.client.cache_clear()
    yield hole
    for module in (gcs_client, s3):
        module.client.cache_clear()
    hole.close()


@pytest.fixture
def told():
    lines: list[str] = []
    with progress.listening(lines.append):
        yield lines


def test_without_credentials_the_question_for_them_has_an_end(monkeypatch, blackhole, told):
    monkeypatch.setattr(gcs_client, "ASK_S", 0.05)
    with pytest.raises(UsageError, match="Found no credentials for Google Cloud Storage") as caught:
        open_store("gs://models/taxi")[0].read("x")
    assert "gcloud auth application-default login" in caught.value.hint
    assert 1 <= len(blackhole.accepted) <= 3
    assert told[0] == "waiting for credentials of Google Cloud Storage"


def test_a_look_up_that_goes_on_for_ever_is_left(monkeypatch, blackhole, told):
    """As one of names is, which no limit of a request ends."""
    ends = threading.Event()
    monkeypatch.setattr(gcs_client, "CREDENTIALS_S", 0.05)
    monkeypatch.setattr("google.auth.default", lambda **_: ends.wait())
    with pytest.raises(InfrastructureError, match=r"Nobody gave credentials .* within 0\.05 s") as caught:
        open_store("gs://models/taxi")[0].read("x")
    ends.set()
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.hint


def test_a_google_machine_whose_metadata_server_does_not_answer(monkeypatch, blackhole):
    monkeypatch.setattr(gcs_client, "ASK_S", 0.05)
    monkeypatch.setattr(gcs_client, "CONNECT_S", 0.05)
    monkeypatch.setattr("google.auth.compute_engine._metadata.detect_gce_residency_linux", lambda: True)
    with pytest.raises(InfrastructureError, match="The credentials found for Google Cloud Storage give no token: "):
        open_store("gs://models/taxi")[0].read("taxi/x")
    assert 3 <= len(blackhole.accepted) <= 20


@pytest.mark.parametrize("verb", ["read", "stat", "objects", "upload", "write"])
def test_google_cloud_storage_that_does_not_answer(monkeypatch, blackhole, told, tmp_path, verb):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{blackhole.address}")
    monkeypatch.setattr(gcs_client, "READ_S", 0.1)
    with pytest.raises(InfrastructureError, match=r"fails at gs://models/taxi/x: .*no answer") as caught:
        ask(gcs.GcsStore("models"), verb, tmp_path)
    assert caught.value.hint == "It is safe to run again."
    assert len(blackhole.accepted) == gcs_client.SILENT
    assert any(line.startswith("waiting for Google Cloud Storage at gs://models/taxi/x (") for line in told)


@pytest.mark.parametrize("verb", ["read", "stat", "objects", "upload"])
def test_s3_that_does_not_answer(monkeypatch, blackhole, told, tmp_path, verb):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{blackhole.address}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(s3, "ANSWER_S", 0.1)
    with pytest.raises(InfrastructureError, match="S3 fails at s3://models/taxi/x"):
        ask(s3.S3Store("models"), verb, tmp_path)
    assert len(blackhole.accepted) == s3.TRIES
    assert any(line.startswith("waiting for S3 at s3://models/taxi/x (") for line in told)


def test_whoever_gives_credentials_for_s3_and_does_not_answer(monkeypatch, blackhole, told, tmp_path):
    """A role of a web identity, as pods have it: the token service is asked."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "token").write_text("a token")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/reader")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://{blackhole.address}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(s3, "CREDENTIALS_ANSWER_S", 0.1)
    with pytest.raises(InfrastructureError, match="S3 fails at s3://models/taxi/x"):
        open_store("s3://models/taxi")[0].read("taxi/x")
    assert len(blackhole.accepted) == s3.TRIES
    assert any(line.startswith("waiting for S3 at s3://models/taxi/x (") for line in told)


def ask(store, verb: str, folder: Path) -> None:
    if verb == "upload":
        (folder / "file").write_bytes(b"x" * 100)
        store.upload(folder / "file", "taxi/x")
    elif verb == "write":
        store.write("taxi/x", b"{}", ABSENT)
    else:
        getattr(store, verb)("taxi/x")
