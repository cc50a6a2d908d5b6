"""For each kind of change to the taxi pipeline: what is planned is what then runs. Real trips, real training.

All tests begin with the same work directory and model, as their first run left them; each changes one thing.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.command_line import ROOT, Result
from tests.weighbridge.plan.exact import Planned, plan_then_run
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.pusher import push
from weighbridge.verdict import Verdict

pytestmark = pytest.mark.slow

TAXI = ROOT / "pipelines/taxi"

PIPELINE = """
from weighbridge.pipelines.taxi.pipeline import Parameters as Taxi, create_pipeline

NAME = "taxi"


class Parameters(Taxi):
    epochs: int = 1
    run_fn: str = "our_taxi.model.run_fn"


__all__ = ["Parameters", "create_pipeline"]
"""

MODEL = """
from weighbridge.pipelines.taxi import model


def run_fn(fn_args):
    model.run_fn(fn_args)
"""


def gates(data_rows: int = 100, auc: float = 0.5, p99: float = 5000) -> str:
    content = {
        "data": {"rows": {"train": {"min": data_rows}}, "label": {"feature": "big_tipper", "min_distinct": 2}},
        "quality": {"metrics": {"auc": {"min": auc}}},
        "latency": {"budget_s": 30, "calls": 20, "batch_sizes": {1: {"p50_ms": {"max": p99}}}},
    }
    return yaml.safe_dump(content)


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("plan")


@pytest.fixture
def workdir(shared) -> Path:
    return shared / "work"


@pytest.fixture
def ours(shared, monkeypatch, taxi_csv) -> Path:
    """The folder of our own taxi pipeline, as it always is when a test begins."""
    folder = shared / "our_taxi"
    folder.mkdir(exist_ok=True)
    texts = {"pipeline.py": PIPELINE, "model.py": MODEL, "__init__.py": "", "gates.yaml": gates()}
    texts |= {"schema.pbtxt": (TAXI / "schema.pbtxt").read_text(), "README.md": "Trips.\n"}
    for name, text in texts.items():
        (folder / name).write_text(text)
    shutil.copyfile(taxi_csv, shared / "trips.csv")
    monkeypatch.syspath_prepend(shared)
    for name in ("our_taxi", "our_taxi.pipeline", "our_taxi.model"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


@pytest.fixture
def planned(ours, shared, weighbridge, workdir):
    def call(*arguments: str) -> Planned:
        return plan_then_run(weighbridge, workdir, "our_taxi.pipeline", "--data", str(shared / "trips.csv"), *arguments)

    return call


@pytest.fixture
def settled(planned, shared, workdir) -> None:
    """Production is the model of this definition, and even a forced run takes all from the cache.

    Made by the first test, then put back at the same path: artifacts are known by theirs.
    """
    kept = shared / "kept"
    shutil.rmtree(workdir, ignore_errors=True)
    if kept.exists():
        subprocess.run(["cp", "-a", kept, workdir], check=True)
        return
    planned()
    if not planned("--force").plan["nothing"]:
        assert planned("--force").plan["nothing"]
    subprocess.run(["cp", "-a", workdir, kept], check=True)


def test_nothing(settled, planned):
    again = planned()
    assert again.changed == set()
    assert again.plan["outcome"]["passed"]


def test_force_takes_all_from_the_cache(settled, planned):
    forced = planned("--force")
    assert set(forced.states.values()) == {"cached"}
    assert not forced.plan["trains"]


def test_documentation(settled, planned, ours):
    (ours / "README.md").write_text("Trips, explained.\n")
    (ours / "gates.yaml").write_text(f"# Thresholds, explained.\n{gates()}")
    assert planned().changed == set()


def test_data(settled, planned, shared):
    lines = (shared / "trips.csv").read_text().splitlines()
    (shared / "trips.csv").write_text("\n".join(lines[:-100]) + "\n")
    changed = planned()
    assert changed.changed == {("data", "data")}
    assert changed.step("ExampleGen")["why"] == "the data changed"
    assert changed.plan["trains"]
    assert set(changed.states.values()) - {"cached"} == {"done"}
    assert changed.states["Trainer"] == "done"


def test_rows_in_another_order_are_what_unless_is_for(settled, planned, shared):
    header, *rows = (shared / "trips.csv").read_text().splitlines()
    (shared / "trips.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    changed = planned()
    assert "ExampleGen.examples" in changed.step("Trainer")["unless"]
    assert changed.states == {"ExampleGen": "done"} | dict.fromkeys(list(changed.states)[1:], "cached")


def test_thresholds_of_the_data_train_nothing(settled, planned, ours):
    (ours / "gates.yaml").write_text(gates(data_rows=200))
    changed = planned()
    assert changed.changed == {("gates", "data")}
    assert changed.step("DataValidator")["why"] == "thresholds changed: gates (rows)"
    assert (changed.actions["Trainer"], changed.states["Trainer"]) == ("cached", "cached")
    assert changed.step("Trainer")["unless"] == []
    assert not changed.plan["trains"]
    assert changed.states["Evaluator"] == "done", changed.refusals


@pytest.mark.parametrize(("section", "edited"), [("quality", gates(auc=0.51)), ("latency", gates(p99=4000))])
def test_thresholds_of_the_model_weigh_again_and_train_nothing(settled, planned, ours, section, edited):
    (ours / "gates.yaml").write_text(edited)
    changed = planned()
    assert changed.changed == {("gates", section)}
    assert {name: action for name, action in changed.actions.items() if action == "run"} == {
        "Evaluator": "run",
        "Pusher": "run",
    }
    assert changed.states["Evaluator"] == "done", changed.refusals


def test_a_parameter(settled, planned):
    changed = planned("--set", "seed=7")
    assert changed.changed == {("parameters", "seed")}
    assert changed.step("Trainer")["why"] == "parameters changed (seed)"
    assert {name for name, action in changed.actions.items() if action == "run"} == {"Trainer", "Evaluator", "Pusher"}
    assert changed.plan["trains"]
    assert changed.plan["pushes"]
    assert changed.states["Trainer"] == "done"


def test_the_code_of_the_model(settled, planned, ours):
    (ours / "model.py").write_text(MODEL.replace("model.run_fn(", "fn_args.custom_config['epochs'] = 2; model.run_fn("))
    sys.modules.pop("our_taxi.model", None)
    changed = planned()
    assert changed.changed == {("code", "Trainer")}
    assert {name for name, action in changed.actions.items() if action == "run"} == {"Trainer", "Evaluator", "Pusher"}
    assert changed.states["Trainer"] == "done"
    assert changed.states["Evaluator"] == "done", changed.refusals


def test_the_schema(settled, planned, ours):
    text = (ours / "schema.pbtxt").read_text()
    (ours / "schema.pbtxt").write_text(f"# Reviewed again.\n{text}")
    changed = planned()
    assert changed.changed == {("schema", "")}
    assert changed.actions["ExampleGen"] == changed.actions["DataValidator"] == "run"
    assert changed.states["DataValidator"] == "done"


def test_production_replaced(settled, planned, workdir, tmp_path):
    planned("--set", "seed=8")
    first = planned("--set", "seed=9")
    assert first.plan["trains"]
    # Somebody pushes the model of before again.
    production = workdir / "taxi/production"
    before = str(read_record(production).version - 1)
    shutil.copytree(production / before, tmp_path / "model")
    verdict = Verdict.read(production / ".weighbridge" / before / "verdict.json")
    there = {name: value for name, value in verdict.subject.items() if name != "production_at"}
    verdict.model_copy(update={"subject": there}).write(tmp_path / "evaluation/verdict.json")
    assert push(tmp_path / "model", tmp_path / "evaluation", production).record is not None
    replaced = planned("--set", "seed=9")
    assert ("production", "") in replaced.changed
    assert replaced.step("ProductionModel")["why"] == "production changed"
    assert replaced.actions["Trainer"] == "cached"
    assert replaced.states["Evaluator"] == "done", replaced.refusals


def test_the_cache_deleted(settled, planned, workdir):
    assert planned().plan["nothing"]  # the verdict needs no cache
    shutil.rmtree(workdir / "taxi/artifacts")
    forced = planned("--force")
    assert set(forced.actions.values()) == {"run"}
    assert all(step["unless"] == [] for step in forced.plan["steps"])
    assert forced.states["Trainer"] == "done"


def test_only_the_data_are_validated_then_the_rest_goes_on_from_there(settled, planned):
    first = planned("--set", "seed=10", "--to", "DataValidator")
    assert list(first.actions) == ["ExampleGen", "ProductionModel", "DataValidator"]
    whole = planned("--set", "seed=10")
    assert whole.actions["DataValidator"] == "cached"


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A git repository with a copy of the source code, to edit components and to compare revisions in."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("weighbridge", "components", "pipelines", "requirements"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    (folder / "docs").mkdir()
    gates_file = folder / "pipelines/taxi/gates.yaml"
    gates_file.write_text(gates())
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *arguments], cwd=folder, check=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "state")


def in_clone(clone: Path, workdir: Path):
    """The command line of the clone's own code, in a process of its own."""

    def call(*arguments: str) -> Result:
        environment = os.environ | {"WEIGHBRIDGE_WORKDIR": str(workdir), "PYTHONPATH": str(clone)}
        done = subprocess.run(
            [sys.executable, "-m", "weighbridge", *arguments],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return call


def test_code_of_a_component_and_revisions(clone, tmp_path):
    workdir = tmp_path / "work"
    call = in_clone(clone, workdir)

    def planned(*arguments):
        return plan_then_run(call, workdir, "taxi", "--set", "epochs=1", *arguments)

    planned()
    (clone / "docs/reading.md").write_text("Documentation trains nothing.\n")
    (clone / "components/evaluator/README.md").write_text("Neither here.\n")
    assert planned().plan["nothing"]
    plan = call("plan", "taxi", "--base", "HEAD")
    assert "Nothing would run." in plan.out, plan.out + plan.err

    with (clone / "components/evaluator/latency/timing.py").open("a") as file:
        file.write("\n# An edit.\n")
    changed = planned()
    assert changed.changed == {("code", "Evaluator")}
    assert changed.actions == {
        "ExampleGen": "cached",
        "ProductionModel": "run",
        "DataValidator": "run",
        "Trainer": "cached",
        "Evaluator": "run",
        "Pusher": "run",
    }
    assert changed.states["Trainer"] == "cached"
    against = call("plan", "taxi", "--base", "HEAD", "--json").out
    assert '"part": "Evaluator"' in against
    assert '"part": "Trainer"' not in against
    assert call("plan", "taxi", "--base", "HEAD~9").code == 2
