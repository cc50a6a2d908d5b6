"""What a promotion asks of a push: who approved it, and that nobody pushed meanwhile."""

import json

import pytest

from tests.components.pusher.helpers import make_model, snapshot, weigh
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError
from weighbridge.components.production_model.fetch import production_state
from weighbridge.components.pusher import look_up, push


@pytest.fixture
def model(tmp_path):
    return make_model(tmp_path / "model")


def test_who_approved_and_where_it_came_from_are_kept_with_the_version(tmp_path, model):
    production = tmp_path / "production"
    said = {"promoted_from": "/staging", "approved_by": "Ada", "approved_in": "https://ci.example.org/job/a/1/"}
    push(model, weigh(tmp_path / "e", model), production, **said)
    for name in ("production.json", ".weighbridge/1/record.json"):
        record = json.loads((production / name).read_text())
        assert {key: record[key] for key in said} == said


def test_a_destination_in_another_state_than_it_was_judged_in_stays_as_it_is(tmp_path, model):
    production = tmp_path / "production"
    judged = production_state(production)
    other = make_model(tmp_path / "other", "two")
    push(other, weigh(tmp_path / "o", other), production)
    before = snapshot(production)
    with pytest.raises(InfrastructureError, match="Another push changed"):
        push(model, weigh(tmp_path / "e", model), production, expected_state=judged)
    assert snapshot(production) == before
    assert push(model, weigh(tmp_path / "e", model), production, expected_state=production_state(production)).record


def test_looking_up_finds_whole_versions_only(tmp_path, model):
    production = tmp_path / "production"
    digest = tree_digest(model)
    assert look_up(production, digest) is None
    record = push(model, weigh(tmp_path / "e", model), production).record
    assert look_up(production, digest) == record
    (production / "1/saved_model.pb").write_bytes(b"changed")
    assert look_up(production, digest) is None
