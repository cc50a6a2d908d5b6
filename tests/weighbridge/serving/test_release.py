"""Where a served model comes from, and what is not served."""

import shutil

import pytest

from tests.components.pusher.helpers import make_model, make_statistics, weigh
from tests.keys import make_key
from tests.weighbridge.serving.helpers import settings
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.pusher import push
from weighbridge.serving.release import source_of
from weighbridge.serving.trusted import NotTrustedError


@pytest.fixture
def destination(tmp_path):
    """Two versions that were pushed."""
    for number in (1, 2):
        model = make_model(tmp_path / f"m{number}", f"model {number}")
        statistics = make_statistics(tmp_path / f"s{number}")
        push(
            model,
            weigh(tmp_path / f"e{number}", model, run_id=f"run-{number}"),
            str(tmp_path / "d"),
            statistics=statistics,
        )
    return tmp_path / "d"


def fetched(folder, **given):
    source = source_of(settings(model=str(folder), **given))
    found = source.newest()
    with source.fetched(found) as copy:
        return found, tree_digest(copy / "model"), (copy / "evidence/verdict.json").exists()


def test_a_destination_gives_what_is_in_production_verified_and_copied(destination):
    found, digest, told = fetched(destination)
    assert (found.version, found.digest, told) == (2, digest, True)
    assert found.record.run_id == "run-2"


def test_a_version_can_be_asked_for(destination):
    assert fetched(destination, version=1)[0].version == 1
    with pytest.raises(UsageError, match="No version 3 was ever pushed"):
        fetched(destination, version=3)


def test_a_folder_of_one_version_knows_its_evidence_beside_it(destination):
    found, digest, told = fetched(destination / "1")
    assert (found.version, found.digest, told) == (1, digest, True)


def test_tensorflow_servings_layout_without_records_gives_the_newest(tmp_path):
    for number in (3, 20):
        make_model(tmp_path / "plain" / str(number), str(number))
    assert fetched(tmp_path / "plain")[0].version == 20
    assert fetched(tmp_path / "plain", version=3)[0].version == 3
    with pytest.raises(UsageError, match="no version 4"):
        fetched(tmp_path / "plain", version=4)


def test_a_lone_folder_is_served_by_the_number_given(tmp_path):
    make_model(tmp_path / "export")
    assert fetched(tmp_path / "export")[0].version == 1
    assert fetched(tmp_path / "export", version=9)[0].version == 9


@pytest.mark.parametrize("which", ["", "2"])
def test_changed_bytes_are_not_served(destination, which):
    (destination / "2/saved_model.pb").write_bytes(b"other")
    with pytest.raises(UsageError, match="was changed"):
        fetched(destination / which)


def test_a_version_that_is_gone_is_told(destination):
    source = source_of(settings(model=str(destination)))
    found = source.newest()
    shutil.rmtree(destination / "2")
    with pytest.raises(UsageError, match=r"There is no .*/2 any more"), source.fetched(found):
        pass


def test_a_model_of_another_pipeline_is_not_served(destination):
    fetched(destination, pipeline="taxi")
    with pytest.raises(NotTrustedError, match="pipeline") as raised:
        fetched(destination, pipeline="churn")
    assert raised.value.exit_code == 1


def test_where_a_key_is_trusted_only_what_it_signed_is_served(tmp_path, monkeypatch, destination):
    private, public = make_key(tmp_path / "keys")
    _, other = make_key(tmp_path / "others")
    monkeypatch.setenv("WEIGHBRIDGE_VERIFY_KEY", str(public))
    with pytest.raises(NotTrustedError):
        fetched(destination)
    monkeypatch.setenv("WEIGHBRIDGE_SIGNING_KEY", str(private))
    model = make_model(tmp_path / "signed", "signed")
    push(model, weigh(tmp_path / "weighed", model, run_id="run-3"), str(destination))
    found, _, _ = fetched(destination)
    assert (found.version, bool(found.signed_by)) == (3, True)
    assert fetched(destination / "3")[0].signed_by == found.signed_by
    monkeypatch.setenv("WEIGHBRIDGE_VERIFY_KEY", str(other))
    with pytest.raises(NotTrustedError, match="may not be served"):
        fetched(destination)


def test_a_signed_model_whose_evidence_was_taken_away_is_not_served(tmp_path, monkeypatch):
    private, _ = make_key(tmp_path / "keys")
    monkeypatch.setenv("WEIGHBRIDGE_SIGNING_KEY", str(private))
    model = make_model(tmp_path / "m")
    push(model, weigh(tmp_path / "e", model), str(tmp_path / "d"))
    (tmp_path / "d/.weighbridge/1/attestations.intoto.jsonl").unlink()
    with pytest.raises(NotTrustedError, match="a signature is asked for"):
        fetched(tmp_path / "d")


def test_nothing_in_production_and_no_folder_are_told(tmp_path):
    with pytest.raises(UsageError, match="is no folder"):
        fetched(tmp_path / "nowhere")
    (tmp_path / "d/.weighbridge").mkdir(parents=True)
    with pytest.raises(UsageError, match="Nothing is in production"):
        fetched(tmp_path / "d")
