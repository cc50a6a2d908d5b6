"""The model that a training started from, in production again for one run."""

import pytest

from tests.components.pusher.buckets import BUCKET, S3, double_of
from tests.components.pusher.helpers import make_model, weigh
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.fetch import fetch_production
from weighbridge.components.production_model.record import production_history
from weighbridge.components.pusher import push
from weighbridge.reproduce.parents import put_into_production
from weighbridge.storage.destination import open_destination


@pytest.fixture(params=["folder", "store"])
def destination(request, tmp_path, monkeypatch) -> str:
    """Where two versions were pushed."""
    where = str(tmp_path / "production")
    if request.param == "store":
        double_of(S3, monkeypatch)
        where = f"s3://{BUCKET}/models"
    for name in ("one", "two"):
        model = make_model(tmp_path / name, name)
        assert push(model, weigh(tmp_path / f"e-{name}", model, run_id=name), where).record
    return where


def test_an_earlier_version_is_live_again_elsewhere(destination, tmp_path):
    first, second = production_history(destination)
    empty = str(tmp_path / "nothing")
    assert put_into_production(first.model_digest, [empty, destination], tmp_path / "again") == 1
    fetched = fetch_production(tmp_path / "again", tmp_path / "model", tmp_path / "statistics")
    assert fetched.record == first
    assert production_history(destination) == [first, second]


def test_a_version_that_is_kept_nowhere_is_named(destination, tmp_path):
    missing = f"sha256:{'0' * 64}"
    with pytest.raises(UsageError, match=f"the model {missing}, which is not kept in "):
        put_into_production(missing, [destination, ""], tmp_path / "again")


def test_a_version_whose_bytes_were_changed_is_no_start(tmp_path):
    model = make_model(tmp_path / "one", "one")
    record = push(model, weigh(tmp_path / "e", model, run_id="one"), str(tmp_path / "production")).record
    changed = next(path for path in (tmp_path / "production/1").rglob("*") if path.is_file())
    changed.write_bytes(b"other")
    with pytest.raises(UsageError, match="was changed: its digest is"):
        put_into_production(record.model_digest, [str(tmp_path / "production")], tmp_path / "again")
    assert open_destination(tmp_path / "again").read("production.json") is None
