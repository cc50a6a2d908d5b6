"""What is pushed, what is refused, and what a destination looks like afterwards."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.pusher.helpers import (
    as_earlier_versions_wrote,
    assert_whole,
    leftovers,
    make_model,
    make_statistics,
    make_verdict,
    snapshot,
    versions,
    weigh,
)
from weighbridge.common.digests import bytes_digest, file_digest, tree_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model import production_history, read_record
from weighbridge.components.production_model.standing import recorded
from weighbridge.components.pusher import FilesystemTarget, push
from weighbridge.components.pusher.push import Pushed, push_state
from weighbridge.verdict import Verdict


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return make_model(tmp_path / "other", "two")


@pytest.fixture
def production(tmp_path: Path) -> Path:
    return tmp_path / "models" / "taxi"


def refusing(pushed: Pushed) -> list[str]:
    return [gate.name for gate in pushed.gates if gate.refuses]


@pytest.mark.parametrize("linked", ["variables", "variables/variables.index"])
def test_a_link_in_the_model_is_refused_by_name(tmp_path: Path, model: Path, production: Path, linked: str) -> None:
    (model / linked).rename(tmp_path / "elsewhere")
    (model / linked).symlink_to(tmp_path / "elsewhere")
    pushed = push(model, weigh(tmp_path / "evaluation", model), production)
    assert refusing(pushed) == ["push.model.whole"]
    [gate] = [gate for gate in pushed.gates if gate.refuses]
    assert gate.message.startswith(f"{linked} is a link to {tmp_path / 'elsewhere'}")
    assert not production.exists() or versions(production) == []


def test_first_push_lays_out_version_record_and_evidence(tmp_path: Path, model: Path, production: Path) -> None:
    evaluation = weigh(tmp_path / "evaluation", model)
    statistics = make_statistics(tmp_path / "statistics")

    pushed = push(model, evaluation, production, statistics=statistics)

    assert refusing(pushed) == []
    assert not pushed.already
    assert pushed.path == str(production / "1")
    assert sorted(snapshot(production)) == [
        ".weighbridge/1/attestations.intoto.jsonl",
        ".weighbridge/1/record.json",
        ".weighbridge/1/statistics/Split-eval/FeatureStats.pb",
        ".weighbridge/1/statistics/Split-train/FeatureStats.pb",
        ".weighbridge/1/verdict.json",
        "1/saved_model.pb",
        "1/variables/variables.data-00000-of-00001",
        "1/variables/variables.index",
        "production.json",
    ]
    assert (production / "1" / "assets").is_dir()
    verdict = Verdict.read(evaluation / "verdict.json")
    record = json.loads((production / "production.json").read_text())
    assert record.pop("pushed_at").endswith("Z")
    assert record == {
        "version": 1,
        "model_digest": tree_digest(model),
        "verdict_digest": verdict.digest,
        "run_id": "run-1",
        "pipeline": "taxi",
        "subject": verdict.subject,
    }
    assert file_digest(production / ".weighbridge/1/verdict.json") == verdict.digest
    assert assert_whole(production, {tree_digest(model)}) == pushed.record


def test_next_model_becomes_next_version_and_history_keeps_both(
    tmp_path: Path, model: Path, other: Path, production: Path
) -> None:
    push(model, weigh(tmp_path / "e1", model), production)
    pushed = push(other, weigh(tmp_path / "e2", other, run_id="run-2"), production)

    assert versions(production) == [1, 2]
    assert pushed.record == read_record(production)
    assert [(record.version, record.run_id) for record in production_history(production)] == [
        (1, "run-1"),
        (2, "run-2"),
    ]
    assert_whole(production, {tree_digest(model), tree_digest(other)})


def test_same_model_again_does_nothing_even_on_a_newer_verdict(tmp_path: Path, model: Path, production: Path) -> None:
    first = push(model, weigh(tmp_path / "e1", model), production)
    before = snapshot(production)

    again = push(model, weigh(tmp_path / "e2", model, run_id="run-2", production="sha256:x"), production)

    assert again.already
    assert again.record == first.record
    assert again.path == first.path
    assert snapshot(production) == before


def test_older_model_again_becomes_a_new_version_because_the_newest_is_served(
    tmp_path: Path, model: Path, other: Path, production: Path
) -> None:
    for number, candidate in enumerate((model, other, model), start=1):
        pushed = push(candidate, weigh(tmp_path / f"e{number}", candidate), production)
        assert pushed.record
        assert pushed.record.version == number
    assert versions(production) == [1, 2, 3]


def test_numbers_go_on_after_versions_of_others(tmp_path: Path, model: Path, production: Path) -> None:
    (production / "1700000000").mkdir(parents=True)
    (production / "notes").mkdir()
    pushed = push(model, weigh(tmp_path / "e", model), production)
    assert pushed.record
    assert pushed.record.version == 1700000001


def test_a_number_is_never_used_twice(tmp_path: Path, model: Path, other: Path, production: Path) -> None:
    push(model, weigh(tmp_path / "e1", model), production)
    push(other, weigh(tmp_path / "e2", other), production)
    for path in sorted((production / "2").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (production / "2").rmdir()

    pushed = push(other, weigh(tmp_path / "e3", other), production)

    assert pushed.record
    assert pushed.record.version == 3


def test_damaged_production_version_is_replaced_by_a_new_one(tmp_path: Path, model: Path, production: Path) -> None:
    push(model, weigh(tmp_path / "e1", model), production)
    (production / "1" / "saved_model.pb").write_bytes(b"damaged")

    pushed = push(model, weigh(tmp_path / "e2", model), production)

    assert not pushed.already
    assert pushed.record
    assert pushed.record.version == 2
    assert tree_digest(production / "2") == tree_digest(model)


def test_version_taken_meanwhile_is_never_overwritten(
    tmp_path: Path, model: Path, production: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Someone who does not know the lock makes versions 1 and 2 after the number was chosen."""
    stage = FilesystemTarget.stage

    def stage_slowly(self: FilesystemTarget, *arguments: object) -> object:
        make_model(production / "1", "foreign")
        make_model(production / "2", "foreign")
        return stage(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(FilesystemTarget, "stage", stage_slowly)
    numbers = iter([1, 2, 3])
    monkeypatch.setattr(FilesystemTarget, "next_version", lambda self: next(numbers))

    pushed = push(model, weigh(tmp_path / "e", model), production)

    assert pushed.record
    assert pushed.record.version == 3
    foreign = tree_digest(make_model(tmp_path / "foreign", "foreign"))
    assert [tree_digest(production / name) for name in "12"] == [foreign, foreign]
    assert_whole(production, {tree_digest(model), foreign})


def test_refused_verdict_is_not_pushed(tmp_path: Path, model: Path, production: Path) -> None:
    pushed = push(model, weigh(tmp_path / "e", model, passed=False), production)
    assert refusing(pushed) == ["push.verdict.passed"]
    assert "quality.auc.min" in pushed.gates[0].message
    assert pushed.record is None
    assert not production.exists()


@pytest.mark.parametrize("content", [None, "", "{}", "[1", '{"passed": true, "gates": []}'])
def test_verdict_that_cannot_be_read_is_not_pushed(
    tmp_path: Path, model: Path, production: Path, content: str | None
) -> None:
    evaluation = tmp_path / "e"
    evaluation.mkdir()
    if content is not None:
        (evaluation / "verdict.json").write_text(content)
    pushed = push(model, evaluation, production)
    assert refusing(pushed) == ["push.verdict.passed", "push.model_digest.equal"]
    assert [gate.status for gate in pushed.gates] == ["unmeasured", "unmeasured"]
    assert "verdict.json" in pushed.gates[0].message
    assert not production.exists()


def test_a_verdict_of_an_earlier_version_is_kept_byte_for_byte(tmp_path: Path, model: Path, production: Path) -> None:
    evaluation = weigh(tmp_path / "e", model)
    content = as_earlier_versions_wrote(evaluation / "verdict.json")

    pushed = push(model, evaluation, production)

    assert pushed.record is not None
    assert pushed.record.verdict_digest == bytes_digest(content)
    assert (production / ".weighbridge/1/verdict.json").read_bytes() == content


def test_model_changed_after_weighing_is_not_pushed(tmp_path: Path, model: Path, production: Path) -> None:
    weighed = tree_digest(model)
    evaluation = weigh(tmp_path / "e", model)
    (model / "saved_model.pb").write_bytes(b"another model")

    pushed = push(model, evaluation, production)

    assert refusing(pushed) == ["push.model_digest.equal"]
    gate = pushed.gates[-1]
    assert (gate.observed, gate.threshold) == (tree_digest(model), weighed)
    assert not production.exists()


def test_model_changed_while_it_is_copied_is_not_pushed(
    tmp_path: Path, model: Path, production: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = weigh(tmp_path / "e", model)
    stage = FilesystemTarget.stage

    def change_and_stage(self: FilesystemTarget, *arguments: object) -> object:
        (model / "saved_model.pb").write_bytes(b"another model")
        return stage(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(FilesystemTarget, "stage", change_and_stage)
    pushed = push(model, evaluation, production)

    assert refusing(pushed) == ["push.model_digest.equal"]
    assert pushed.gates[-1].observed == tree_digest(model)
    assert pushed.record is None
    assert snapshot(production) == {}
    assert leftovers(production) == []


def test_verdict_on_no_model_is_not_pushed(tmp_path: Path, model: Path, production: Path) -> None:
    verdict = make_verdict(model)
    Verdict.of(verdict.gates, pipeline="taxi", run_id="r", subject={}).write(tmp_path / "e" / "verdict.json")
    pushed = push(model, tmp_path / "e", production)
    assert refusing(pushed) == ["push.model_digest.equal"]
    assert "which model" in pushed.gates[-1].message


@pytest.mark.parametrize("exists", [True, False])
def test_model_without_files_is_not_pushed(tmp_path: Path, model: Path, production: Path, exists: bool) -> None:
    evaluation = weigh(tmp_path / "e", model)
    if exists:
        (tmp_path / "empty").mkdir()
    pushed = push(tmp_path / "empty", evaluation, production)
    assert refusing(pushed) == ["push.model_digest.equal"]
    assert pushed.gates[-1].observed is None


def test_blessings_must_all_hold(tmp_path: Path, model: Path, production: Path) -> None:
    evaluation = weigh(tmp_path / "e", model)
    refused = push(model, evaluation, production, blessings={"blessing": True, "infra_blessing": False})
    assert refusing(refused) == ["push.infra_blessing.blessed"]
    assert not production.exists()
    passed = push(model, evaluation, production, blessings={"blessing": True, "infra_blessing": True})
    assert [gate.name for gate in passed.gates] == [
        "push.verdict.passed",
        "push.blessing.blessed",
        "push.infra_blessing.blessed",
        "push.model_digest.equal",
    ]
    assert passed.record


@pytest.mark.parametrize("content", ["", "{}", '{"version": 0}', "null", '{"version": 1, "surprise": 2}'])
def test_corrupt_record_is_an_error_and_is_never_overwritten(
    tmp_path: Path, model: Path, other: Path, production: Path, content: str
) -> None:
    push(model, weigh(tmp_path / "e1", model), production)
    (production / "production.json").write_text(content)
    before = snapshot(production)
    with pytest.raises(UsageError, match=r"production\.json is not a production record"):
        push(other, weigh(tmp_path / "e2", other), production)
    assert snapshot(production) == before
    assert leftovers(production) == []


def test_leftovers_of_killed_pushes_are_removed(tmp_path: Path, model: Path, production: Path) -> None:
    make_model(production / ".staged-0123456789ab" / "model")
    (production / ".staged-production.json-0123").write_text("torn")
    push(model, weigh(tmp_path / "e", model), production)
    assert leftovers(production) == []
    assert versions(production) == [1]


def test_version_without_record_is_completed(tmp_path: Path, model: Path, production: Path) -> None:
    make_model(production / "7")
    pushed = push(model, weigh(tmp_path / "e", model), production)
    assert versions(production) == [7]
    assert not pushed.already
    assert assert_whole(production, {tree_digest(model)}) == pushed.record


def test_evidence_of_another_model_is_not_taken_for_this_one(
    tmp_path: Path, model: Path, other: Path, production: Path
) -> None:
    push(model, weigh(tmp_path / "e1", model), production)
    (production / "production.json").unlink()
    for path in (production / "1").rglob("*"):
        if path.is_file():
            path.write_bytes((other / path.relative_to(production / "1")).read_bytes())
    with pytest.raises(UsageError, match="is evidence of version 1 with the model"):
        push(other, weigh(tmp_path / "e2", other), production)
    assert recorded(production) is None


@pytest.mark.parametrize(
    "destination",
    ["file:///models", "abfs://bucket/models", "", Path("gs://bucket/models"), Path("s3://bucket/models")],
)
def test_destination_must_be_a_folder_or_a_bucket(tmp_path: Path, model: Path, destination: str | Path) -> None:
    with pytest.raises(UsageError, match="neither a local folder nor gs://bucket/prefix nor s3://bucket/prefix"):
        push(model, weigh(tmp_path / "e", model), destination)


def test_state_is_stable_only_while_the_model_is_in_production(
    tmp_path: Path, model: Path, other: Path, production: Path
) -> None:
    evaluation = weigh(tmp_path / "e1", model)
    assert push_state(evaluation, production) != push_state(evaluation, production)
    push(model, evaluation, production)
    assert push_state(evaluation, production) == push_state(evaluation, production)
    push(other, weigh(tmp_path / "e2", other), production)
    assert push_state(evaluation, production) != push_state(evaluation, production)
    (production / "production.json").write_text("torn")
    assert push_state(evaluation, production) != push_state(evaluation, production)


def test_importing_loads_neither_tfx_nor_tensorflow() -> None:
    code = (
        "import sys, weighbridge.components.pusher, weighbridge.components.production_model;"
        "sys.exit(', '.join({'tfx', 'tensorflow', 'apache_beam'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_links_that_were_left_where_pushes_stage_are_removed_and_their_targets_are_not(
    tmp_path: Path, model: Path, production: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "kept").write_text("here")
    production.mkdir(parents=True)
    (production / ".staged-folder").symlink_to(precious)
    (production / ".staged-file").symlink_to(precious / "kept")
    (production / ".staged-dangling").symlink_to(tmp_path / "nowhere")
    assert refusing(push(model, weigh(tmp_path / "evaluation", model), production)) == []
    assert (precious / "kept").read_text() == "here"
    assert leftovers(production) == []


@pytest.mark.parametrize("place", ["", ".weighbridge"])
def test_a_link_that_leads_nowhere_is_no_destination(tmp_path: Path, model: Path, production: Path, place: str) -> None:
    (production if place else production.parent).mkdir(parents=True)
    (production / place).symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"Nothing can be pushed to .*: File exists") as caught:
        push(model, weigh(tmp_path / "evaluation", model), production)
    assert "must be a folder" in caught.value.hint


def test_a_folder_named_by_a_number_that_nobody_can_count_is_no_version(
    tmp_path: Path, model: Path, other: Path, production: Path
) -> None:
    (production / "100000000000000000000").mkdir(parents=True)
    evaluation = weigh(tmp_path / "evaluation", model)
    pushed = push(model, evaluation, production)
    assert pushed.record is not None
    assert pushed.record.version == 1
    # The highest that can be counted leaves none for the next.
    (production / "1").rename(production / str(2**63 - 1))
    with pytest.raises(UsageError, match="has a version 9223372036854775807, the highest that there can be"):
        push(other, weigh(tmp_path / "evaluation-2", other), production)


def test_a_record_of_such_a_version_cannot_be_read(tmp_path: Path, model: Path, production: Path) -> None:
    push(model, weigh(tmp_path / "evaluation", model), production)
    path = production / "production.json"
    path.write_text(path.read_text().replace('"version": 1\n', '"version": 100000000000000000000\n'))
    with pytest.raises(UsageError, match=r"production\.json"):
        read_record(production)
