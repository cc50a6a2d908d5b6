"""A destination in a repository: what it says is in production, with the files where the models lie."""

import json
from pathlib import Path

import pytest

from tests.config_repository import ConfigRepository
from weighbridge.common.errors import UsageError
from weighbridge.storage.destination import FolderDestination, is_remote, open_destination
from weighbridge.storage.git.destination import GitDestination
from weighbridge.storage.place import open_place


def _record(version: int) -> bytes:
    return json.dumps({"version": version}).encode()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for version in (1, 2, 3, 4):
        (tmp_path / f"models/{version}").mkdir(parents=True)
        (tmp_path / f"models/{version}/saved_model.pb").write_text(str(version))
        (tmp_path / f"models/.weighbridge/{version}").mkdir(parents=True)
        (tmp_path / f"models/.weighbridge/{version}/record.json").write_text(str(version))
    (tmp_path / "models/production.json").write_bytes(_record(4))
    return tmp_path / "models"


def test_records_come_from_the_repository_and_files_from_the_models(
    config: ConfigRepository, models: Path, tmp_path: Path
) -> None:
    config.commit({"taxi/production.json": _record(3)})
    place = open_destination(config.address)
    assert isinstance(place, GitDestination)
    assert is_remote(config.address)
    assert place.address == config.address
    assert place.read("production.json") == _record(3)
    assert place.read("canary.json") is None
    assert place.read(".weighbridge/3/record.json") == b"3"
    assert place.read("3/saved_model.pb") == b"3"
    assert place.copy("3", tmp_path / "copy")
    assert (tmp_path / "copy/saved_model.pb").read_text() == "3"
    assert place.path("production.json") == f"git+file://{config.path}//taxi/production.json?ref=main"
    assert place.path("3") == str(models / "3")


def test_versions_are_those_that_the_repository_named(config: ConfigRepository, models: Path) -> None:
    for version in (1, 3, 2):
        config.commit({"taxi/production.json": _record(version)})
    config.commit({"taxi/x": b"1"})
    place = GitDestination(config.address)
    assert place.folders() == [".weighbridge", "1", "2"]
    assert place.folders(".weighbridge") == ["1", "2", "3"]
    config.commit({"taxi/production.json": None})
    place = GitDestination(config.address)
    assert place.folders() == [".weighbridge"]
    assert place.folders(".weighbridge") == ["1", "2", "3"]


@pytest.mark.parametrize("lazy", [True, False])
def test_history_is_read_from_servers_that_can_leave_files_out_and_from_others(
    config: ConfigRepository, models: Path, lazy: bool
) -> None:
    config.run("config", "uploadpack.allowFilter", str(lazy).lower())
    for version in (1, 2):
        config.commit({"taxi/production.json": _record(version)})
    assert GitDestination(config.address).folders(".weighbridge") == ["1", "2"]
    config.commit({"taxi/production.json": _record(4)})
    assert GitDestination(config.address).folders(".weighbridge") == ["1", "2", "4"]


def test_what_a_merged_pull_request_said_counts_and_what_it_said_before_does_not(
    config: ConfigRepository, models: Path
) -> None:
    base = config.commit({"taxi/production.json": _record(1)})
    config.run("update-ref", "refs/heads/side", base)
    config.commit({"taxi/production.json": _record(2)}, branch="side")
    side = config.commit({"taxi/production.json": _record(3)}, branch="side")
    main = config.commit({"taxi/x": b"1"})
    tree = config.run("merge-tree", "--write-tree", main, side).strip()
    merged = config.run("commit-tree", "-p", main, "-p", side, "-m", "Merge", tree).strip()
    config.run("update-ref", "refs/heads/main", merged)
    assert GitDestination(config.address).folders(".weighbridge") == ["1", "3"]


def test_nothing_yet_where_models_were_proposed_alone(config: ConfigRepository, models: Path) -> None:
    place = GitDestination(config.address)
    assert place.read("production.json") is None
    assert place.folders() == [".weighbridge"]
    assert place.folders(".weighbridge") == []


def test_a_folder_without_settings_says_nothing_of_production(config: ConfigRepository) -> None:
    config.commit({"taxi/weighbridge.yaml": None, "taxi/x": b"1"})
    with pytest.raises(UsageError, match=r"There is no .*weighbridge\.yaml"):
        GitDestination(config.address).read("production.json")


def test_each_look_sees_what_was_pushed_before_it(config: ConfigRepository, models: Path) -> None:
    before = GitDestination(config.address)
    assert before.read("production.json") is None
    config.commit({"taxi/production.json": _record(1)})
    assert before.read("production.json") is None
    assert GitDestination(config.address).read("production.json") == _record(1)


def test_ledgers_lie_with_the_models(config: ConfigRepository, tmp_path: Path) -> None:
    place = open_place(config.address)
    assert isinstance(place, FolderDestination)
    assert place.address == str(tmp_path / "models")
