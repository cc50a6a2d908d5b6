"""Two pushers to one bucket, and what fails there: nothing is overwritten, and the loser is told.

The bucket is a double that keeps generations (see `buckets`), since the emulator ignores preconditions.
"""

from collections.abc import Callable
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

from tests.components.pusher.buckets import DESTINATION, DoubleClient, mirror
from tests.components.pusher.helpers import assert_whole, leftovers, make_model, make_verdict, versions, weigh
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.components.production_model import read_record, record_digest
from weighbridge.components.pusher import GcsTarget, push
from weighbridge.storage import gcs


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> DoubleClient:
    store = DoubleClient()
    monkeypatch.setattr(gcs, "client", lambda: store)
    return store


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return make_model(tmp_path / "other", "two")


def once_before(store: DoubleClient, request: str, work: Callable[[], object]) -> None:
    """Do `work` right before the first request that begins with `request`."""

    def meanwhile(asked: str) -> None:
        if asked.startswith(request):
            store.before = lambda request: None
            work()

    store.before = meanwhile


@pytest.mark.parametrize("first", [True, False], ids=["nothing in production", "a model in production"])
@pytest.mark.parametrize(
    ("moment", "left"),
    [
        ("list taxi/.weighbridge/", [1]),
        ("upload taxi/.staged-", [1]),
        ("get taxi/production.json again", [1]),
        ("write taxi/.weighbridge/", [1]),
        ("copy taxi/", [1, 2]),
        ("write taxi/production.json", [1, 2]),
    ],
)
def test_lost_race_is_told_and_overwrites_nothing(
    tmp_path: Path, store: DoubleClient, model: Path, other: Path, moment: str, left: list[int], first: bool
) -> None:
    digests = {tree_digest(model), tree_digest(other)}
    if not first:
        old = make_model(tmp_path / "old", "old")
        push(old, weigh(tmp_path / "e0", old), DESTINATION)
        digests.add(tree_digest(old))
        left = [1, *(number + 1 for number in left)]
    winner: list[object] = []

    def win() -> None:
        winner.append(push(other, weigh(tmp_path / "e2", other, run_id="winner"), DESTINATION).record)

    if moment.endswith(" again"):
        once_before(store, "list taxi/.staged-", lambda: once_before(store, moment.removesuffix(" again"), win))
    else:
        once_before(store, moment, win)
    evaluation = weigh(tmp_path / "e1", model)
    with pytest.raises(InfrastructureError, match=r"Another push changed gs://models/taxi/production\.json just now"):
        push(model, evaluation, DESTINATION)

    folder = mirror(tmp_path / "lost")
    assert assert_whole(folder, digests) == winner[0] == read_record(DESTINATION)
    assert versions(folder) == left
    assert leftovers(folder) == []

    again = push(model, evaluation, DESTINATION)
    assert again.record == assert_whole(mirror(tmp_path / "again"), digests)
    assert again.record
    assert again.record.model_digest == tree_digest(model)


@pytest.mark.parametrize(
    "moment", ["upload taxi/.staged-", "write taxi/.weighbridge/", "copy taxi/1/saved", "write taxi/production.json"]
)
def test_the_same_model_pushed_twice_at_once_becomes_one_version(
    tmp_path: Path, store: DoubleClient, model: Path, moment: str
) -> None:
    def same() -> None:
        push(model, weigh(tmp_path / "e2", model, run_id="run-2"), DESTINATION)

    once_before(store, moment, same)
    evaluation = weigh(tmp_path / "e1", model)
    try:
        push(model, evaluation, DESTINATION)
    except InfrastructureError:
        assert push(model, evaluation, DESTINATION).already
    folder = mirror(tmp_path / "mirror")
    assert versions(folder) == [1]
    assert assert_whole(folder, {tree_digest(model)})


def test_no_version_and_no_evidence_is_written_without_a_precondition(
    tmp_path: Path, store: DoubleClient, model: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected: list[tuple[str, int | None]] = []
    put = store.put

    def noted(kind: str, bucket: str, name: str, read: Callable[[], bytes], generation: int | None):
        expected.append((name, generation))
        return put(kind, bucket, name, read, generation)

    monkeypatch.setattr(store, "put", noted)
    push(model, weigh(tmp_path / "e1", model), DESTINATION)
    generation = store.contents["taxi/production.json"].generation
    push(other, weigh(tmp_path / "e2", other), DESTINATION)
    records = [number for name, number in expected if name == "taxi/production.json"]
    assert records == [0, generation]
    assert {number for name, number in expected if name != "taxi/production.json"} == {0}


@pytest.mark.parametrize("moment", ["upload taxi/.staged-", "list taxi/1/"])
def test_objects_of_somebody_who_knows_no_claims_are_never_overwritten(
    tmp_path: Path, store: DoubleClient, model: Path, moment: str
) -> None:
    """Somebody copies a model to version 1 by hand, before the number was chosen and after it was claimed."""

    def by_hand() -> None:
        store.put("write", "models", "taxi/1/saved_model.pb", lambda: b"foreign", 0)

    once_before(store, "get taxi/production.json", lambda: once_before(store, moment, by_hand))
    evaluation = weigh(tmp_path / "e", model)
    if moment == "list taxi/1/":
        with pytest.raises(InfrastructureError, match="Somebody else"):
            push(model, evaluation, DESTINATION)
    pushed = push(model, evaluation, DESTINATION)
    assert store.contents["taxi/1/saved_model.pb"].data == b"foreign"
    assert pushed.record
    assert pushed.record.version == 2


def test_model_changed_while_it_is_uploaded_is_not_pushed(tmp_path: Path, store: DoubleClient, model: Path) -> None:
    evaluation = weigh(tmp_path / "e", model)
    once_before(store, "upload taxi/.staged-", lambda: (model / "saved_model.pb").write_bytes(b"another model"))
    with pytest.raises(InfrastructureError, match=r"model/saved_model\.pb changed while it was uploaded"):
        push(model, evaluation, DESTINATION)
    assert store.contents == {}
    assert [gate.name for gate in push(model, evaluation, DESTINATION).gates if gate.refuses] == [
        "push.model_digest.equal"
    ]


def test_commit_without_exclusive_overwrites_nothing(tmp_path: Path, store: DoubleClient, model: Path) -> None:
    pushed = push(model, weigh(tmp_path / "e", model), DESTINATION)
    before = record_digest(DESTINATION)
    target = GcsTarget(DESTINATION)
    assert pushed.record
    with target.stage(None, make_verdict(model), None) as staged, pytest.raises(InfrastructureError):
        target.commit(staged, pushed.record)
    assert record_digest(DESTINATION) == before


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
    store: DoubleClient,
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
        push(model, weigh(tmp_path / "e", model), DESTINATION)
    assert str(failure.args[0] if not isinstance(failure, DataCorruption) else "checksum mismatch") in str(caught.value)
    assert told in caught.value.hint
    assert read_record(DESTINATION) is None
    assert push(model, weigh(tmp_path / "e2", model), DESTINATION).record


def test_an_error_in_our_own_code_is_not_disguised(tmp_path: Path, store: DoubleClient, model: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    once_before(store, "copy", fail)
    with pytest.raises(ZeroDivisionError):
        push(model, weigh(tmp_path / "e", model), DESTINATION)


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def none_found(*arguments: object, **options: object) -> None:
        raise DefaultCredentialsError("none found")

    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setattr("google.cloud.storage.Client", none_found)
    gcs.client.cache_clear()
    with pytest.raises(UsageError, match="Found no credentials") as caught:
        read_record("gs://models/taxi")
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.hint
