"""What `weighbridge rollback` refuses, and what it mends: damage, other pipelines, approval, a canary on its way."""

import shutil
from pathlib import Path

import pytest

from tests.command_line import gates_of
from tests.components.pusher.helpers import make_model, make_statistics, weigh
from tests.weighbridge.cli.rolled_back import folder, live_bytes, push_model, push_models
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.pusher import push

__all__ = ["folder"]


def test_a_damaged_version_is_refused_and_another_named(weighbridge, folder, tmp_path, workdir):
    push_models(tmp_path, folder)
    before = read_record(folder)
    Path(folder, "2/saved_model.pb").write_bytes(b"damaged")
    assert weighbridge("rollback", "taxi").code == 1
    assert gates_of(workdir)["rollback.version.whole"]["status"] == "refused"
    assert "weighbridge rollback taxi --to 1" in gates_of(workdir)["rollback.version.whole"]["message"]
    shutil.rmtree(Path(folder, "2"))
    assert weighbridge("rollback", "taxi").code == 1
    assert gates_of(workdir)["rollback.version.whole"]["status"] == "unmeasured"
    assert read_record(folder) == before
    assert weighbridge("rollback", "taxi", "--to", "1").code == 0


@pytest.mark.parametrize("damage", ["gone", "another", "refused"])
def test_without_the_verdict_that_it_passed_nothing_goes_back(damage, weighbridge, folder, tmp_path, workdir):
    push_models(tmp_path, folder)
    kept = Path(folder, ".weighbridge/2/verdict.json")
    if damage == "gone":
        kept.unlink()
    elif damage == "another":
        kept.write_bytes(Path(folder, ".weighbridge/1/verdict.json").read_bytes())
    else:
        kept.write_text(kept.read_text().replace("passed", "refused"))
    assert weighbridge("rollback", "taxi").code == 1
    assert gates_of(workdir)["rollback.verdict.equal"]["status"] in ("refused", "unmeasured")
    assert read_record(folder).version == 3


def test_a_damaged_production_is_mended(weighbridge, folder, tmp_path):
    """Somebody deleted the bad version, which no record allows, or it rotted: the same bytes, or earlier ones."""
    push_models(tmp_path, folder)
    shutil.rmtree(Path(folder, "3"))
    assert weighbridge("production", "taxi").code == 2
    assert weighbridge("rollback", "taxi").code == 0
    assert weighbridge("production", "taxi").code == 0
    assert live_bytes(folder) == b"b"
    Path(folder, "4/saved_model.pb").write_bytes(b"rotten")
    assert weighbridge("rollback", "taxi", "--to", "2").code == 0
    assert live_bytes(folder) == b"b"
    record = read_record(folder)
    assert record.model_digest not in record.withdrawn


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "9"), "no such version was in production"),
        (("--to", "run-x"), "no such version was in production"),
        (("--to", "run-"), "3 runs begin so"),
        (("--stage", "nowhere"), "There is no stage 'nowhere'"),
        (("--stage", "staging"), "Nothing is in production at"),
        (("--stage", "staging", "--destination", "x"), "exclude each other"),
        (("--reason", "two\nlines"), "--reason holds characters that cannot be seen"),
        (("--reason", "x" * 501), "--reason has 501 characters"),
    ],
)
def test_what_cannot_be_asked_for(arguments, message, weighbridge, folder, tmp_path, workdir):
    push_models(tmp_path, folder)
    failed = weighbridge("rollback", "taxi", *arguments)
    assert failed.code == 2
    assert message in failed.err
    assert read_record(folder).version == 3


def test_there_must_be_something_to_go_back_to(weighbridge, folder, tmp_path):
    push_models(tmp_path, folder, "a")
    failed = weighbridge("rollback", "taxi")
    assert (failed.code, "No version is before version 1" in failed.err) == (2, True)


def test_models_of_another_pipeline_are_not_rolled_back(weighbridge, tmp_path, workdir):
    for name in "ab":
        push_model(tmp_path, name, str(tmp_path / "taxi"))
    refused = weighbridge("rollback", "recommender", "--destination", str(tmp_path / "taxi"))
    assert refused.code == 1
    assert gates_of(workdir)["rollback.pipeline.equal"]["status"] == "refused"


def test_what_was_approved_is_taken_back_under_a_name(weighbridge, folder, tmp_path, workdir):
    push_models(tmp_path, folder, "ab")
    push_model(tmp_path, "c", folder, promoted_from="/staging", approved_by="Ada", approved_in="https://j/job/1/")
    refused = weighbridge("rollback", "taxi")
    assert refused.code == 1
    gate = gates_of(workdir)["rollback.production.approved"]
    assert "weighbridge rollback taxi --to 2 --approved-by NAME" in gate["message"]
    assert weighbridge("rollback", "taxi", "--approved-by", "Grace").code == 0
    assert (read_record(folder).approved_by, read_record(folder).approved_in) == ("Grace", "")
    pushed = push_model(tmp_path, "d", folder)  # a run alone replaces nothing that somebody approved
    assert [gate.name for gate in pushed.gates if gate.refuses] == ["push.production.approved"]


def test_a_canary_must_end_first(weighbridge, folder, tmp_path, workdir):
    push_models(tmp_path, folder)
    Path(folder, "canary.json").write_text("{}")
    assert weighbridge("rollback", "taxi").code == 1
    assert gates_of(workdir)["rollback.canary.none"]["status"] == "refused"
    assert "weighbridge canary taxi --abort" in gates_of(workdir)["rollback.canary.none"]["message"]


def test_statistics_that_were_changed_are_told_and_keep_nothing_out(weighbridge, folder, tmp_path, workdir):
    for name in "ab":
        model = make_model(tmp_path / f"model-{name}", name)
        weighed = weigh(tmp_path / f"evaluation-{name}", model, run_id=f"run-{name}")
        statistics = make_statistics(tmp_path / f"statistics-{name}", name)
        assert push(model, weighed, folder, statistics=statistics).record is not None
    kept = Path(folder, ".weighbridge/1/statistics/Split-train/FeatureStats.pb")
    kept.write_bytes(b"changed")
    assert weighbridge("rollback", "taxi").code == 0
    assert gates_of(workdir)["rollback.statistics.equal"]["severity"] == "warning"
    assert Path(folder, ".weighbridge/3/statistics/Split-eval/FeatureStats.pb").is_file()
