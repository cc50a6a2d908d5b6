"""Two pushers to one bucket: nothing is overwritten, and the loser is told.

The bucket is a double of each store's client, which enforces preconditions (see `buckets`).
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.components.pusher.buckets import KINDS, double_of, mirror
from tests.components.pusher.doubles import Double, once_before
from tests.components.pusher.helpers import assert_whole, leftovers, make_model, make_verdict, versions, weigh
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError
from weighbridge.components.production_model import read_record, record_digest
from weighbridge.components.production_model.standing import recorded
from weighbridge.components.pusher import BucketTarget, push
from weighbridge.verdict.verdict import VERDICT_FILE


@pytest.fixture(params=KINDS, ids=lambda kind: kind.scheme)
def store(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Double:
    return double_of(request.param, monkeypatch)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return make_model(tmp_path / "other", "two")


@pytest.mark.parametrize("first", [True, False], ids=["nothing in production", "a model in production"])
@pytest.mark.parametrize(
    ("moment", "left"),
    [
        ("list taxi/.weighbridge/ again", [1]),
        ("upload taxi/.staged-", [1]),
        ("get taxi/production.json again", [1]),
        ("write taxi/.weighbridge/", [1]),
        ("copy taxi/", [1, 2]),
        ("write taxi/production.json", [1, 2]),
    ],
)
def test_lost_race_is_told_and_overwrites_nothing(
    tmp_path: Path, store: Double, model: Path, other: Path, moment: str, left: list[int], first: bool
) -> None:
    digests = {tree_digest(model), tree_digest(other)}
    if not first:
        old = make_model(tmp_path / "old", "old")
        push(old, weigh(tmp_path / "e0", old), store.destination)
        digests.add(tree_digest(old))
        left = [1, *(number + 1 for number in left)]
    winner: list[object] = []

    def win() -> None:
        winner.append(push(other, weigh(tmp_path / "e2", other, run_id="winner"), store.destination).record)

    if moment.endswith(" again"):
        once_before(store, "list taxi/.staged-", lambda: once_before(store, moment.removesuffix(" again"), win))
    else:
        once_before(store, moment, win)
    evaluation = weigh(tmp_path / "e1", model)
    with pytest.raises(
        InfrastructureError, match=rf"Another push changed {store.destination}/production\.json just now"
    ):
        push(model, evaluation, store.destination)

    folder = mirror(tmp_path / "lost", store.destination)
    assert assert_whole(folder, digests) == winner[0] == read_record(store.destination)
    assert versions(folder) == left
    assert leftovers(folder) == []
    # What the loser left is never the version that is served in the place of the one that is named.
    assert recorded(store.destination) == read_record(store.destination)

    again = push(model, evaluation, store.destination)
    assert again.record == assert_whole(mirror(tmp_path / "again", store.destination), digests)
    assert again.record
    assert again.record.model_digest == tree_digest(model)


@pytest.mark.parametrize(
    "moment", ["upload taxi/.staged-", "write taxi/.weighbridge/", "copy taxi/1/saved", "write taxi/production.json"]
)
def test_the_same_model_pushed_twice_at_once_becomes_one_version(
    tmp_path: Path, store: Double, model: Path, moment: str
) -> None:
    def same() -> None:
        push(model, weigh(tmp_path / "e2", model, run_id="run-2"), store.destination)

    once_before(store, moment, same)
    evaluation = weigh(tmp_path / "e1", model)
    try:
        push(model, evaluation, store.destination)
    except InfrastructureError:
        assert push(model, evaluation, store.destination).already
    folder = mirror(tmp_path / "mirror", store.destination)
    assert versions(folder) == [1]
    assert assert_whole(folder, {tree_digest(model)})


def test_no_version_and_no_evidence_is_written_without_a_precondition(
    tmp_path: Path, store: Double, model: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected: list[tuple[str, int | None]] = []
    put = store.put

    def noted(kind: str, bucket: str, name: str, read: Callable[[], bytes], generation: int | None):
        expected.append((name, generation))
        return put(kind, bucket, name, read, generation)

    monkeypatch.setattr(store, "put", noted)
    push(model, weigh(tmp_path / "e1", model), store.destination)
    generation = store.contents["taxi/production.json"].generation
    push(other, weigh(tmp_path / "e2", other), store.destination)
    records = [number for name, number in expected if name == "taxi/production.json"]
    assert records == [0, generation]
    assert {number for name, number in expected if name != "taxi/production.json"} == {0}


@pytest.mark.parametrize("moment", ["upload taxi/.staged-", "list taxi/1/"])
def test_objects_of_somebody_who_knows_no_claims_are_never_overwritten(
    tmp_path: Path, store: Double, model: Path, moment: str
) -> None:
    """Somebody copies a model to version 1 by hand, before the number was chosen and after it was claimed."""

    def by_hand() -> None:
        store.put("write", "models", "taxi/1/saved_model.pb", lambda: b"foreign", 0)

    once_before(store, "get taxi/production.json", lambda: once_before(store, moment, by_hand))
    evaluation = weigh(tmp_path / "e", model)
    if moment == "list taxi/1/":
        with pytest.raises(InfrastructureError, match="Somebody else"):
            push(model, evaluation, store.destination)
    pushed = push(model, evaluation, store.destination)
    assert store.contents["taxi/1/saved_model.pb"].data == b"foreign"
    assert pushed.record
    assert pushed.record.version == 2


def test_model_changed_while_it_is_uploaded_is_not_pushed(tmp_path: Path, store: Double, model: Path) -> None:
    evaluation = weigh(tmp_path / "e", model)
    once_before(store, "upload taxi/.staged-", lambda: (model / "saved_model.pb").write_bytes(b"another model"))
    with pytest.raises(InfrastructureError, match=r"model/saved_model\.pb changed while it was uploaded"):
        push(model, evaluation, store.destination)
    assert store.contents == {}
    assert [gate.name for gate in push(model, evaluation, store.destination).gates if gate.refuses] == [
        "push.model_digest.equal"
    ]


def test_commit_without_exclusive_overwrites_nothing(tmp_path: Path, store: Double, model: Path) -> None:
    pushed = push(model, weigh(tmp_path / "e", model), store.destination)
    before = record_digest(store.destination)
    target = BucketTarget(store.destination)
    assert pushed.record
    with (
        target.stage(None, {VERDICT_FILE: make_verdict(model).canonical()}, None) as staged,
        pytest.raises(InfrastructureError),
    ):
        target.commit(staged, pushed.record)
    assert record_digest(store.destination) == before
