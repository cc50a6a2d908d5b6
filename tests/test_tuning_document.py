"""docs/tuning.md: its files make a pipeline that runs as they stand there."""

import json
import re
from pathlib import Path

import pytest

from tests.command_line import ROOT, start
from tests.patience import PATIENCE_S
from weighbridge.runs.workspace import find_run

DOCUMENT = (ROOT / "docs/tuning.md").read_text(encoding="utf-8")
FILES = re.findall(r"```\w+ title=\"(tuned/[\w.]+)\"\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def run(folder: Path, *arguments: str) -> str:
    process = start("run", "./tuned/pipeline.py", *arguments, workdir=folder / "work", cwd=folder, COLUMNS="120")
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    return output


@pytest.mark.slow
def test_the_example_runs_and_the_model_is_the_one_that_the_tuner_found(folder):
    assert [name for name, _ in FILES] == [
        f"tuned/{name}" for name in ("model.py", "tuning.py", "pipeline.py", "gates.yaml")
    ]
    shown = re.findall(r"^✓ (\w+) +[\d.]+ s", DOCUMENT, re.MULTILINE)
    output = run(folder, "--set", "trials=3")
    assert re.findall(r"^✓ (\w+) +[\d.]+ s", output, re.MULTILINE) == shown
    assert "PASSED" in output

    [found] = folder.glob("work/**/best_hyperparameters.txt")
    best = json.loads(found.read_text())["values"]
    [results] = folder.glob("work/**/tuner_results.json")
    trials = json.loads(results.read_text())
    assert len(trials) == 3
    assert min(trials, key=lambda trial: trial["score"]).items() >= best.items()
    [weights] = folder.glob("work/tuned/production/1/variables/variables.index")
    import tensorflow as tf

    shapes = dict(tf.train.list_variables(str(weights.with_suffix(""))))
    assert [3, best["hidden"]] in shapes.values()

    gates = folder / "tuned/gates.yaml"
    gates.write_text(gates.read_text().replace("0.8", "0.81"))
    run(folder, "--set", "trials=3")
    states = {step.name: step.state for step in find_run(folder / "work").record.steps}
    assert (states["Tuner"], states["Trainer"]) == ("cached", "cached")
