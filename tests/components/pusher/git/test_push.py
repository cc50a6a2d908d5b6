"""What a push to a configuration repository leaves there and where the models lie, whatever comes in between."""

from pathlib import Path

import pytest

from tests.components.pusher.helpers import assert_whole, versions, weigh
from tests.config_repository import ConfigRepository
from tests.weighbridge.rollout.doubles import first_state, gates
from weighbridge.common.digests import bytes_digest, tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.components.production_model import fetch_production, production_history, read_record
from weighbridge.components.production_model.standing import verify_production
from weighbridge.components.pusher import push
from weighbridge.components.pusher.push import Pushed, push_state
from weighbridge.rollout.store import state_bytes
from weighbridge.storage.git.failures import Conflict, Declined
from weighbridge.storage.git.repository import Repository
from weighbridge.verdict import Gate, Verdict


def refusing(pushed: Pushed) -> list[str]:
    return [gate.name for gate in pushed.gates if gate.refuses]


def test_a_push_is_the_version_where_models_lie_and_one_commit(
    config: ConfigRepository, models: Path, model: Path, tmp_path: Path
) -> None:
    before = config.head()
    evaluation = weigh(tmp_path / "evaluation", model)

    pushed = push(model, evaluation, config.address)

    assert refusing(pushed) == []
    assert (pushed.already, pushed.path, pushed.proposed) == (False, f"{config.address}@1", "")
    assert config.run("rev-list", "--count", f"{before}..main").strip() == "1"
    assert config.run("diff", "--name-only", before, "main") == "taxi/production.json\n"
    assert config.read("production.json") == (models / ".weighbridge/1/record.json").read_bytes()
    assert_whole(models, {tree_digest(model)})
    assert read_record(config.address) == pushed.record
    verify_production(config.address)
    assert production_history(config.address) == [pushed.record]


def test_the_message_says_what_why_and_by_whom(
    config: ConfigRepository, model: Path, other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILD_URL", "https://jenkins.example.com/job/taxi/7/")
    push(other, weigh(tmp_path / "first", other), config.address)
    config.settings(tmp_path / "models", more="reports: https://ci.example.com/{pipeline}/{run_id}\n")
    gates = [
        Gate(name="quality.auc.min", status="passed", observed=0.912345, threshold=0.8, baseline=0.9051, message="."),
        Gate(name="quality.auc.max", status="passed", observed=0.912345, threshold=1.0, baseline=0.9051, message="."),
        Gate(name="quality.auc.min_change", status="passed", observed=0.007, threshold=-0.01, message="."),
        Gate(name="quality.auc[x=1].min", status="passed", observed=0.9, threshold=0.8, message="."),
        Gate(name="latency.batch_1.p99_ms.max", status="passed", observed=3.0, threshold=20, unit="ms", message="."),
        Gate(name="data.drift.max", status="refused", severity="warning", observed=0.3, threshold=0.2, message="."),
    ]
    verdict = Verdict.of(gates, pipeline="taxi", run_id="run-2", subject={"model": tree_digest(model)})
    verdict.write(tmp_path / "evaluation" / "verdict.json")

    pushed = push(
        model, tmp_path / "evaluation", config.address, promoted_from="gs://m/staging", approved_by="Jane\nDoe: yes"
    )

    assert pushed.record is not None
    assert config.messages()[0] == (
        "Deliver taxi version 2\n\n"
        "5 gates passed, 1 warned.\n"
        "- quality.auc 0.9123 (≥ 0.8, ≤ 1, in production 0.9051)\n"
        "- latency.batch_1.p99_ms 3 ms (≤ 20 ms)\n\n"
        f"Model-digest: {tree_digest(model)}\n"
        f"Verdict-digest: {verdict.digest}\n"
        "Run: run-2\n"
        f"Replaces: version 1, {tree_digest(other)}\n"
        "Promoted-from: gs://m/staging\n"
        "Approved-by: Jane Doe: yes\n"
        "Report: https://ci.example.com/taxi/run-2\n"
        "Build: https://jenkins.example.com/job/taxi/7/"
    )
    assert config.run("log", "-1", "--format=%an %ae %cn").strip() == "Weighbridge weighbridge@localhost Weighbridge"


def test_the_same_model_again_makes_no_commit(
    config: ConfigRepository, models: Path, model: Path, tmp_path: Path
) -> None:
    evaluation = weigh(tmp_path / "evaluation", model)
    first = push(model, evaluation, config.address)
    again = push(model, evaluation, config.address)
    assert (again.already, again.record) == (True, first.record)
    assert len(config.messages()) == 2
    assert versions(models) == [1]
    assert push_state(evaluation, config.address) == bytes_digest(config.read("production.json") or b"")


def test_production_is_fetched_from_where_the_models_lie(
    config: ConfigRepository, model: Path, other: Path, tmp_path: Path
) -> None:
    push(model, weigh(tmp_path / "one", model), config.address)
    push(other, weigh(tmp_path / "two", other), config.address)
    fetched = fetch_production(config.address, tmp_path / "fetched", tmp_path / "statistics")
    assert fetched.record is not None
    assert fetched.record.version == 2
    assert tree_digest(tmp_path / "fetched") == tree_digest(other)
    assert [record.version for record in production_history(config.address)] == [1, 2]


def test_production_is_what_the_repository_says_and_not_the_newest_version(
    config: ConfigRepository, models: Path, model: Path, other: Path, tmp_path: Path
) -> None:
    push(model, weigh(tmp_path / "one", model), config.address)
    first = config.read("production.json")
    push(other, weigh(tmp_path / "two", other), config.address)
    config.commit({"taxi/production.json": first}, "Revert")  # as a person does by git revert

    record = read_record(config.address)
    assert record is not None
    assert record.version == 1
    verify_production(config.address)
    assert push(model, weigh(tmp_path / "one", model), config.address).already
    again = push(other, weigh(tmp_path / "two", other), config.address)
    assert again.record is not None
    assert again.record.version == 2, "the version is there, and was only to be named again"
    assert versions(models) == [1, 2]


def test_somebody_else_s_commit_stays_below_ours(
    config: ConfigRepository, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[str] = []
    commit = Repository.commit

    def meanwhile(repository: Repository, *arguments: object, **options: object) -> str:
        others.append(config.commit({"fraud/production.json": b"{}", "taxi/kustomization.yaml": b"x"}, "Others"))
        return commit(repository, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Repository, "commit", meanwhile)
    pushed = push(model, weigh(tmp_path / "evaluation", model), config.address)
    assert pushed.record is not None
    assert config.run("rev-parse", "main^").split() == others
    assert read_record(config.address) == pushed.record


@pytest.mark.parametrize("name", ["production.json", "canary.json", "weighbridge.yaml"])
def test_a_conflicting_commit_wins_and_the_version_stays_unnamed(
    config: ConfigRepository, models: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    commit = Repository.commit

    def meanwhile(repository: Repository, *arguments: object, **options: object) -> str:
        config.commit({f"taxi/{name}": b"models: /elsewhere\n"}, "Others")
        return commit(repository, *arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Repository, "commit", meanwhile)
        with pytest.raises(Conflict, match=f"changed {name}"):
            push(model, weigh(tmp_path / "evaluation", model), config.address)
    assert config.messages()[0] == "Others"
    assert versions(models) == [1]


def test_what_changed_while_it_was_staged_is_seen_before_a_version_is_made(
    config: ConfigRepository, models: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from weighbridge.components.pusher import FilesystemTarget

    stage = FilesystemTarget.stage

    def meanwhile(target: FilesystemTarget, *arguments: object) -> object:
        config.commit({"taxi/production.json": b"{}"}, "Others")
        return stage(target, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(FilesystemTarget, "stage", meanwhile)
    with pytest.raises(Conflict, match=r"changed production\.json"):
        push(model, weigh(tmp_path / "evaluation", model), config.address)
    assert versions(models) == []


def test_a_push_that_was_killed_before_its_commit_is_completed_without_another_version(
    config: ConfigRepository, models: Path, model: Path, other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(other, weigh(tmp_path / "first", other), config.address)
    with monkeypatch.context() as patched:
        patched.setattr(Repository, "commit", lambda *_, **__: (_ for _ in ()).throw(InfrastructureError("gone")))
        with pytest.raises(InfrastructureError):
            push(model, weigh(tmp_path / "evaluation", model), config.address)
    record = read_record(config.address)
    assert record is not None
    assert record.version == 1
    pushed = push(model, weigh(tmp_path / "evaluation", model), config.address)
    assert (pushed.already, versions(models)) == (False, [1, 2])
    assert read_record(config.address) == pushed.record
    assert config.read("production.json") == (models / ".weighbridge/2/record.json").read_bytes()


def test_a_push_is_refused_while_a_canary_is_on_its_way(
    config: ConfigRepository, models: Path, model: Path, other: Path, tmp_path: Path
) -> None:
    push(other, weigh(tmp_path / "first", other), config.address)
    section = gates()
    state = first_state(section).model_copy(update={"percent": 10.0})
    config.commit({"taxi/canary.json": state_bytes(state)})
    pushed = push(model, weigh(tmp_path / "evaluation", model), config.address)
    assert refusing(pushed) == ["push.canary.none"]
    [gate] = [gate for gate in pushed.gates if gate.refuses]
    assert "Version 7 is on its way as a canary, at 10 %" in gate.message
    assert "weighbridge canary taxi" in gate.message
    assert versions(models) == [1]
    config.commit({"taxi/canary.json": b"not json"})
    assert refusing(push(model, weigh(tmp_path / "evaluation", model), config.address)) == ["push.canary.none"]


def test_a_protected_branch_leaves_production_and_says_what_is_there(
    config: ConfigRepository, models: Path, model: Path, tmp_path: Path
) -> None:
    from weighbridge.common import progress

    config.hook("pre-receive", "echo 'GH006: Protected branch update failed for refs/heads/main.'; exit 1")
    with progress.lasting_facts() as facts, pytest.raises(Declined, match="GH006") as error:
        push(model, weigh(tmp_path / "evaluation", model), config.address)
    assert error.value.exit_code == 2
    [fact] = facts
    assert fact.startswith(f"version 1 is at {models / '1'}, and not in production: no commit says so.")
    assert read_record(config.address) is None
    (config.path / "hooks/pre-receive").unlink()
    assert push(model, weigh(tmp_path / "evaluation", model), config.address).record is not None
    assert versions(models) == [1]


def test_settings_that_are_not_there_are_found_out_before_anything_is_written(
    config: ConfigRepository, models: Path, model: Path, tmp_path: Path
) -> None:
    config.commit({"taxi/weighbridge.yaml": None, "taxi/x": b""})
    with pytest.raises(UsageError, match=r"weighbridge\.yaml"):
        push(model, weigh(tmp_path / "evaluation", model), config.address)
    assert not models.exists()


def test_a_report_address_with_an_unknown_name_is_found_out_before_anything_is_written(
    config: ConfigRepository, models: Path, model: Path, tmp_path: Path
) -> None:
    config.settings(models, more="reports: https://ci/{run}\n")
    with pytest.raises(UsageError, match="unknown name"):
        push(model, weigh(tmp_path / "evaluation", model), config.address)
    assert versions(models) == []


def test_what_was_weighed_against_another_production_is_refused(
    config: ConfigRepository, model: Path, other: Path, tmp_path: Path
) -> None:
    push(other, weigh(tmp_path / "first", other), config.address)
    found = {"production": "sha256:other", LOOKED_UP_AT: config.address}
    pushed = push(model, weigh(tmp_path / "evaluation", model, **found), config.address)
    assert refusing(pushed) == ["push.production.unchanged"]


@pytest.mark.parametrize("manifests", ["deployment", "kserve", "rollout"])
def test_what_the_cluster_runs_is_in_the_same_commit(
    config: ConfigRepository, models: Path, model: Path, tmp_path: Path, manifests: str
) -> None:
    config.settings(models, manifests=manifests)
    push(model, weigh(tmp_path / "evaluation", model), config.address)
    assert config.run("show", "--name-only", "--format=", "main").split() == ["taxi/model.yaml", "taxi/production.json"]
    rendered = (config.read("model.yaml") or b"").decode()
    assert tree_digest(model) in rendered
    assert push(model, weigh(tmp_path / "evaluation", model), config.address).already


@pytest.mark.parametrize("with_approval", [True, False])
def test_a_version_that_waits_for_its_commit_lends_neither_approval_nor_verdict_to_another_push(
    config: ConfigRepository,
    models: Path,
    model: Path,
    other: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    with_approval: bool,
) -> None:
    def declined(*_: object, **__: object) -> str:
        raise InfrastructureError("gone")

    push(other, weigh(tmp_path / "first", other), config.address)
    evaluation = weigh(tmp_path / "evaluation", model)
    with monkeypatch.context() as patched, pytest.raises(InfrastructureError):
        patched.setattr(Repository, "commit", declined)
        push(model, evaluation, config.address)
    assert versions(models) == [1, 2]
    asked = {"promoted_from": "gs://m/staging", "approved_by": "Bob"} if with_approval else {}
    if not with_approval:  # the same bytes come out of another run
        evaluation = weigh(tmp_path / "again", model, run_id="run-2")

    with monkeypatch.context() as patched, pytest.raises(InfrastructureError):
        patched.setattr(Repository, "commit", declined)
        push(model, evaluation, config.address, **asked)
    pushed = push(model, evaluation, config.address, **asked)  # this one says the same, and is completed

    record = read_record(config.address)
    assert record is not None
    assert record == pushed.record
    assert (record.version, versions(models)) == (3, [1, 2, 3])
    assert (record.approved_by, record.promoted_from) == (asked.get("approved_by", ""), asked.get("promoted_from", ""))
    verdict = Verdict.read(evaluation / "verdict.json")
    assert (record.run_id, record.verdict_digest) == (verdict.run_id, verdict.digest)
    assert config.read("production.json") == (models / ".weighbridge/3/record.json").read_bytes()
    assert (models / ".weighbridge/3/verdict.json").read_bytes() == (evaluation / "verdict.json").read_bytes()
    assert ("Approved-by: Bob" in config.messages()[0]) == with_approval
    assert_whole(models, {tree_digest(model), tree_digest(other)})
