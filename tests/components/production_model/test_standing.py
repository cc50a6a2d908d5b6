"""Record, versions and evidence must tell the same; what they contradict each other in is never "nothing yet"."""

import shutil
from pathlib import Path

import pytest

from tests.components.pusher.helpers import make_model, make_statistics, weigh
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model import fetch_production, read_record, record_digest
from weighbridge.components.production_model.fetch import production_state
from weighbridge.components.pusher import push


@pytest.fixture
def production(tmp_path: Path) -> Path:
    """A destination with two versions, the second in production."""
    for content in ("one", "two"):
        model = make_model(tmp_path / content, content)
        statistics = make_statistics(tmp_path / f"statistics-{content}")
        push(model, weigh(tmp_path / f"e-{content}", model), tmp_path / "production", statistics=statistics)
    return tmp_path / "production"


def fetch(production: Path, folder: Path) -> int | None:
    record = fetch_production(production, folder / "model", folder / "statistics").record
    return record.version if record else None


def test_a_removed_record_does_not_make_production_empty(production: Path, tmp_path: Path) -> None:
    before = read_record(production), record_digest(production)
    (production / "production.json").unlink()
    assert (read_record(production), record_digest(production)) == before
    assert fetch(production, tmp_path) == 2


def test_versions_without_any_record_are_refused(production: Path, tmp_path: Path) -> None:
    (production / "production.json").unlink()
    shutil.rmtree(production / ".weighbridge")
    for look_up in (read_record, record_digest, production_state, lambda place: fetch(place, tmp_path)):
        with pytest.raises(UsageError, match=r"No Pusher put version 2 into .*, and there is no record of production"):
            look_up(production)


@pytest.mark.parametrize("name", ["03", "002", "0010"])
def test_a_folder_that_would_be_served_as_a_version_is_refused(production: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(production / "1", production / name)
    for look_up in (read_record, production_state, lambda place: fetch(place, tmp_path)):
        with pytest.raises(UsageError, match=rf"{name} is no version .* served as version {int(name)}"):
            look_up(production)
    shutil.move(production / name, production / "01")
    assert fetch(production, tmp_path) == 2  # older than what is served: nothing serves it


@pytest.mark.parametrize("name", ["3", "10"])
def test_a_newer_version_that_nobody_pushed_is_refused(production: Path, tmp_path: Path, name: str) -> None:
    """TensorFlow Serving would serve it."""
    shutil.copytree(production / "1", production / name)
    for look_up in (read_record, production_state, lambda place: fetch(place, tmp_path)):
        with pytest.raises(UsageError, match=rf"No Pusher put version {name} .* the record names version 2") as caught:
            look_up(production)
        assert f"Move {production / name} away" in caught.value.hint


def test_an_older_version_that_nobody_pushed_changes_nothing(production: Path, tmp_path: Path) -> None:
    (production / "0").mkdir()
    assert fetch(production, tmp_path) == 2


def test_a_version_that_is_gone_is_refused(production: Path) -> None:
    shutil.rmtree(production / "2")
    with pytest.raises(UsageError, match="names version 2, but there is no"):
        read_record(production)


def test_a_record_and_versions_that_are_gone_are_refused(production: Path) -> None:
    for name in ("1", "2"):
        shutil.rmtree(production / name)
    (production / "production.json").unlink()
    with pytest.raises(UsageError, match=r"are gone from .*, where version 2 was pushed once") as caught:
        read_record(production)
    assert f"move {production / '.weighbridge'} away" in caught.value.hint


def test_a_record_that_was_put_back_to_an_earlier_version_is_not_what_is_served(
    production: Path, tmp_path: Path
) -> None:
    shutil.copyfile(production / ".weighbridge/1/record.json", production / "production.json")
    assert fetch(production, tmp_path) == 2


def test_a_push_killed_behind_its_version_is_production(production: Path, tmp_path: Path) -> None:
    """The version is there, its evidence and record are staged still: its statistics are found there."""
    staged = production / ".staged-0123456789ab"
    staged.mkdir()
    (production / ".weighbridge/2").rename(staged / "evidence")
    shutil.copyfile(production / ".weighbridge/1/record.json", production / "production.json")
    record = read_record(production)
    assert record
    assert record.version == 2
    fetched = fetch_production(production, tmp_path / "model", tmp_path / "statistics")
    assert fetched.splits == ("eval", "train")
    assert (tmp_path / "statistics/Split-train/FeatureStats.pb").read_text() == "statistics of train"


def test_the_next_push_completes_a_killed_one(production: Path, tmp_path: Path) -> None:
    staged = production / ".staged-0123456789ab"
    staged.mkdir()
    (production / ".weighbridge/2").rename(staged / "evidence")
    shutil.copyfile(production / ".weighbridge/1/record.json", production / "production.json")
    before = record_digest(production)
    again = push(tmp_path / "two", tmp_path / "e-two", production)
    assert again.already
    assert record_digest(production) == before
    assert (production / ".weighbridge/2/statistics/Split-train/FeatureStats.pb").is_file()
    assert not staged.exists()
