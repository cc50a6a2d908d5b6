"""Finding a pushed model by what people call it."""

from pathlib import Path

import pytest

from tests.components.pusher.helpers import make_model, weigh
from weighbridge.common.errors import UsageError
from weighbridge.components.pusher import push
from weighbridge.runs.models import find_model


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "work/taxi/production"
    for name in ("one", "two"):
        model = make_model(tmp_path / name, name)
        assert push(model, weigh(tmp_path / f"e-{name}", model, run_id=name), folder).record
    return folder


@pytest.mark.parametrize("text", ["{}", "{}/", "{}/2", "{}/2/", "{}@2"])
def test_the_newest_version_by_its_places(destination: Path, text: str) -> None:
    found = find_model(text.format(destination))
    assert (found.version, found.path) == (2, str(destination / "2"))
    assert (destination / found.evidence / "verdict.json").is_file()


def test_an_earlier_version(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_model(f"{destination}/1").record.run_id == "one"
    assert find_model(f"{destination}@1").record.run_id == "one"
    monkeypatch.chdir(destination)
    assert find_model("1").record.run_id == "one"


def test_names_and_digests_are_looked_up_where_told(destination: Path) -> None:
    assert find_model("taxi", [str(destination)]).version == 2
    first = find_model(f"{destination}/1").record
    assert find_model(first.model_digest, [str(destination)]).version == 1
    assert find_model(first.model_digest[7:19], [str(destination)]).version == 1


@pytest.mark.parametrize("text", ["taxy", "sha256:00000000", "{}@3", "{}/../nothing", "{}/7"])
def test_what_is_not_there_is_said(destination: Path, text: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_model(text.format(destination), [str(destination)])
    assert raised.value.hint


def test_a_pipeline_is_found_by_its_name_where_its_package_lies(
    destination: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taxi").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_model("taxi", [str(destination)]).version == 2


def test_a_mistyped_name_is_guessed_at(destination: Path) -> None:
    with pytest.raises(UsageError, match=r"no pushed model 'taxy'. Did you mean 'taxi'\? Looked in "):
        find_model("taxy", [str(destination)])
