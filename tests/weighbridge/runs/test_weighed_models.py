"""Models as their destinations know them, pushed by the real Pusher: in folders and in buckets."""

import json
from pathlib import Path

import pytest

from tests.components.pusher.buckets import GCS, S3, double_of
from tests.components.pusher.doubles import BUCKET
from tests.components.pusher.helpers import make_model, weigh
from tests.weighbridge.lineage.family import PARENTS, add_run, provenance
from weighbridge.attestation.attest import ATTESTATIONS_FILE
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.pusher import push
from weighbridge.lineage.subjects import span_subject
from weighbridge.lineage.touched import Touched, touched_by
from weighbridge.runs.weighed_models import catalogue_of, origins_of_run
from weighbridge.runs.workspace import Workspace
from weighbridge.verdict import Verdict

KINDS = (None, GCS, S3)


@pytest.fixture(params=KINDS, ids=["folder", "gs", "s3"])
def destination(request, tmp_path, monkeypatch) -> str:
    """Nothing yet: a folder, or a prefix of a bucket that a double stands for."""
    if request.param is None:
        return str(tmp_path / "elsewhere")
    double_of(request.param, monkeypatch)
    return f"{request.param.scheme}{BUCKET}/taxi"


def push_model(folder: Path, name: str, destination: str, parent: str = "") -> str:
    """Push a model of the family, as the Evaluator left it; its digest. `a` is of an earlier release."""
    model = make_model(folder / f"model-{name}", name)
    parents = {how: parent for how in PARENTS[name] if parent} if name != "a" else {}
    weighed_against = {how: digest for how, digest in parents.items() if how == "production"}
    evaluation = weigh(folder / f"evaluation-{name}", model, run_id=f"run-{name}", **weighed_against)
    if name != "a":
        found = provenance(name)
        found.model_copy(update={"origin": None, "parents": parents}).write(evaluation)
    pushed = push(model, evaluation, destination, origin=provenance(name).origin if name != "a" else None)
    assert pushed.record
    if name == "a":
        strip_attestations(destination, pushed.record.version)
    return tree_digest(model)


def strip_attestations(destination: str, version: int) -> None:
    """As releases that attested nothing left a version."""
    if "://" not in destination:
        (Path(destination) / f".weighbridge/{version}/{ATTESTATIONS_FILE}").unlink()


def touched(number: int, workdir: Path, *destinations: str) -> Touched:
    subject = span_subject(f"span:{number}")
    assert subject is not None
    return touched_by(subject, catalogue_of(workdir, destinations))


def test_pushed_versions_tell_where_they_come_from(destination: str, tmp_path: Path, workdir: Path) -> None:
    first = push_model(tmp_path, "c", destination)
    second = push_model(tmp_path, "e", destination, first)
    found = touched(17, workdir, destination)
    assert [(each.model.digest, each.how) for each in found.touched] == [
        (first, "trained_on"),
        (second, "warm_start"),
    ]
    assert [(place.destination, place.version) for place in found.in_production] == [(destination, 2)]
    assert found.touched[1].model.commit == "2" * 40
    assert found.notes == []


def test_a_version_of_an_earlier_release_is_told_as_not_recorded(tmp_path: Path, workdir: Path) -> None:
    destination = str(tmp_path / "elsewhere")
    old = push_model(tmp_path, "a", destination)
    push_model(tmp_path, "c", destination, old)
    found = touched(17, workdir, destination)
    assert [(model.digest, model.missing) for model in found.unrecorded] == [
        (old, "it was pushed by a release that recorded nothing of it")
    ]
    assert [place.version for place in found.unrecorded[0].places] == [1]


def test_what_is_attested_and_cannot_be_read_is_told(tmp_path: Path, workdir: Path) -> None:
    destination = tmp_path / "elsewhere"
    push_model(tmp_path, "c", str(destination))
    path = destination / ".weighbridge/1" / ATTESTATIONS_FILE
    path.write_bytes(path.read_bytes()[:100])
    found = touched(17, workdir, str(destination))
    assert (found.touched, len(found.unrecorded)) == ([], 1)
    assert str(path) in found.notes[0]
    other = weigh(tmp_path / "other", tmp_path / "model-c", run_id="run-9")
    push(tmp_path / "model-c", other, tmp_path / "else")
    path.write_bytes((tmp_path / "else/.weighbridge/1" / ATTESTATIONS_FILE).read_bytes())
    assert "speaks of another verdict" in touched(17, workdir, str(destination)).notes[0]


def test_a_record_that_contradicts_what_is_attested_is_told_and_not_believed(tmp_path: Path, workdir: Path) -> None:
    production = str(workdir / "taxi/production")
    digest = push_model(tmp_path, "c", production)
    run = add_run(workdir, "c", model=digest)
    provenance("c").model_copy(update={"parents": {}}).write(run.folder)
    assert touched(17, workdir).notes == []
    provenance("c", folder="/elsewhere").model_copy(update={"data": []}).write(run.folder)
    found = touched(17, workdir)
    assert [each.model.digest for each in found.touched] == [digest]
    assert "run-c recorded and what is attested with its model contradict each other" in found.notes[0]


def test_the_stages_of_the_work_directory_are_looked_at_unasked(tmp_path: Path, workdir: Path) -> None:
    add_run(workdir, "f")
    push_model(tmp_path, "c", str(workdir / "taxi/production"))
    [place] = touched(17, workdir).in_production
    assert (place.stage, place.version, place.live) == ("production", 1, True)


def test_a_destination_that_cannot_be_read_is_an_error_where_it_was_asked_for(workdir: Path, tmp_path: Path) -> None:
    (tmp_path / "broken/.weighbridge/1").mkdir(parents=True)
    (tmp_path / "broken/.weighbridge/1/record.json").write_text("{}")
    with pytest.raises(UsageError, match="not a production record"):
        catalogue_of(workdir, [str(tmp_path / "broken")])
    with pytest.raises((UsageError, InfrastructureError)):
        catalogue_of(workdir, ["ftp://nowhere/x"])
    add_run(workdir, "f")
    (tmp_path / "broken").rename(workdir / "taxi/production")
    assert "cannot be read" in catalogue_of(workdir).notes[0]


def test_the_command_takes_a_pipeline_a_version_and_a_destination(weighbridge, tmp_path: Path, workdir: Path) -> None:
    production = str(workdir / "taxi/production")
    first = push_model(tmp_path, "c", production)
    push_model(tmp_path, "e", production, first)
    add_run(workdir, "f")
    for asked, version in (("taxi", 2), (production, 2), (f"{production}/1", 1), (f"{production}@1", 1)):
        found = json.loads(weighbridge("lineage", asked, "--json").out)
        assert found["models"][0]["places"][0]["version"] == version
    elsewhere = str(tmp_path / "elsewhere")
    third = push_model(tmp_path, "d", elsewhere)
    assert json.loads(weighbridge("lineage", elsewhere, "--json").out)["digest"] == third
    done = weighbridge("lineage", "span:17", "--destination", elsewhere)
    assert done.out.startswith("span 17 touched 3 models; 2 of them are in production now\n")


def test_the_report_of_a_run_shows_where_its_model_comes_from(workdir: Path) -> None:
    from weighbridge.runs.run_evidence import evidence_of

    add_run(workdir, "c")
    run = add_run(workdir, "e")
    notes: list[str] = []
    found = origins_of_run(run, notes)
    assert found is not None
    assert [model.run_id for model in found.models] == ["run-e", "run-c", ""]
    assert notes == []
    from weighbridge.report.html import render_html

    page = render_html(evidence_of(run))
    assert "Where this model comes from" in page
    assert "spans 18 to 19" in page
    (run.folder / "provenance.json").unlink()
    assert origins_of_run(run, notes) is None
    assert "Where this model comes from" not in render_html(evidence_of(run))


def test_runs_of_earlier_releases_are_known_by_what_their_steps_left(workdir: Path) -> None:
    from tests.weighbridge.runs.pairs import make_run

    run = make_run(Workspace(workdir, "taxi"), 3, data="b")
    verdict = Verdict.read(run.folder / "verdict.json")
    found = touched(3, workdir)
    assert [each.model.digest for each in found.touched] == [verdict.subject["model"]]
    assert not found.touched[0].model.recorded
