"""Environments of their own under `.tools`, for what lives beside TFX badly: made by the first test that needs one."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ROOT


def tool_environment(name: str, requirement: str) -> Path:
    """The folder of the environment `name` that has the requirement; skips the test where it cannot be had."""
    tools = (ROOT / ".tools").resolve()  # programs in it name it by this path, whoever reaches it by a link
    folder, marker = tools / name, tools / name / requirement
    tools.mkdir(exist_ok=True)
    with (tools / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder, requirement)
            marker.touch()
    return folder


def _install(folder: Path, requirement: str) -> None:
    [uv, *_] = [*map(str, sorted(ROOT.glob(".tools/uv-*/bin/uv"), reverse=True)), "uv"]  # the set-up's own
    install = [uv, "pip", "install", "--quiet", "--system-certs", "--compile-bytecode"]
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [*install, "--python", f"{folder}/bin/python", requirement],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"{requirement} needs uv: {error}")
        if done.returncode:
            pytest.skip(f"{requirement} cannot be installed here: {done.stderr.strip()[-300:]}")
