"""Looking up what is in production in a bucket. The stores are emulators on loopback, substitutes for the real ones."""

import shutil
from pathlib import Path

import pytest

from tests.components.production_model.test_component import drive, execute
from tests.components.pusher.buckets import KINDS, Kind, double_of, remove
from tests.components.pusher.doubles import BUCKET, Double
from tests.components.pusher.helpers import make_model, make_statistics, weigh
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model import fetch_production, production_history, read_record, record_digest
from weighbridge.components.production_model.fetch import fetch_version, production_state
from weighbridge.components.pusher import push


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.scheme)
def kind(request: pytest.FixtureRequest):
    with request.param.server():
        yield request.param


@pytest.fixture
def destination(kind: Kind, tmp_path: Path) -> str:
    return f"{kind.scheme}{BUCKET}/{tmp_path.name}/taxi"


@pytest.fixture
def production(tmp_path: Path, destination: str) -> str:
    """A destination with two versions and statistics, version 2 in production."""
    for number in (1, 2):
        model = make_model(tmp_path / f"m{number}", f"model {number}")
        push(
            model,
            weigh(tmp_path / f"e{number}", model, run_id=f"run-{number}"),
            destination,
            statistics=make_statistics(tmp_path / f"s{number}", f"statistics {number}"),
        )
    return destination


def test_statistics_that_were_changed_are_not_measured_from(tmp_path: Path, production: str, kind: Kind) -> None:
    name = f"{production}/.weighbridge/2/statistics/Split-train/FeatureStats.pb"
    kind.overwrite(name, b"statistics of somewhere else")
    with pytest.raises(UsageError, match="not those that the model was pushed with"):
        fetch_production(production, tmp_path / "model", tmp_path / "kept")


def test_nothing_yet_is_a_normal_answer(tmp_path: Path, destination: str) -> None:
    fetched = fetch_production(destination, tmp_path / "model", tmp_path / "statistics")
    assert (fetched.record, fetched.splits) == (None, ())
    assert (read_record(destination), record_digest(destination), production_history(destination)) == (None, "", [])
    assert production_state(destination) == "nothing yet"
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "statistics").exists()


@pytest.mark.parametrize("look_up", [read_record, record_digest, production_history, production_state])
def test_missing_bucket_is_not_nothing_yet(kind: Kind, look_up) -> None:
    with pytest.raises(UsageError, match=f"{kind.scheme}mistyped/taxi"):
        look_up(f"{kind.scheme}mistyped/taxi")


def test_model_and_statistics_of_the_version_in_production(tmp_path: Path, production: str) -> None:
    fetched = fetch_production(production, tmp_path / "model", tmp_path / "statistics")
    assert fetched.record == read_record(production)
    assert fetched.record
    assert fetched.record.version == 2
    assert fetched.splits == ("eval", "train")
    assert tree_digest(tmp_path / "model") == tree_digest(tmp_path / "m2")
    assert (tmp_path / "statistics/Split-train/FeatureStats.pb").read_text() == "statistics 2 of train"


def test_version_pushed_without_statistics(tmp_path: Path, destination: str) -> None:
    model = make_model(tmp_path / "m")
    push(model, weigh(tmp_path / "e", model), destination)
    assert fetch_production(destination, tmp_path / "model", tmp_path / "statistics").splits == ()
    assert not (tmp_path / "statistics").exists()


def test_changed_bytes_are_refused_naming_both_digests(tmp_path: Path, production: str, kind: Kind) -> None:
    kind.overwrite(f"{production}/2/saved_model.pb", b"changed")
    (tmp_path / "m2" / "saved_model.pb").write_bytes(b"changed")
    record = read_record(production)
    assert record
    with pytest.raises(UsageError) as caught:
        fetch_production(production, tmp_path / "model", tmp_path / "statistics")
    assert tree_digest(tmp_path / "m2") in caught.value.message
    assert record.model_digest in caught.value.message
    assert f"Restore {production}/2" in caught.value.hint
    assert not (tmp_path / "model").exists()


def test_version_gone(tmp_path: Path, production: str) -> None:
    remove(f"{production}/2/")
    with pytest.raises(UsageError, match=f"names version 2, but there is no {production}/2"):
        fetch_production(production, tmp_path / "model", tmp_path / "statistics")


def test_corrupt_record_is_not_nothing_yet(tmp_path: Path, production: str, kind: Kind) -> None:
    kind.overwrite(f"{production}/production.json", b"{")
    for look_up in (read_record, lambda place: fetch_production(place, tmp_path / "model", tmp_path / "statistics")):
        with pytest.raises(UsageError, match=f"{production}/production.json is not a production record"):
            look_up(production)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.scheme)
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Double:
    """A double of the client, with a model in production: some names do not pass through the emulator."""
    double = double_of(request.param, monkeypatch)
    model = make_model(tmp_path / "m")
    push(model, weigh(tmp_path / "e", model), double.destination)
    return double


@pytest.mark.parametrize("name", ["../../outside", "variables/../../outside", "/outside"])
def test_object_whose_name_leads_out_of_the_copy_is_refused(tmp_path: Path, double: Double, name: str) -> None:
    double.put("write", BUCKET, f"taxi/1/{name}", lambda: b"escaped", 0)
    with pytest.raises(UsageError, match="is not a name of a file"):
        fetch_production(double.destination, tmp_path / "a" / "b" / "model", tmp_path / "statistics")
    assert not list(tmp_path.rglob("outside"))


def test_objects_that_stand_for_folders_do_not_count(tmp_path: Path, double: Double) -> None:
    """Consoles make them."""
    for name in ("taxi/", "taxi/1/", "taxi/1/assets/", "taxi/.weighbridge/1/statistics/"):
        double.put("write", BUCKET, name, lambda: b"", 0)
    assert fetch_production(double.destination, tmp_path / "model", tmp_path / "statistics").record
    model = tmp_path / "m"
    assert push(model, weigh(tmp_path / "again", model), double.destination).already


def test_network_that_fails_is_no_usage_error_and_not_nothing_yet(tmp_path: Path, double: Double) -> None:
    def fail(request: str) -> None:
        raise double.unavailable("try again later")

    double.before = fail
    for look_up in (read_record, record_digest, production_history):
        with pytest.raises(InfrastructureError, match=double.destination):
            look_up(double.destination)
    with pytest.raises(InfrastructureError, match="try again later"):
        fetch_production(double.destination, tmp_path / "model", tmp_path / "statistics")


def test_state_changes_exactly_when_production_does(tmp_path: Path, production: str) -> None:
    state = production_state(production)
    assert fetch_production(production, tmp_path / "m", tmp_path / "s", expected_state=state).record
    model = tmp_path / "m2"
    push(model, weigh(tmp_path / "again", model), production)
    assert production_state(production) == state
    other = make_model(tmp_path / "other", "other")
    push(other, weigh(tmp_path / "e3", other), production)
    with pytest.raises(InfrastructureError, match=f"Another push changed {production}/production.json just now"):
        fetch_production(production, tmp_path / "m3", tmp_path / "s3", expected_state=state)


def test_history_is_in_the_order_of_versions_and_of_finished_pushes(production: str, kind: Kind) -> None:
    kind.overwrite(f"{production}/.weighbridge/10/claim.json", b"of a push that goes on")
    assert [(record.version, record.run_id) for record in production_history(production)] == [
        (1, "run-1"),
        (2, "run-2"),
    ]
    kind.overwrite(f"{production}/.weighbridge/2/record.json", b"torn")
    with pytest.raises(UsageError, match=r"2/record\.json is not a production record"):
        production_history(production)


def test_record_that_is_gone_from_a_version_of_a_folder_is_an_error(tmp_path: Path) -> None:
    model = make_model(tmp_path / "m")
    push(model, weigh(tmp_path / "e", model), tmp_path / "production")
    (tmp_path / "production/.weighbridge/1/record.json").unlink()
    with pytest.raises(UsageError, match=r"1/record\.json is gone"):
        production_history(tmp_path / "production")


def test_component_looks_up_a_bucket(tmp_path: Path, production: str) -> None:
    model, statistics = execute(tmp_path / "out", production, drive(production))
    assert tree_digest(Path(model.uri) / "Format-Serving") == tree_digest(tmp_path / "m2")
    assert statistics.get_int_custom_property("version") == 2
    assert drive(production) == record_digest(production)
    shutil.rmtree(tmp_path / "out")


def test_an_earlier_version_is_fetched_by_its_record(tmp_path: Path, production: str) -> None:
    record = fetch_version(production, "first", tmp_path / "first")
    assert record
    assert (record.version, record.run_id, tree_digest(tmp_path / "first")) == (
        1,
        "run-1",
        tree_digest(tmp_path / "m1"),
    )
    remove(f"{production}/1")
    with pytest.raises(UsageError, match=r"There is no .*/1 any more"):
        fetch_version(production, 1, tmp_path / "gone")
    assert fetch_version(f"{production}/nothing", "first", tmp_path / "nothing") is None
