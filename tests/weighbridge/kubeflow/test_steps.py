"""Compiled pipelines, step by step as Kubeflow's launcher runs them, end in the verdict of a local run.

The driver and the launcher are substituted, see `launcher`; everything they run is real.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import ROOT
from tests.weighbridge.kubeflow import launcher
from tests.weighbridge.kubeflow.launcher import Launcher, StepResult
from weighbridge.common.digests import tree_digest
from weighbridge.definition import load
from weighbridge.kubeflow.compile.package import compile_package
from weighbridge.runs.gate_collector import GATES_PROPERTY
from weighbridge.runs.workspace import find_run
from weighbridge.verdict import Verdict

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not launcher.writable(), reason=f"{launcher.MOUNT} cannot be made here; it is in a container"),
]

IMAGE = f"repository/weighbridge@sha256:{'ab' * 32}"
Launch = Callable[..., Launcher]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Compiles a pipeline and runs its steps; `given` are runtime parameters."""
    launched: list[Launcher] = []

    def run(pipeline: str, *, fuse: bool = False, **given: Any) -> Launcher:
        definition = load(pipeline)
        output = tmp_path / f"{definition.name}.yaml"
        state = str(tmp_path / "state")
        compile_package(definition, definition.parameters(), output, image=IMAGE, state=state, fuse=fuse)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
        launched.append(Launcher(output, sys.executable, environment))
        launched[-1].run(**given)
        return launched[-1]

    yield run
    for each in launched:
        each.remove()


def path(result: StepResult, output: str) -> Path:
    return Path(result.outputs[output]["uri"].replace("minio://", "/minio/"))


def gates(verdict: Verdict) -> dict[str, tuple[bool, str]]:
    return {gate.name: (gate.passed, gate.severity) for gate in verdict.gates}


def test_the_taxi_package_ends_in_the_local_verdict(
    launch: Launch, weighbridge: Any, workdir: Path, tmp_path: Path
) -> None:
    done = launch("taxi", epochs=4)
    codes = {name: result.code for name, result in done.results.items()}
    assert set(codes.values()) == {0}, {name: done.results[name].log[-2000:] for name in codes if codes[name]}
    verdict = Verdict.read(path(done.results["Evaluator"], "evaluation") / "verdict.json")
    assert (verdict.passed, verdict.pipeline) == (True, "taxi")
    assert verdict.run_id == done.folder.name

    assert weighbridge("run", "taxi", "--set", "epochs=4").code == 0
    local = Verdict.read(find_run(workdir).folder / "verdict.json")
    pushed = {
        name for name in gates(local) if name.startswith("push.")
    }  # the Pusher's come after the Evaluator's verdict
    assert gates(verdict) == {name: gate for name, gate in gates(local).items() if name not in pushed}
    assert verdict.subject["data"] == local.subject["data"]
    assert verdict.subject["code"] == local.subject["code"]
    observed = {gate.name: gate.observed for gate in verdict.gates if gate.name.startswith(("data.", "examples."))}
    assert observed == {gate.name: gate.observed for gate in local.gates if gate.name in observed}

    history = json.loads((path(done.results["Trainer"], "model_run") / "history.json").read_text())
    assert history["epochs"] == 4  # a runtime parameter inside a JSON text, a float by the time it came
    record = json.loads((tmp_path / "state/production/taxi/production.json").read_text())
    assert record["run_id"] == done.folder.name
    blessing = done.results["Evaluator"].outputs["blessing"]["metadata"]
    assert blessing["current_model"] == done.results["Trainer"].outputs["model"]["uri"]

    shown = done.results["Evaluator"].outputs
    assert shown["weighbridge_metrics"]["metadata"]["auc"] > 0.9
    assert len(shown["weighbridge_roc"]["metadata"]["confidenceMetrics"]) > 10
    assert "<svg" in path(done.results["Evaluator"], "weighbridge_report").read_text()

    whole = Verdict.read(path(done.results["Verdict"], "weighbridge_verdict"))
    assert gates(whole) == gates(verdict)
    assert whole.subject.items() >= verdict.subject.items()

    again = launch("taxi", epochs=4, fuse=True, push_destination=str(tmp_path / "state/production/taxi"))
    codes = {name: result.code for name, result in again.results.items()}
    assert codes == {
        "ExampleGen-ProductionModel-DataValidator": 0,
        "Trainer": 0,
        "Evaluator-Pusher": 0,
        "Verdict": None,
    }
    # Production changed, and with it artifacts and pods, but nothing that training depends on.
    assert "Trainer made this before from the same content" in again.results["Trainer"].log
    model = path(again.results["Trainer"], "model")
    assert tree_digest(model) == tree_digest(path(done.results["Trainer"], "model"))
    last = again.results["Evaluator-Pusher"]
    baseline = Verdict.read(path(last, "Evaluator_evaluation") / "verdict.json")
    assert any(gate.baseline is not None for gate in baseline.gates)
    assert baseline.subject["data"] == verdict.subject["data"]
    blessing = last.outputs["Evaluator_blessing"]["metadata"]
    assert blessing["current_model"] == again.results["Trainer"].outputs["model"]["uri"]
    assert "<svg" in path(last, "Evaluator_weighbridge_report").read_text()
    # The same model again is the same attempt, in another pod too.
    assert {gate.observed for gate in (*verdict.gates, *baseline.gates) if gate.name == "quality.attempts"} == {1}
    assert [file.name for file in (tmp_path / "state/production/taxi").glob(".weighbridge/attempts/*/*")] == ["1.json"]


@pytest.mark.parametrize("fuse", [False, True])
def test_refused_data_stop_the_run_and_can_be_looked_at(
    fuse: bool, launch: Launch, taxi_csv: Path, tmp_path: Path
) -> None:
    header, *rows = taxi_csv.read_text().splitlines(keepends=True)
    few = tmp_path / "few.csv"
    few.write_text(header + "".join(rows[:3000]))
    done = launch("taxi", fuse=fuse, data=str(few), data_digest="")
    codes = {name: result.code for name, result in done.results.items()}
    assert codes.pop("Pusher", None) is None
    assert codes.pop("Verdict") == 1
    assert set(codes.values()) == {0}
    said = done.results["Verdict"].log.strip().splitlines()
    assert any(line.startswith("REFUSED data.rows.train.min: ") for line in said[-5:])
    group, prefix = ("ExampleGen-ProductionModel-DataValidator", "DataValidator_") if fuse else ("DataValidator", "")
    validator = done.results[group]
    assert "rows.train" in path(validator, f"{prefix}weighbridge_report").read_text()
    assert validator.outputs[f"{prefix}anomalies"]["metadata"][GATES_PROPERTY].startswith("sha256:")
    assert not path(done.results["Trainer"], "model").exists()  # nothing trained on refused data
    assert "Not run, because data.rows" in done.results["Trainer"].log
    assert not (tmp_path / "state/production").exists()


def test_data_that_are_not_those_of_the_digest_are_told(launch: Launch, taxi_csv: Path) -> None:
    done = launch("taxi", data=str(taxi_csv), data_digest=f"sha256:{'0' * 64}")
    assert done.results["ExampleGen"].code == 2
    assert "data_digest" in done.results["ExampleGen"].log


def test_a_pipeline_of_stock_components(launch: Launch, tmp_path: Path) -> None:
    for span in (1, 2):
        folder = tmp_path / f"data/span-{span}"
        folder.mkdir(parents=True)
        (folder / "rows.csv").write_text("a\n" + f"{span}\n" * 30)
    done = launch("tests.weighbridge.kubeflow.stock_pipeline", input_base=str(tmp_path / "data"), word="ab")
    assert {name: result.code for name, result in done.results.items()} == {
        **dict.fromkeys(("CsvExampleGen", "StatisticsGen", "Count", "Repeat", "Verdict"), 0),
        "Never": None,
    }, {name: result.log[-1500:] for name, result in done.results.items()}
    examples = done.results["CsvExampleGen"].outputs["examples"]["metadata"]
    assert examples["custom:span"] == 2.0  # the newest, resolved in the step: Kubeflow runs no drivers
    assert "total_bytes" in examples["input_fingerprint"]
    assert path(done.results["Repeat"], "text").read_text() == "ab" * 4


def test_a_pipeline_with_stock_transform(launch: Launch) -> None:
    done = launch("tests.pipelines.taxi.transform_pipeline")
    assert {name: result.code for name, result in done.results.items()} == dict.fromkeys(done.results, 0)
    assert "Transform" in done.results
    assert Verdict.read(path(done.results["Evaluator"], "evaluation") / "verdict.json").passed


def test_a_pipeline_of_a_users_own_components(launch: Launch) -> None:
    done = launch("tests.weighbridge.local.own")
    codes = {name: result.code for name, result in done.results.items()}
    assert codes == {"Counted": 0, "Checked": 0, "Verdict": 0}
    assert "rows.min" in path(done.results["Counted"], "weighbridge_report").read_text()
    assert done.results["Checked"].outputs["report"]["metadata"][GATES_PROPERTY].startswith("sha256:")

    refused = launch("tests.weighbridge.local.own", leaves="")
    assert {name: result.code for name, result in refused.results.items()} == {"Counted": 0, "Checked": 0, "Verdict": 1}
    assert "REFUSED run.Counted.report.gates_readable: " in refused.results["Verdict"].log
