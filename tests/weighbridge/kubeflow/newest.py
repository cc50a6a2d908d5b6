"""The newest kfp that there is, in an environment of its own: TFX holds the installed one back."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ROOT


def newest_kfp(folder: Path, *others: str, alone: tuple[str, ...] = ()) -> str:
    """Make an environment with the newest kfp; skips the test where packages cannot be had.

    Args:
        folder: to make it in.
        others: further packages.
        alone: packages whose own demands would hold kfp back, and are left out.

    Returns:
        Its Python.
    """
    python = str(folder / "venv/bin/python")
    [uv, *_] = [*map(str, ROOT.glob(".tools/uv-*/bin/uv")), "uv"]  # the set-up's own
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")], check=True)
    install = [uv, "pip", "install", "--quiet", "--system-certs", "--python", python]
    wanted = [["kfp", *others], *([["--no-deps", *alone]] if alone else [])]
    for packages in wanted:
        installed = subprocess.run([*install, *packages], capture_output=True, text=True, check=False)
        if installed.returncode:
            pytest.skip(f"the newest kfp cannot be installed here: {installed.stderr.strip()[-200:]}")
    return python
