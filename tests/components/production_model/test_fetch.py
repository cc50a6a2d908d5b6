"""Fetching what is in production: nothing yet, whole, or an error that says what is wrong."""

import shutil
from pathlib import Path

import pytest

from tests.components.pusher.helpers import make_model, make_statistics, snapshot, weigh
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model import fetch_production, read_record
from weighbridge.components.production_model.fetch import production_state
from weighbridge.components.pusher import push


@pytest.fixture
def production(tmp_path: Path) -> Path:
    """A destination with two versions and statistics, version 2 in production."""
    for number in (1, 2):
        model = make_model(tmp_path / f"m{number}", f"model {number}")
        push(
            model,
            weigh(tmp_path / f"e{number}", model, run_id=f"run-{number}"),
            tmp_path / "production",
            statistics=make_statistics(tmp_path / f"s{number}", f"statistics {number}"),
        )
    return tmp_path / "production"


def test_nothing_yet_is_a_normal_answer(tmp_path: Path) -> None:
    fetched = fetch_production(tmp_path / "production", tmp_path / "model", tmp_path / "statistics")
    assert fetched.record is None
    assert fetched.splits == ()
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "statistics").exists()


def test_model_and_statistics_of_the_version_in_production(tmp_path: Path, production: Path) -> None:
    fetched = fetch_production(production, tmp_path / "model", tmp_path / "statistics")
    assert fetched.record == read_record(production)
    assert fetched.splits == ("eval", "train")
    assert tree_digest(tmp_path / "model") == tree_digest(tmp_path / "m2")
    assert (tmp_path / "statistics/Split-train/FeatureStats.pb").read_text() == "statistics 2 of train"


def test_the_copy_can_be_changed_without_changing_production(tmp_path: Path, production: Path) -> None:
    before = snapshot(production)
    fetch_production(production, tmp_path / "model", tmp_path / "statistics")
    for path in (tmp_path / "model").rglob("*"):
        if path.is_file():
            path.write_bytes(b"changed")
    assert snapshot(production) == before


def test_version_pushed_without_statistics(tmp_path: Path) -> None:
    model = make_model(tmp_path / "m")
    push(model, weigh(tmp_path / "e", model), tmp_path / "production")
    fetched = fetch_production(tmp_path / "production", tmp_path / "model", tmp_path / "statistics")
    assert fetched.record
    assert fetched.splits == ()
    assert not (tmp_path / "statistics").exists()


def test_changed_bytes_are_refused_naming_both_digests(tmp_path: Path, production: Path) -> None:
    (production / "2" / "saved_model.pb").write_bytes(b"changed")
    record = read_record(production)
    assert record
    with pytest.raises(UsageError) as caught:
        fetch_production(production, tmp_path / "model", tmp_path / "statistics")
    assert tree_digest(production / "2") in caught.value.message
    assert record.model_digest in caught.value.message
    assert "Restore" in caught.value.hint
    assert not (tmp_path / "model").exists()


def test_version_without_files_or_gone(tmp_path: Path, production: Path) -> None:
    shutil.rmtree(production / "2")
    with pytest.raises(UsageError, match="names version 2, but there is no"):
        fetch_production(production, tmp_path / "model", tmp_path / "statistics")
    (production / "2").mkdir()
    with pytest.raises(UsageError, match="no files"):
        fetch_production(production, tmp_path / "model", tmp_path / "statistics")


def test_corrupt_record_is_not_nothing_yet(tmp_path: Path, production: Path) -> None:
    (production / "production.json").write_text("{")
    with pytest.raises(UsageError, match="is not a production record"):
        fetch_production(production, tmp_path / "model", tmp_path / "statistics")


def test_state_changes_exactly_when_production_does(tmp_path: Path) -> None:
    destination = tmp_path / "production"
    one, two = make_model(tmp_path / "one", "one"), make_model(tmp_path / "two", "two")
    states = [production_state(destination)]
    for number, model in enumerate((one, one, two)):
        push(model, weigh(tmp_path / f"e{number}", model), destination)
        states.append(production_state(destination))
    assert states[0] == "nothing yet"
    assert states[1] == states[2]
    assert len(set(states)) == 3


def test_production_that_changed_since_the_caller_looked(tmp_path: Path, production: Path) -> None:
    state = production_state(production)
    assert fetch_production(production, tmp_path / "m", tmp_path / "s", expected_state=state).record
    other = make_model(tmp_path / "other", "other")
    push(other, weigh(tmp_path / "e3", other), production)
    with pytest.raises(InfrastructureError, match="Another push changed"):
        fetch_production(production, tmp_path / "m3", tmp_path / "s3", expected_state=state)
