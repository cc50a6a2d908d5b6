"""A user's package to spoil, and what every refusal must be: one sentence, the right exit code, nothing changed."""

from pathlib import Path

import pytest

GATES = "quality: {metrics: {auc: {min: 0.5}}}\nlatency: {batch_sizes: {1: {p99_ms: {max: 1000}}}}\n"
PIPELINE = """
from weighbridge import definition


class Parameters(definition.Parameters):
    data: str = "none"
    rate: float = 0.1
    layers: list[int] = [1]


def create_pipeline(parameters, context):
    raise NotImplementedError
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a user's package `hostile_shop`, in the current folder; its pipeline is `hostile_shop.pipeline`."""
    package = tmp_path / "hostile_shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pipeline.py").write_text(PIPELINE)
    (package / "gates.yaml").write_text(GATES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in __import__("sys").modules if name.startswith("hostile_shop")]:
        monkeypatch.delitem(__import__("sys").modules, name)
    return package


def snapshot(folder: Path) -> dict[str, bytes]:
    """What is below a folder, but for what Python and a held lock leave."""
    kept = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc" and path.name != ".lock")
    return {str(path): path.read_bytes() for path in kept}


def assert_clear(result, *named: str, codes: tuple[int, ...] = (2,)) -> None:
    """One sentence and what to do, in a few lines, that name the bad value."""
    told = result.out + result.err
    assert result.code in codes, told
    assert "Traceback" not in told
    lines = [line for line in result.err.splitlines() if line.strip()]
    assert 0 < len(lines) <= 12, result.err
    for name in named:
        assert name in " ".join(told.replace("│", " ").split()), told
