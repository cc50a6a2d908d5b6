"""A pipeline of the catalogue's components, compiled by kfp alone and run step by step as Kubeflow's launcher does.

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
from tests.weighbridge.kubeflow import catalogue, launcher
from tests.weighbridge.kubeflow.launcher import Launcher
from weighbridge.verdict import Verdict

pytestmark = pytest.mark.skipif(
    not launcher.writable(), reason=f"{launcher.MOUNT} cannot be made here; it is in a container"
)

SCHEMA = (ROOT / "pipelines/taxi/schema.pbtxt").read_text()
Launch = Callable[..., Launcher]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All example pipelines as packages."""
    folder = catalogue.write(tmp_path_factory.mktemp("catalogue"))
    catalogue.compile_all(sys.executable, folder)
    return folder


@pytest.fixture
def launch(compiled: Path, tmp_path: Path) -> Iterator[Launch]:
    """Runs the example pipeline of a component, as far as it comes, with `changed` texts in its package."""
    launched: list[Launcher] = []

    def run(name: str, *, changed: tuple[str, str] | None = None, **given: Any) -> Launcher:
        package = tmp_path / "package.yaml"
        text = (compiled / f"{name}_pipeline.yaml").read_text()
        if changed:
            assert changed[0] in text
            text = text.replace(*changed)
        package.write_text(text)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
        launched.append(Launcher(package, sys.executable, environment))
        launched[-1].run(destination=str(tmp_path / "production"), **given)
        return launched[-1]

    yield run
    for each in launched:
        each.remove()


def path(launched: Launcher, step: str, output: str) -> Path:
    return Path(launched.results[step].outputs[output]["uri"].replace("minio://", "/minio/"))


def codes(launched: Launcher) -> dict[str, int | None]:
    return {name: result.code for name, result in launched.results.items()}


def test_nothing_in_production_yet_is_an_answer(launch: Launch) -> None:
    done = launch("production_model")
    assert codes(done) == {"production-model": 0}, done.results["production-model"].log[-2000:]
    outputs = done.results["production-model"].outputs
    assert outputs["model"]["metadata"]["exists"] == outputs["statistics"]["metadata"]["exists"] == 0


@pytest.mark.slow
def test_from_data_to_production_and_against_it(launch: Launch, tmp_path: Path) -> None:
    first = launch("pusher", schema=SCHEMA)
    assert set(codes(first).values()) == {0}, {name: each.log[-2000:] for name, each in first.results.items()}
    verdict = Verdict.read(path(first, "evaluator", "evaluation") / "verdict.json")
    assert verdict.passed
    names = {gate.name for gate in verdict.gates}
    assert {"examples.quarantined_fraction.max", "data.rows.train.min", "training.loss.finite"} <= names
    assert {"quality.auc.min", "latency.batch_1.p99_ms.max"} <= names
    record = json.loads((tmp_path / "production/production.json").read_text())
    assert (record["version"], record["run_id"]) == (1, first.folder.name)
    assert (tmp_path / "production/1/saved_model.pb").exists()
    assert "<svg" in path(first, "evaluator", "weighbridge_report").read_text()

    second = launch("evaluator", schema=SCHEMA)
    assert set(codes(second).values()) == {0}, {name: each.log[-2000:] for name, each in second.results.items()}
    compared = Verdict.read(path(second, "evaluator", "evaluation") / "verdict.json")
    [change] = (gate for gate in compared.gates if gate.name == "quality.auc.min_change")
    assert (change.status, change.baseline is None) == ("passed", False)
    assert compared.subject["production"] == record["model_digest"]


@pytest.mark.slow
def test_refused_data_stop_the_pipeline_at_their_step(launch: Launch, taxi_csv: Path, tmp_path: Path) -> None:
    header, *rows = taxi_csv.read_text().splitlines(keepends=True)
    few = tmp_path / "few.csv"
    few.write_text(header + "".join(rows[:3000]))
    done = launch("pusher", schema=SCHEMA, data=str(few))
    assert codes(done) == {
        "example-gen": 0,
        "production-model": 0,
        "data-validator": 1,
        **dict.fromkeys(("trainer", "evaluator", "pusher")),
    }
    said = done.results["data-validator"].log.strip().splitlines()
    assert any(line.startswith("REFUSED data.rows.train.min: ") for line in said[-5:])
    assert not (tmp_path / "production").exists()


@pytest.mark.slow
def test_a_threshold_that_there_is_not_is_an_error_and_no_open_gate(launch: Launch) -> None:
    done = launch("data_validator", changed=('"min_distinct"', '"min_distinctt"'), schema=SCHEMA)
    assert codes(done)["data-validator"] == 2
    assert "min_distinctt" in done.results["data-validator"].log
