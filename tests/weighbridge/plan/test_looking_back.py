"""How far back a plan looks: to the run that answers, however many there were."""

import pytest

from tests.weighbridge.local import tiny
from tests.weighbridge.runs.histories import add_run
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.local.request import make_request
from weighbridge.local.run import last_outcome
from weighbridge.plan import make
from weighbridge.plan.earlier_runs import EarlierRuns
from weighbridge.runs import workspace as workspaces
from weighbridge.runs.record import ArtifactReference, Run, StepRecord
from weighbridge.runs.workspace import Workspace

RUNS = 60


def step(rows: int) -> dict:
    prints = {"parameters": {"rows": rows, "code_digest": "c"}, "inputs": {"data": [f"sha256:{rows}"]}}
    artifact = ArtifactReference(step="Count", key="rows", type="Examples", uri="/none", digest=f"sha256:of{rows}")
    return {
        "steps": [StepRecord(name="Count", state="done", seconds=rows, fingerprint=prints)],
        "artifacts": [artifact],
    }


@pytest.fixture
def space(workdir) -> Workspace:
    """Sixty runs, of which every tenth was a promotion."""
    space = Workspace(workdir, "tiny")
    for number in range(RUNS):
        kind = {"kind": "promotion"} if number % 10 == 9 else {}
        add_run(space, number, fingerprint={"modules": {}, "number": number}, **step(number), **kind)
    return space


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """Ids of the runs that are read, in that order."""
    found: list[str] = []

    class Counted(Run):
        @classmethod
        def read(cls, folder):
            found.append(folder.name)
            return super().read(folder)

    monkeypatch.setattr(workspaces, "Run", Counted)
    return found


def test_the_last_outcome_and_what_a_step_did_last_are_in_the_last_runs(space, workdir, read):
    request = make_request(tiny.__name__, None, None, workdir)
    assert last_outcome(request).record.fingerprint["number"] == RUNS - 2  # the last was a promotion
    assert len(read) == 2
    read.clear()
    base, found = make._base(request)
    assert (base.kind, found["number"]) == ("run", RUNS - 2)
    assert len(read) == 2
    read.clear()
    past = EarlierRuns(space.newest_first())
    assert past.last("Count").fingerprint == step(RUNS - 2)["steps"][0].fingerprint
    assert past.seconds("Count") == RUNS - 2
    assert past.last_was_here("Count")
    assert len(read) == 2


def test_it_looks_back_to_the_run_that_answers_and_reads_none_twice(space, read):
    past = EarlierRuns(space.newest_first())
    assert past.digest("Count", "rows", ["rows"], step(40)["steps"][0].fingerprint) == "sha256:of40"
    assert len(read) == RUNS - 40
    assert past.digest("Count", "rows", ["rows"], step(50)["steps"][0].fingerprint) == "sha256:of50"
    assert len(read) == RUNS - 40
    assert past.digest("Count", "rows", ["rows"], step(99)["steps"][0].fingerprint) == ""
    assert past.seconds("Use") is None
    assert not past.could_stand("Use", step(0)["steps"][0].fingerprint, {})
    assert sorted(read) == sorted(path.name for path in space.run_folders())


def test_the_run_that_made_production_is_read_alone(space, workdir, read, monkeypatch):
    made = space.run_folders()[3].name
    monkeypatch.setattr(make, "read_record", lambda _place: ProductionRecord.model_construct(run_id=made, version=1))
    base, found = make._base(make_request(tiny.__name__, None, None, workdir))
    assert (base.kind, base.run_id, found["number"]) == ("production", made, 3)
    assert read == [made]


@pytest.mark.parametrize("run_id", ["", "..", "../../other/runs/x", "/etc", "20990101-000000-0000"])
def test_an_id_that_is_not_of_a_run_here_is_none(space, run_id):
    assert space.run(run_id) is None
