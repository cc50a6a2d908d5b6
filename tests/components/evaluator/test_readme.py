"""The README is true: its thresholds parse, it names every metric, and its example runs."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import weighbridge.components.evaluator
from tests.components.evaluator.helpers import gate, load, quality_gates, weighing
from weighbridge.components.evaluator import LatencyGates, QualityGates
from weighbridge.components.evaluator.evaluate import evaluate
from weighbridge.components.evaluator.quality.kernels import KERNELS
from weighbridge.report.plots import Lines, Table, read_plots

pytestmark = pytest.mark.documents

README = (Path(weighbridge.components.evaluator.__file__).parent / "README.md").read_text()


def block(language: str, number: int) -> str:
    return README.split(f"```{language}\n")[number].partition("```")[0]


def test_its_thresholds_are_accepted() -> None:
    sections = yaml.safe_load(block("yaml", 1))
    QualityGates.model_validate(sections["quality"])
    LatencyGates.model_validate(sections["latency"])


def test_it_names_every_metric() -> None:
    assert [name for name in KERNELS if f"`{name}`" not in README] == []


def test_its_provider_runs_and_its_plots_are_drawn(
    examples: Path, models: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_metrics.py").write_text(block("python", 1))
    monkeypatch.syspath_prepend(str(tmp_path))
    quality = quality_gates(metrics={"precision@100": {"min": 0.5}})
    asked = weighing(examples, models("good"), quality=quality, metrics_fn="my_metrics.precision")
    verdict = evaluate(asked, tmp_path / "evaluation").verdict
    assert gate(verdict, "quality.precision@100.min").passed
    plots = read_plots(load(tmp_path / "evaluation/metrics.json")["plots"])
    assert {name: type(plot) for name, plot in plots.items()} == {"depth": Lines, "best": Table}


def test_its_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("python", 2), "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    expected = README.rpartition("```\nok ")[2].splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", lines[0].split()[1]],
        *(e.split()[:2] for e in expected[1:3]),
    ]
    assert lines[0] == f"ok {expected[0]}"
