"""The README is true: its thresholds parse, it names every metric, and its example runs."""

from pathlib import Path

import pytest
import yaml

import components.evaluator
from components.evaluator import LatencyGates, QualityGates
from components.evaluator.kernels import KERNELS

README = (Path(components.evaluator.__file__).parent / "README.md").read_text()


def block(language: str, number: int) -> str:
    return README.split(f"```{language}\n")[number].partition("```")[0]


def test_its_thresholds_are_accepted() -> None:
    sections = yaml.safe_load(block("yaml", 1))
    QualityGates.model_validate(sections["quality"])
    LatencyGates.model_validate(sections["latency"])


def test_it_names_every_metric() -> None:
    assert [name for name in KERNELS if f"`{name}`" not in README] == []


def test_its_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("python", 2), "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    expected = README.rpartition("```\nok ")[2].splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", lines[0].split()[1]],
        *(e.split()[:2] for e in expected[1:3]),
    ]
    assert lines[0] == f"ok {expected[0]}"
