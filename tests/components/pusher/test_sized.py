"""What a model asks of a cluster goes with it, and is what the verdict names."""

from pathlib import Path

import pytest

from tests.components.pusher.helpers import make_model, weigh
from weighbridge.common.digests import file_digest
from weighbridge.components.pusher.push import push
from weighbridge.evidence.sizing import SIZING_FILE, Sizing

SIZING = Sizing(
    cpu_millicores=900,
    memory_bytes=734003200,
    rate_rps=200.0,
    max_rps_per_replica=310.0,
    replicas=2,
    cost_per_million=0.42,
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


def weighed(tmp_path: Path, model: Path) -> Path:
    path = SIZING.write(tmp_path)
    evaluation = weigh(tmp_path / "evaluation", model, sizing=file_digest(path))
    SIZING.write(evaluation)
    return evaluation


def kept(destination: Path, version: int) -> Path:
    return destination / ".weighbridge" / str(version)


def test_sizing_is_kept_with_the_version_and_goes_along_where_it_is_promoted(tmp_path: Path, model: Path) -> None:
    staging, production = tmp_path / "staging", tmp_path / "production"
    assert push(model, weighed(tmp_path, model), staging).record is not None
    assert Sizing.require(kept(staging, 1)) == SIZING
    promoted = push(staging / "1", kept(staging, 1), production, promoted_from=str(staging))
    assert promoted.record is not None
    assert Sizing.require(kept(production, 1)) == SIZING


def test_a_model_that_was_not_measured_as_served_has_none(tmp_path: Path, model: Path) -> None:
    evaluation = weigh(tmp_path / "evaluation", model)
    SIZING.write(evaluation)  # that no verdict names
    assert push(model, evaluation, tmp_path / "production").record is not None
    assert not (kept(tmp_path / "production", 1) / SIZING_FILE).exists()


@pytest.mark.parametrize(("broken", "status"), [("gone", "unmeasured"), ("other", "refused"), ("folder", "unmeasured")])
def test_sizing_that_the_verdict_does_not_name_is_not_pushed(
    tmp_path: Path, model: Path, broken: str, status: str
) -> None:
    evaluation = weighed(tmp_path, model)
    path = evaluation / SIZING_FILE
    path.unlink()
    if broken == "other":
        SIZING.model_copy(update={"replicas": 200}).write(evaluation)
    elif broken == "folder":
        path.mkdir()
    pushed = push(model, evaluation, tmp_path / "production")
    [gate] = [gate for gate in pushed.gates if gate.refuses]
    assert (pushed.record, gate.name, gate.status) == (None, "push.sizing.equal", status)
    assert "Weigh the model again" in gate.message
