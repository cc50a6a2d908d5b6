"""The README is true: it names every metric, and its example prints what it says."""

from pathlib import Path

import pytest

import weighbridge.components.evaluator.ranking
from weighbridge.components.evaluator.ranking.names import METRICS

README = (Path(weighbridge.components.evaluator.ranking.__file__).parent / "README.md").read_text()


def test_it_names_every_metric() -> None:
    assert [name for name in METRICS if f"| `{name}` |" not in README] == []


def test_its_example_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(README.split("```python\n")[1].partition("```")[0], "README.md", "exec"), {})
    assert capsys.readouterr().out == README.split("prints\n\n```\n")[1].partition("```")[0]
