"""Pushes to MLflow's model registry, on a double of its client: what is there then, and what people did by hand."""

from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2 as codes

from tests.components.pusher.helpers import make_model, make_statistics, weigh
from tests.components.pusher.mlflow_double import MlflowDouble, mlflow_double
from tests.components.pusher.test_statement import describe
from tests.keys import make_key
from weighbridge.attestation.read import attested
from weighbridge.common.digests import tree_digest
from weighbridge.common.environment import SIGNING_KEY_VARIABLE, VERIFY_KEY_VARIABLE
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.components.production_model import fetch_production, production_history, read_record
from weighbridge.components.production_model.fetch import fetch_version, production_state
from weighbridge.components.production_model.standing import verify_production
from weighbridge.components.pusher import push
from weighbridge.evidence.provenance import Origin
from weighbridge.runs.models import find_model
from weighbridge.storage.destination import open_destination
from weighbridge.tracking.describe import RUN_ID_TAG

TAXI = "models:/taxi"


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> MlflowDouble:
    return mlflow_double(monkeypatch)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return make_model(tmp_path / "other", "two")


def push_it(folder: Path, model: Path, destination: str = TAXI, **subject: str) -> int:
    """Push a model that passed; the number of the version that is in production then."""
    evaluation = weigh(folder / f"evaluation-{model.name}", model, **subject)
    record = push(model, evaluation, destination, statistics=make_statistics(folder / "statistics")).record
    assert record
    assert record == read_record(destination)
    return record.version


def test_a_pushed_model_is_a_version_that_the_alias_points_at(
    tmp_path: Path, mlflow: MlflowDouble, model: Path
) -> None:
    assert push_it(tmp_path, model) == 1
    taxi = mlflow.models["taxi"]
    assert taxi.aliases == {"champion": "1"}
    tags = taxi.versions[1].tags
    assert tags["weighbridge.digest.model"] == tree_digest(model)
    assert tags["weighbridge.digest.data"] == "sha256:data"
    assert tags["weighbridge.digest.verdict"].startswith("sha256:")
    assert (tags["weighbridge.pipeline"], tags["weighbridge.run_id"]) == ("taxi", "run-1")
    assert "| quality.auc.min | 0.9 | 0.8 |" in taxi.versions[1].description
    [run] = mlflow.runs.values()
    assert run.info.status == "FINISHED"
    assert RUN_ID_TAG not in run.tags  # by which the run that is logged is found again
    names = {name.removeprefix(f"{run.info.artifact_uri}/") for name in mlflow.stored}
    assert {"model/MLmodel", "model/data/saved_model.pb", "evidence/verdict.json"} <= names
    assert "evidence/statistics/Split-train/FeatureStats.pb" in names


def test_production_is_fetched_and_verified(tmp_path: Path, mlflow: MlflowDouble, model: Path) -> None:
    assert fetch_production(TAXI, tmp_path / "none", tmp_path / "none-statistics").record is None
    push_it(tmp_path, model)
    verify_production(TAXI)
    fetched = fetch_production(TAXI, tmp_path / "fetched", tmp_path / "its-statistics")
    assert tree_digest(tmp_path / "fetched") == tree_digest(model)
    assert fetched.splits == ("eval", "train")
    assert fetched.record == read_record("models:/taxi@champion")
    for name in mlflow.stored:
        if name.endswith("saved_model.pb"):
            mlflow.stored[name] = mlflow.stored[name][::-1]
    for verify in (
        lambda: fetch_production(TAXI, tmp_path / "changed", tmp_path / "more-statistics"),
        lambda: verify_production(TAXI),
    ):
        with pytest.raises(UsageError, match=r"production was changed: the digest of models:/taxi/1 is sha256"):
            verify()
    assert not (tmp_path / "changed").exists()


def test_the_same_model_is_not_pushed_again_and_a_damaged_one_is(
    tmp_path: Path, mlflow: MlflowDouble, model: Path
) -> None:
    push_it(tmp_path, model)
    state = production_state(TAXI)
    assert push(model, weigh(tmp_path / "again", model, run_id="run-2"), TAXI).already
    assert production_state(TAXI) == state
    assert len(mlflow.runs) == 1
    for name in mlflow.stored:
        mlflow.stored[name] += b"!" if "/data/" in name else b""
    assert push_it(tmp_path, model) == 2
    assert push(model, weigh(tmp_path / "third", model), TAXI).already


def test_the_next_model_replaces_it_and_the_history_stays(
    tmp_path: Path, mlflow: MlflowDouble, model: Path, other: Path
) -> None:
    push_it(tmp_path, model)
    push_it(tmp_path, other)
    assert [record.model_digest for record in production_history(TAXI)] == [tree_digest(model), tree_digest(other)]
    fetch_version(TAXI, 1, tmp_path / "first")
    assert tree_digest(tmp_path / "first") == tree_digest(model)
    assert mlflow.models["taxi"].aliases == {"champion": "2"}


def test_a_challenger_becomes_champion_without_another_upload(
    tmp_path: Path, mlflow: MlflowDouble, model: Path
) -> None:
    push_it(tmp_path, model, "models:/taxi@challenger")
    assert read_record(TAXI) is None
    before = len([request for request in mlflow.requests if request == "upload saved_model.pb"])
    assert push_it(tmp_path, model) == 2
    assert len([request for request in mlflow.requests if request == "upload saved_model.pb"]) == before
    taxi = mlflow.models["taxi"]
    assert taxi.aliases == {"challenger": "1", "champion": "2"}
    assert taxi.versions[1].source == taxi.versions[2].source
    assert fetch_production(TAXI, tmp_path / "fetched", tmp_path / "its-statistics").splits == ("eval", "train")


def test_a_model_is_refused_where_production_changed_since_it_was_weighed(
    tmp_path: Path, mlflow: MlflowDouble, model: Path, other: Path
) -> None:
    push_it(tmp_path, other)
    evaluation = weigh(tmp_path / "stale", model, **{LOOKED_UP_AT: "models:/taxi@champion"})
    refused = push(model, evaluation, TAXI)
    assert [gate.name for gate in refused.gates if gate.refuses] == ["push.production.unchanged"]
    assert mlflow.models["taxi"].aliases == {"champion": "1"}


def test_rolled_back_by_hand_the_older_version_is_production(
    tmp_path: Path, mlflow: MlflowDouble, model: Path, other: Path
) -> None:
    push_it(tmp_path, model)
    push_it(tmp_path, other)
    mlflow.set_registered_model_alias("taxi", "champion", "1")
    record = read_record(TAXI)
    assert record
    assert record.model_digest == tree_digest(model)
    fetch_production(TAXI, tmp_path / "fetched", tmp_path / "its-statistics")
    assert tree_digest(tmp_path / "fetched") == tree_digest(model)
    assert push_it(tmp_path, other) == 3  # not "already there": version 2 is not what is served
    assert push_it(tmp_path, model) == 4


def test_moved_by_hand_to_a_challenger_that_version_is_production(
    tmp_path: Path, mlflow: MlflowDouble, model: Path, other: Path
) -> None:
    push_it(tmp_path, model)
    push_it(tmp_path, other, "models:/taxi@challenger")
    mlflow.set_registered_model_alias("taxi", "champion", "2")
    record = read_record(TAXI)
    assert record
    assert record.model_digest == tree_digest(other)
    assert push(other, weigh(tmp_path / "e", other), TAXI).already


@pytest.mark.parametrize("look", ["read", "fetch", "push"])
def test_moved_by_hand_to_a_version_that_was_never_weighed_nothing_is_guessed(
    tmp_path: Path, mlflow: MlflowDouble, model: Path, look: str
) -> None:
    push_it(tmp_path, model)
    mlflow.create_model_version("taxi", "s3://somewhere/else")
    assert push(model, weigh(tmp_path / "again", model), TAXI).already  # a version of somebody else is nothing to us
    mlflow.set_registered_model_alias("taxi", "champion", "2")
    requests = len(mlflow.requests)
    with pytest.raises(UsageError, match="points at version 2, which no Pusher made") as raised:
        if look == "read":
            read_record(TAXI)
        elif look == "fetch":
            fetch_production(TAXI, tmp_path / "fetched", tmp_path / "its-statistics")
        else:
            push(model, weigh(tmp_path / "e", model), TAXI)
    assert "set_registered_model_alias('taxi', 'champion', VERSION); the newest is 1" in raised.value.hint
    assert not [request for request in mlflow.requests[requests:] if request.startswith(("create", "set", "delete"))]


@pytest.mark.parametrize("how", ["alias removed", "version deleted", "its record removed"])
def test_production_that_is_gone_is_never_nothing_yet(
    tmp_path: Path, mlflow: MlflowDouble, model: Path, how: str
) -> None:
    push_it(tmp_path, model)
    if how == "alias removed":
        mlflow.models["taxi"].aliases.clear()
    elif how == "version deleted":
        mlflow.delete_model_version("taxi", "1")
    else:
        del mlflow.models["taxi"].versions[1].tags["weighbridge.record"]
    with pytest.raises(UsageError, match="points at"):
        read_record(TAXI)
    with pytest.raises(UsageError, match="points at"):
        push(model, weigh(tmp_path / "e", model), TAXI)


def test_a_registered_model_of_somebody_else_has_nothing_in_production_yet(
    tmp_path: Path, mlflow: MlflowDouble, model: Path
) -> None:
    mlflow.create_registered_model("taxi")
    mlflow.create_model_version("taxi", "s3://somewhere/else")
    assert read_record(TAXI) is None
    assert push_it(tmp_path, model) == 2


def test_a_model_changed_on_the_way_is_not_pushed(tmp_path: Path, mlflow: MlflowDouble, model: Path) -> None:
    evaluation = weigh(tmp_path / "e", model)

    def change(request: str) -> None:
        if request == "upload saved_model.pb":
            (model / "saved_model.pb").write_bytes(b"another")

    mlflow.before = change
    with pytest.raises(InfrastructureError, match="is not what was uploaded"):
        push(model, evaluation, TAXI)
    mlflow.before = lambda request: None
    assert (mlflow.models["taxi"].versions, mlflow.runs, mlflow.stored) == ({}, {}, {})
    assert read_record(TAXI) is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("models:/taxi/3", "names no model"),
        ("models:/taxi@latest", "names no model"),
        ("models:/taxi@v3", "names no model"),
        ("models:taxi", "names no model"),
        ("models://host/taxi", "names no model"),
        ("models:/ta'xi", "names no model"),
    ],
)
def test_what_is_no_model_in_a_registry_is_refused(address: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        open_destination(address)


@pytest.mark.parametrize("server", ["", "mlruns", "file:///tmp/mlruns"])
def test_a_registry_needs_a_server(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    with pytest.raises(UsageError) as raised:
        read_record(TAXI)
    assert "MLFLOW_TRACKING_URI" in raised.value.hint


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (MlflowException("API request to endpoint / failed with error code 401 != 200."), UsageError, "who asks"),
        (MlflowException("Permission denied", codes.PERMISSION_DENIED), UsageError, "No permission"),
        (MlflowException("a name", codes.INVALID_PARAMETER_VALUE), UsageError, "refuses models:/taxi@champion"),
        (MlflowException("failed with exception at http://me:secret@host/"), InfrastructureError, "fails at"),
        (ConnectionError("reset"), InfrastructureError, "fails at"),
    ],
)
def test_errors_of_the_server_say_what_to_do_and_hold_no_secret(
    mlflow: MlflowDouble, error: Exception, kind: type[UsageError | InfrastructureError], says: str
) -> None:
    def fails(request: str) -> None:
        raise error

    mlflow.before = fails
    with pytest.raises(kind, match=says) as raised:
        read_record(TAXI)
    assert "models:/taxi@champion" in raised.value.message
    assert "me:secret" not in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize("text", ["models:/taxi", "models:/taxi@champion", "models:/taxi/2", "models:/taxi@2", "taxi"])
def test_a_version_is_found_by_whatever_mlflow_calls_it(
    tmp_path: Path, mlflow: MlflowDouble, model: Path, other: Path, text: str
) -> None:
    push_it(tmp_path, model)
    push_it(tmp_path, other)
    push_it(tmp_path, make_model(tmp_path / "third", "three"), "models:/taxi@challenger")
    found = find_model(text, ["/work/other/production", "models:/taxi@champion"])
    assert (found.version, found.path) == (2, "models:/taxi/2")
    assert found.record.model_digest == tree_digest(other)
    assert find_model("models:/taxi/3").version == 3  # of another alias, as MLflow does
    with pytest.raises(UsageError, match="No version 4"):
        find_model("models:/taxi/4")


def test_files_of_a_version_that_may_yet_lose_are_not_shared(tmp_path: Path, mlflow: MlflowDouble, model: Path) -> None:
    """Its pusher removes them when it finds that it lost."""
    push_it(tmp_path, model, "models:/taxi@challenger")
    mlflow.models["taxi"].versions[1].tags.pop("weighbridge.settled")
    push_it(tmp_path, model)
    first, second = mlflow.models["taxi"].versions.values()
    assert first.source != second.source


def test_an_experiment_that_was_deleted_is_told(tmp_path: Path, mlflow: MlflowDouble, model: Path) -> None:
    push_it(tmp_path, model)
    mlflow.deleted.add("taxi")
    other = make_model(tmp_path / "other", "two")
    with pytest.raises(UsageError, match="experiment taxi was deleted") as raised:
        push(other, weigh(tmp_path / "e", other), TAXI)
    assert "mlflow experiments restore --experiment-id" in raised.value.hint


def test_commit_signer_and_statements_go_with_a_version_and_on_to_the_next_alias(
    tmp_path: Path, mlflow: MlflowDouble, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = make_key(tmp_path / "key")
    monkeypatch.setenv(SIGNING_KEY_VARIABLE, str(private))
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, str(public))
    evaluation = describe(weigh(tmp_path / "e", model))
    origin = Origin(module="taxi.pipeline", commit="c0ffee")
    signed = push(model, evaluation, "models:/taxi@challenger", origin=origin).record
    assert signed
    assert signed.signed_by
    open_destination("models:/taxi@challenger").copy(".weighbridge/1", tmp_path / "kept")
    monkeypatch.delenv(SIGNING_KEY_VARIABLE)  # who promotes needs no key
    assert push(model, tmp_path / "kept", TAXI, promoted_from="models:/taxi@challenger").record
    for version in mlflow.models["taxi"].versions.values():
        assert version.tags["weighbridge.commit"] == "c0ffee"
        assert version.tags["weighbridge.signed_by"] == signed.signed_by
    open_destination(TAXI).copy(".weighbridge/2", tmp_path / "promoted")
    found = attested(tmp_path / "promoted")
    assert found is not None
    assert found.signed_by == signed.signed_by
