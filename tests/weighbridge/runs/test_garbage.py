"""What is removed from a work directory: never what a run that is kept, a stage or the cache needs."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.components.pusher.helpers import make_model, weigh
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.pusher import push
from weighbridge.runs.garbage import Garbage, find_garbage, remove_garbage
from weighbridge.runs.record import ArtifactReference, Run, RunRecord
from weighbridge.runs.workspace import Workspace

PIPELINE = "shop"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone."""


def add_run(space: Workspace, number: int, artifacts: list[int], **described: object) -> Run:
    """A run with artifacts by number: several runs may share one, as cached steps do."""
    uris = [space.folder / f"artifacts/Make/model/{artifact}" for artifact in artifacts]
    for uri in uris:
        (uri / "Format-Serving").mkdir(parents=True, exist_ok=True)
        (uri / "Format-Serving/saved_model.pb").write_bytes(b"weights" * 100)
    record = RunRecord(
        run_id=f"run-{number:03}",
        pipeline=PIPELINE,
        module="shop.pipeline",
        started=BEGAN + timedelta(hours=number),
        artifacts=[ArtifactReference(step="Make", key="model", type="Model", uri=str(uri)) for uri in uris],
        **{"state": "passed"} | described,  # type: ignore[arg-type]
    )
    run = Run(space.folder / "runs" / record.run_id, record)
    run.save()
    return run


def deliver(space: Workspace, stage: str, run_id: str) -> str:
    """Let a stage hold a model of that run; its address."""
    model = make_model(space.home.parent / f"{stage}-{run_id}", run_id)
    push(model, weigh(space.home.parent / f"e-{stage}-{run_id}", model, run_id=run_id), space.home / stage)
    return str(space.home / stage)


runs_of_a_workspace = st.lists(
    st.tuples(
        st.lists(st.integers(0, 12), max_size=4),
        st.sampled_from(["run", "promotion"]),
        st.sampled_from(["", "DataValidator"]),
        st.sampled_from(["passed", "refused", "failed", "running"]),
        st.sampled_from(["", "staging"]),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(runs=runs_of_a_workspace, keep=st.integers(0, 5), produced=st.integers(0, 11))
def test_what_is_kept_is_whole_and_what_is_removed_is_needed_by_nobody(runs, keep: int, produced: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        space = Workspace(folder, PIPELINE)
        made = [
            add_run(space, number, artifacts, kind=kind, to=to, state=state, delivered_to=delivered)
            for number, (artifacts, kind, to, state, delivered) in enumerate(runs)
        ]
        (space.folder / "artifacts/Make/.system/executor_execution/7").mkdir(parents=True)
        destinations = {"production": deliver(space, "production", f"run-{produced:03}")}
        before = read_record(destinations["production"])
        garbage = find_garbage(space, destinations, keep)
        remove_garbage(space, garbage)

        kept = space.runs()
        assert {run.record.run_id for run in kept} >= {run.record.run_id for run in made[max(len(made) - keep, 0) :]}
        assert {run.record.run_id for run in made} & {f"run-{produced:03}"} <= {run.record.run_id for run in kept}
        for state in ("passed", "refused"):
            last = [run for run in made if run.record.state in ("passed", "refused")][-1:]
            assert all(run.folder.exists() for run in last), state
        for run in kept:
            assert all(Path(each.uri, "Format-Serving/saved_model.pb").exists() for each in run.record.artifacts)
        needed = {each.uri for run in kept for each in run.record.artifacts}
        assert {str(path) for path in (space.folder / "artifacts/Make/model").glob("*")} == needed
        assert not list(space.folder.glob("artifacts/Make/.system/*/*"))
        assert read_record(destinations["production"]) == before
        assert find_garbage(space, destinations, keep) == Garbage()


def test_a_promotion_that_checked_what_a_stage_holds_is_kept(tmp_path: Path) -> None:
    space = Workspace(tmp_path, PIPELINE)
    canary = deliver(space, "canary", "run-000")
    record = read_record(canary)
    assert record
    checked = {"version": record.version, "model_digest": record.model_digest}
    add_run(space, 1, [], kind="promotion", delivered_to="canary", fingerprint=checked)
    for number in range(2, 6):
        add_run(space, number, [], kind="promotion", delivered_to="canary", fingerprint={"version": number})
    assert [path.name for path in find_garbage(space, {"canary": canary}, 1).runs] == ["run-002", "run-003", "run-004"]


def test_killed_at_any_moment_leaves_kept_runs_whole_and_the_next_one_finishes(tmp_path: Path, monkeypatch) -> None:
    rename = Path.rename
    for step in range(1, 20):
        space = Workspace(tmp_path / str(step), PIPELINE)
        for number in range(6):
            add_run(space, number, [number, number + 1])
        left = [step]

        def killed(self: Path, target: Path, left: list[int] = left) -> Path:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", killed)
        try:
            remove_garbage(space, find_garbage(space, {}, 2))
            ended = True
        except Killed:
            ended = False
        monkeypatch.setattr(Path, "rename", rename)
        assert {"run-004", "run-005"} <= {run.record.run_id for run in space.runs()}
        for run in space.runs():
            if run.record.run_id in ("run-004", "run-005"):
                assert all(Path(each.uri, "Format-Serving/saved_model.pb").exists() for each in run.record.artifacts)
        remove_garbage(space, find_garbage(space, {}, 2))
        assert [run.record.run_id for run in space.runs()] == ["run-004", "run-005"]
        assert find_garbage(space, {}, 2) == Garbage()
        if ended:
            break
    assert step > 5


DELIVERING = "tests.weighbridge.local.delivering"


def test_it_is_shown_then_removed_and_what_was_removed_is_made_again(
    weighbridge, workdir, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("TINY_CALLS", str(tmp_path / "calls"))
    for weight in ("one", "two"):
        assert weighbridge("run", DELIVERING, "--set", f"weight={weight}").code == 0
    home = workdir / "delivering"
    before = sorted(home.rglob("*"))
    shown = weighbridge("gc", DELIVERING, "--keep", "1")
    assert shown.code == 0, shown.err
    assert "1 run and" in shown.out
    assert f"weighbridge gc {DELIVERING} --keep 1 --remove" in shown.out
    assert sorted(home.rglob("*")) == before
    removed = weighbridge("gc", DELIVERING, "--keep", "1", "--remove")
    assert removed.out.splitlines()[-1].startswith("Removed 1 run and")
    assert weighbridge("gc", DELIVERING, "--keep", "1").out == "Nothing to remove.\n"
    assert "Nothing changed" in weighbridge("run", DELIVERING, "--set", "weight=two").out
    again = weighbridge("run", DELIVERING, "--set", "weight=one")
    assert again.code == 0, again.out + again.err
    assert read_record(home / "production").version == 3


@pytest.fixture
def space(workdir) -> Workspace:
    """Three runs of a pipeline, the last in production."""
    made = Workspace(workdir, "delivering")
    for number in range(3):
        add_run(made, number, [number])
    deliver(made, "production", "run-002")
    return made


def test_nothing_is_removed_where_a_stage_cannot_be_read(weighbridge, space: Workspace) -> None:
    (space.home / "production/production.json").write_text("{")
    refused = weighbridge("gc", DELIVERING, "--keep", "0", "--remove")
    assert refused.code == 2
    assert "is not a production record" in refused.err
    assert len(space.runs()) == 3


def test_nothing_is_removed_while_a_run_is_going_on(weighbridge, space: Workspace) -> None:
    with space.lock():
        busy = weighbridge("gc", DELIVERING, "--keep", "0", "--remove")
    assert busy.code == 3
    assert len(space.runs()) == 3


def test_runs_of_a_store_stay_but_not_what_lies_at_the_paths_of_another_machine(tmp_path: Path) -> None:
    """What was not sent yet is nowhere else; what came from the store would come again."""
    space = Workspace(tmp_path, PIPELINE)
    unsent, brought, _, last = (add_run(space, number, [number]) for number in range(4))
    (unsent.folder / "unsent.json").write_text('{"store": "gs://models"}')
    (brought.folder / "brought.json").write_text("{}")
    garbage = find_garbage(space, {}, keep=1)
    assert [path.name for path in garbage.runs] == ["run-002"]
    assert {path.name for path in garbage.artifacts} == {"1", "2"}
    assert last.folder not in garbage.runs
