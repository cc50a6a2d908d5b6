"""Where a canary's state and version lie, in a folder and in buckets: one writer wins, nobody serves it by mistake."""

from pathlib import Path

import pytest

from tests.components.pusher.buckets import GCS, S3, double_of
from tests.components.pusher.doubles import BUCKET
from tests.components.pusher.helpers import make_model, weigh
from tests.weighbridge.rollout.doubles import first_state, gates
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.standing import read_record, version_digest
from weighbridge.components.pusher import push
from weighbridge.rollout.placed import Beside, Model, fetch
from weighbridge.rollout.places import state_at
from weighbridge.rollout.store import StateChangedError, parse_state, state_bytes
from weighbridge.storage.destination import open_destination

STATE = first_state(gates())


@pytest.fixture(params=(None, GCS, S3), ids=["folder", "gs", "s3"])
def destination(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Nothing yet: a folder, or a prefix of a bucket that a double stands for."""
    if request.param is None:
        return str(tmp_path / "production")
    double_of(request.param, monkeypatch)
    return f"{request.param.scheme}{BUCKET}/taxi"


def test_a_state_is_replaced_by_who_knows_what_it_was(destination: str) -> None:
    store = state_at(destination)
    assert store.read() == (None, "")
    token = store.write(STATE, "")
    assert store.read() == (STATE, token)
    after = STATE.model_copy(update={"step": 1})
    with pytest.raises(StateChangedError, match="Run the same command again"):
        store.write(after, "")
    assert store.read()[0] == STATE
    second = store.write(after, token)
    for state in (STATE, None):
        with pytest.raises(StateChangedError):
            store.write(state, token)
    assert store.read() == (after, second)
    store.write(None, second)
    assert store.read() == (None, "")


def test_a_version_lies_where_nobody_serves_it_and_keeps_its_number(destination: str, tmp_path: Path) -> None:
    models = {name: make_model(tmp_path / name, name) for name in ("one", "two", "three")}
    evidence = {name: weigh(tmp_path / f"weighed-{name}", model) for name, model in models.items()}
    push(models["one"], evidence["one"], destination)
    placed, store = Beside(destination), state_at(destination)

    def model(name: str) -> Model:
        return Model(models[name], evidence[name], {"promoted_from": "staging", "approved_by": "", "approved_in": ""})

    first = placed.place(model("two")).record
    second = placed.place(model("three")).record
    assert first is not None
    assert second is not None
    assert (first.version, second.version) == (2, 3)  # no number twice: their counters would be one
    live = read_record(destination)
    assert live is not None
    assert live.version == 1
    place = open_destination(placed.address)
    placed.remove_before(second.version)  # once its state is there
    assert version_digest(place, 3) == second.model_digest
    assert [name for name in place.folders() if name.isdigit()] == ["3"]
    state = STATE.model_copy(update={"canary": second, "stable": 1})
    token = store.write(state, "")
    refused = push(models["three"], evidence["three"], destination)
    assert [gate.name for gate in refused.gates if gate.refuses] == ["push.canary.none"]
    promoted = placed.promote(fetch(placed.address, second, tmp_path / "copies"), state, token, store)
    assert promoted.record is not None
    assert promoted.record.version == 3
    assert promoted.record.promoted_from == "staging"
    assert read_record(destination) == promoted.record
    assert store.read() == (None, "")


def test_a_removal_that_fails_in_the_middle_can_be_repeated(destination: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = state_at(destination)
    token = store.write(STATE, "")

    def fails(*_: object) -> None:
        raise InfrastructureError("The bucket does not answer", "Run again.")

    with monkeypatch.context() as patched:
        patched.setattr(type(store._place), "remove", fails)  # type: ignore[attr-defined]
        with pytest.raises(InfrastructureError, match="does not answer"):
            store.write(None, token)
    with pytest.raises(StateChangedError):  # of a state that ends, nobody else knows whose it is
        state_at(destination).write(None, token)
    store.write(None, token)
    assert store.read() == (None, "")


def test_only_the_run_that_walks_a_canary_promotes_it(destination: str, tmp_path: Path) -> None:
    models = {name: make_model(tmp_path / name, name) for name in ("one", "two")}
    evidence = {name: weigh(tmp_path / f"weighed-{name}", model) for name, model in models.items()}
    push(models["one"], evidence["one"], destination)
    placed, store = Beside(destination), state_at(destination)
    described = {"promoted_from": "staging", "approved_by": "", "approved_in": ""}
    model = Model(models["two"], evidence["two"], described)
    canary = placed.place(model).record
    assert canary is not None
    state = STATE.model_copy(update={"canary": canary, "stable": 1})

    def refused(there: CanaryState | None) -> bool:
        now, token = store.read()
        if there != now:
            token = store.write(there, token)
        pushed = placed.promote(model, state, token, store)
        record = read_record(destination)
        assert record is not None
        assert record.version == 1
        return [gate.name for gate in pushed.gates if gate.refuses] == ["push.canary.none"]

    assert refused(None)  # ended by --abort while it was on its way to production
    assert refused(state.model_copy(update={"run_id": "another"}))
    assert refused(state.model_copy(update={"phase": "rolling_back"}))
    _, token = store.read()
    token = store.write(state, token)
    assert not any(gate.refuses for gate in placed.promote(model, state, token, store).gates)
    record = read_record(destination)
    assert record is not None
    assert record.model_digest == canary.model_digest


def test_a_state_that_is_none_is_told(destination: str) -> None:
    assert parse_state(state_bytes(STATE), "canary.json") == STATE
    with pytest.raises(UsageError, match=r"canary.json is not the state of a canary: percent"):
        parse_state(state_bytes(STATE.model_copy(update={"percent": 101.0})), "canary.json")


def test_a_registry_alone_has_no_place_for_one() -> None:
    with pytest.raises(UsageError, match="MLflow's registry has no place for one"):
        state_at("models:/taxi")
