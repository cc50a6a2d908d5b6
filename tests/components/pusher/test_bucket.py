"""Pushing to a bucket through real HTTP. The stores are emulators on loopback, substitutes for the real ones."""

from pathlib import Path
from typing import Any

import pytest

from tests.components.pusher.buckets import KINDS, Kind, mirror, names, remove
from tests.components.pusher.doubles import BUCKET
from tests.components.pusher.helpers import assert_whole, make_model, make_statistics, versions, weigh
from weighbridge.common import interruption
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model import fetch_production, production_history, read_record, record_digest
from weighbridge.components.pusher import BucketTarget, Pusher, push
from weighbridge.components.pusher.push import push_state


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.scheme)
def kind(request: pytest.FixtureRequest):
    with request.param.server():
        yield request.param


@pytest.fixture
def destination(kind: Kind, tmp_path: Path) -> str:
    return f"{kind.scheme}{BUCKET}/{tmp_path.name}/taxi"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return make_model(tmp_path / "other", "two")


def test_first_push_has_the_layout_of_a_folder(tmp_path: Path, model: Path, destination: str) -> None:
    pushed = push(model, weigh(tmp_path / "e", model), destination, statistics=make_statistics(tmp_path / "s"))

    assert pushed.record
    assert pushed.path == f"{destination}/1"
    assert sorted(names(destination)) == [
        ".weighbridge/1/attestations.intoto.jsonl",
        ".weighbridge/1/claim.json",
        ".weighbridge/1/record.json",
        ".weighbridge/1/statistics/Split-eval/FeatureStats.pb",
        ".weighbridge/1/statistics/Split-train/FeatureStats.pb",
        ".weighbridge/1/verdict.json",
        "1/saved_model.pb",
        "1/variables/variables.data-00000-of-00001",
        "1/variables/variables.index",
        "production.json",
    ]
    assert assert_whole(mirror(tmp_path / "mirror", destination), {tree_digest(model)}) == pushed.record
    assert read_record(destination) == pushed.record


def test_same_model_again_does_nothing(tmp_path: Path, model: Path, destination: str) -> None:
    first = push(model, weigh(tmp_path / "e1", model), destination)
    before = record_digest(destination)
    again = push(model, weigh(tmp_path / "e2", model, run_id="run-2"), f"{destination}/")
    assert again.already
    assert (again.record, again.path) == (first.record, first.path)
    assert record_digest(destination) == before
    assert sum(name.startswith(".weighbridge/") for name in names(destination)) == 4


def test_next_model_becomes_next_version_and_history_keeps_both(
    tmp_path: Path, model: Path, other: Path, destination: str
) -> None:
    assert production_history(destination) == []
    push(model, weigh(tmp_path / "e1", model), destination)
    push(other, weigh(tmp_path / "e2", other, run_id="run-2"), destination)
    history = [(record.version, record.run_id) for record in production_history(destination)]
    assert history == [(1, "run-1"), (2, "run-2")]
    folder = mirror(tmp_path / "mirror", destination)
    assert versions(folder) == [1, 2]
    assert assert_whole(folder, {tree_digest(model), tree_digest(other)})


def test_refused_verdict_or_changed_model_asks_nothing_of_the_bucket(
    tmp_path: Path, model: Path, destination: str
) -> None:
    assert push(model, weigh(tmp_path / "e1", model, passed=False), destination).record is None
    evaluation = weigh(tmp_path / "e2", model)
    (model / "saved_model.pb").write_bytes(b"another model")
    assert push(model, evaluation, destination).record is None
    assert names(destination) == []


def test_what_was_pushed_is_fetched(tmp_path: Path, model: Path, destination: str) -> None:
    push(model, weigh(tmp_path / "e", model), destination, statistics=make_statistics(tmp_path / "s"))
    fetched = fetch_production(destination, tmp_path / "m", tmp_path / "fetched")
    assert fetched.record == read_record(destination)
    assert fetched.splits == ("eval", "train")
    assert tree_digest(tmp_path / "m") == tree_digest(model)


def test_file_of_several_chunks(tmp_path: Path, destination: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than 8 MiB go up in several requests."""
    monkeypatch.setattr("weighbridge.storage.gcs._UPLOAD_CHUNK", 1 << 20)  # S3 takes a file in one request
    model = make_model(tmp_path / "large", size=(8 << 20) + 12_345)
    push(model, weigh(tmp_path / "e", model), destination)
    assert fetch_production(destination, tmp_path / "m", tmp_path / "s").record


def test_damaged_version_is_replaced_by_a_new_one(tmp_path: Path, model: Path, destination: str, kind: Kind) -> None:
    push(model, weigh(tmp_path / "e1", model), destination)
    kind.overwrite(f"{destination}/1/saved_model.pb", b"damaged")
    pushed = push(model, weigh(tmp_path / "e2", model), destination)
    assert pushed.record
    assert (pushed.already, pushed.record.version) == (False, 2)


@pytest.mark.parametrize("lost", ["saved_model.pb", "variables/variables.index"])
def test_version_that_lost_an_object_is_not_whole(tmp_path: Path, model: Path, destination: str, lost: str) -> None:
    push(model, weigh(tmp_path / "e1", model), destination)
    remove(f"{destination}/1/{lost}")
    assert BucketTarget(destination).model_digest(1) == ""
    assert push(model, weigh(tmp_path / "e2", model), destination).path == f"{destination}/2"


def test_version_of_somebody_else_is_downloaded_and_completed(
    tmp_path: Path, model: Path, destination: str, kind: Kind
) -> None:
    for path in (path for path in model.rglob("*") if path.is_file()):
        kind.overwrite(f"{destination}/7/{path.relative_to(model).as_posix()}", path.read_bytes())
    pushed = push(model, weigh(tmp_path / "e", model), destination)
    assert pushed.path == f"{destination}/7"
    folder = mirror(tmp_path / "mirror", destination)
    assert versions(folder) == [7]
    assert assert_whole(folder, {tree_digest(model)}) == pushed.record
    assert push(model, weigh(tmp_path / "e2", model), destination).already


def test_numbers_of_evidence_and_others_are_not_used_again(
    tmp_path: Path, model: Path, destination: str, kind: Kind
) -> None:
    kind.overwrite(f"{destination}/.weighbridge/4/claim.json", b"torn")
    kind.overwrite(f"{destination}/notes/9.txt", b"no version")
    assert push(model, weigh(tmp_path / "e", model), destination).path == f"{destination}/5"


def test_corrupt_record_is_an_error_and_is_never_overwritten(
    tmp_path: Path, model: Path, other: Path, destination: str, kind: Kind
) -> None:
    push(model, weigh(tmp_path / "e1", model), destination)
    kind.overwrite(f"{destination}/production.json", b"{}")
    before = sorted(names(destination))
    with pytest.raises(UsageError, match=rf"{destination}/production\.json is not a production record"):
        push(other, weigh(tmp_path / "e2", other), destination)
    assert sorted(names(destination)) == before


def test_missing_bucket_is_named_and_is_not_nothing_yet(tmp_path: Path, model: Path, kind: Kind) -> None:
    address = f"{kind.scheme}mistyped"
    with pytest.raises(UsageError, match=f"{address}/taxi") as caught:
        push(model, weigh(tmp_path / "e", model), f"{address}/taxi")
    made = {"gs://": "gcloud storage buckets create", "s3://": "aws s3 mb"}[kind.scheme]
    assert f"{made} {address}" in caught.value.hint


def test_state_is_stable_only_while_the_model_is_in_production(tmp_path: Path, model: Path, destination: str) -> None:
    evaluation = weigh(tmp_path / "e", model)
    assert push_state(evaluation, destination) != push_state(evaluation, destination)
    push(model, evaluation, destination)
    assert push_state(evaluation, destination) == record_digest(destination)


def test_two_destinations_in_a_bucket_do_not_meet(tmp_path: Path, model: Path, other: Path, destination: str) -> None:
    push(model, weigh(tmp_path / "e1", model), destination)
    push(other, weigh(tmp_path / "e2", other), f"{destination}2")
    assert {path.partition("/")[0] for path in names(destination)} == {".weighbridge", "1", "production.json"}
    for address, expected in ((destination, model), (f"{destination}2", other)):
        record = read_record(address)
        assert record
        assert (record.version, record.model_digest) == (1, tree_digest(expected))


def test_bucket_without_a_prefix(tmp_path: Path, model: Path, kind: Kind) -> None:
    kind.make("whole")
    pushed = push(model, weigh(tmp_path / "e", model), f"{kind.scheme}whole")
    assert pushed.path == f"{kind.scheme}whole/1"
    assert fetch_production(f"{kind.scheme}whole/", tmp_path / "m", tmp_path / "s").record == pushed.record


@pytest.mark.parametrize("scheme", ["gs://", "s3://"])
def test_declaration_keeps_the_address(scheme: str) -> None:
    from tfx import types
    from tfx.types import standard_artifacts

    model = types.Channel(type=standard_artifacts.Model)
    evaluation = types.Channel(type=standard_artifacts.ModelEvaluation)
    component = Pusher(model, evaluation, destination=f"{scheme}bucket/models/taxi/")
    assert component.exec_properties["destination"] == f"{scheme}bucket/models/taxi"


def test_asked_to_end_before_its_claim_a_push_leaves_nothing(
    tmp_path: Path, model: Path, destination: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = BucketTarget._upload

    def asked(*arguments: Any) -> Any:
        uploaded = upload(*arguments)
        monkeypatch.setattr(interruption, "_asked_at", 1.0)
        return uploaded

    monkeypatch.setattr(interruption, "_asked_at", None)
    monkeypatch.setattr(BucketTarget, "_upload", asked)
    with pytest.raises(KeyboardInterrupt):
        push(model, weigh(tmp_path / "e", model), destination)
    assert names(destination) == []
