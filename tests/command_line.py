"""Runs `weighbridge` as a user does, in this process (TensorFlow loads once) or in its own, and looks at results."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from weighbridge.cli import main
from weighbridge.common import digests
from weighbridge.common.digests import tree_digest
from weighbridge.runs.workspace import find_run

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture
def weighbridge(workdir: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Callable[..., Result]:
    """Call the command line in this process; every command gets this test's work directory."""

    def call(*arguments: str) -> Result:
        digests._code_digest.cache_clear()
        monkeypatch.setattr(sys, "argv", ["weighbridge", *map(str, arguments)])
        monkeypatch.setenv("WEIGHBRIDGE_WORKDIR", str(workdir))
        monkeypatch.setenv("COLUMNS", "120")
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main.main()
        out, err = capfd.readouterr()
        return Result(int(stopped.value.code or 0), out, err)

    return call


def start(*arguments: str, workdir: Path, cwd: Path = ROOT, **environment: str) -> subprocess.Popen:
    """Start the command line in a process of its own, for tests that kill it."""
    return subprocess.Popen(
        [sys.executable, "-m", "weighbridge", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"WEIGHBRIDGE_WORKDIR": str(workdir), "PYTHONPATH": f"{ROOT}:{cwd}"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def in_production(folder: Path) -> tuple[str, dict[str, str]]:
    """What production holds: the record's bytes and every version's digest."""
    record = folder / "production.json"
    versions = {path.name: tree_digest(path) for path in folder.glob("[0-9]*")}
    return (record.read_text() if record.exists() else "", versions)


def gates_of(workdir: Path) -> dict[str, dict]:
    """The gates of the latest run, by name."""
    verdict = json.loads((find_run(workdir).folder / "verdict.json").read_text())
    return {gate["name"]: gate for gate in verdict["gates"]}
