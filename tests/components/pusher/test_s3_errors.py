"""What fails in S3, and what a person is told to do. The store is a double of its client; nothing tells a secret."""

from pathlib import Path

import pytest
from botocore import exceptions as boto

from tests.components.pusher.buckets import S3, double_of
from tests.components.pusher.doubles import once_before
from tests.components.pusher.helpers import make_model, weigh
from tests.components.pusher.s3_double import S3Double, answer
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.components.production_model.standing import recorded
from weighbridge.components.pusher import push
from weighbridge.storage import s3
from weighbridge.storage.s3_errors import code_of

ENDPOINT = "http://127.0.0.1:9"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> S3Double:
    return double_of(S3, monkeypatch)  # type: ignore[return-value]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A machine that has no credentials and no settings of AWS."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "DEFAULT_REGION", "ENDPOINT_URL"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    s3.client.cache_clear()
    yield
    s3.client.cache_clear()


@pytest.mark.parametrize(
    ("failure", "expected", "told"),
    [
        (answer("AccessDenied", 403), UsageError, "s3:PutObject"),
        (answer("403", 403), UsageError, "s3:ListBucket"),
        (answer("InvalidAccessKeyId", 403), UsageError, "aws configure"),
        (answer("SignatureDoesNotMatch", 403), UsageError, "aws configure"),
        (answer("ExpiredToken", 400), UsageError, "aws sso login"),
        (answer("NoSuchBucket", 404), UsageError, "aws s3 mb s3://models"),
        (answer("PermanentRedirect", 301), UsageError, "AWS_DEFAULT_REGION"),
        (answer("InvalidBucketName", 400), UsageError, "valid bucket"),
        (answer("InternalError", 500), InfrastructureError, "run again"),
        (answer("SlowDown", 503), InfrastructureError, "run again"),
        (answer("ConditionalRequestConflict", 409), InfrastructureError, "run again"),
        (boto.NoCredentialsError(), UsageError, "aws configure"),
        (boto.PartialCredentialsError(provider="env", cred_var="secret"), UsageError, "aws configure"),
        (boto.UnauthorizedSSOTokenError(), UsageError, "aws sso login"),
        (boto.EndpointConnectionError(endpoint_url=ENDPOINT), InfrastructureError, "run again"),
        (boto.ReadTimeoutError(endpoint_url=ENDPOINT), InfrastructureError, "run again"),
        (boto.FlexibleChecksumError(error_msg="torn"), InfrastructureError, "run again"),
        (ConnectionResetError("reset by peer"), InfrastructureError, "run again"),
    ],
    ids=lambda value: code_of(value) or type(value).__name__ if isinstance(value, Exception) else "",
)
@pytest.mark.parametrize("moment", ["get", "list", "upload", "copy", "write taxi/production.json"])
def test_what_fails_is_told_with_what_to_do(
    tmp_path: Path,
    store: S3Double,
    model: Path,
    failure: Exception,
    expected: type[WeighbridgeError],
    told: str,
    moment: str,
) -> None:
    def fail() -> None:
        raise failure

    once_before(store, moment, fail)
    with pytest.raises(expected, match="s3://models/taxi") as caught:
        push(model, weigh(tmp_path / "e", model), store.destination)
    assert told in caught.value.hint
    assert recorded(store.destination) is None
    assert push(model, weigh(tmp_path / "e2", model), store.destination).record


def test_an_error_in_our_own_code_is_not_disguised(tmp_path: Path, store: S3Double, model: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    once_before(store, "copy", fail)
    with pytest.raises(ZeroDivisionError):
        push(model, weigh(tmp_path / "e", model), store.destination)


def test_a_store_that_ignores_preconditions_is_refused_before_anything_can_be_seen(
    tmp_path: Path, store: S3Double, model: Path
) -> None:
    store.ignores = True
    with pytest.raises(UsageError, match=r"s3://models ignores preconditions \(If-None-Match\)") as caught:
        push(model, weigh(tmp_path / "e", model), store.destination)
    assert "mount" in caught.value.hint
    assert store.contents == {}


def test_a_file_too_large_for_one_request_is_told(
    tmp_path: Path, store: S3Double, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "LARGEST_BYTES", 1_000)
    with pytest.raises(UsageError, match=r"saved_model\.pb is larger than 5 GiB"):
        push(model, weigh(tmp_path / "e", model), store.destination)
    assert store.contents == {}


@pytest.mark.usefixtures("alone")
def test_missing_credentials_are_told() -> None:
    with pytest.raises(UsageError, match="Found no credentials for s3://models/taxi") as caught:
        recorded("s3://models/taxi")
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("told", [("AWS_PROFILE", "absent"), ("AWS_ENDPOINT_URL", "minio:9000")])
def test_wrong_settings_are_told(monkeypatch: pytest.MonkeyPatch, told: tuple[str, str]) -> None:
    monkeypatch.setenv(*told)
    with pytest.raises(UsageError, match=told[1]) as caught:
        recorded("s3://models/taxi")
    assert told[0] in caught.value.hint


@pytest.mark.usefixtures("alone")
def test_no_secret_is_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very/secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", ENDPOINT)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    with pytest.raises(InfrastructureError, match="s3://models/taxi") as caught:
        recorded("s3://models/taxi")
    assert "AKIAEXAMPLE" not in str(caught.value)
    assert "very/secret" not in str(caught.value)
