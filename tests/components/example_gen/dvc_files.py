"""A DVC repository: by DVC itself where it can be installed, else files as DVC writes them."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.command_line import ROOT


def install_dvc(folder: Path) -> Path:
    """DVC's own program in an environment of its own; skips the test where packages cannot be had."""
    [uv, *_] = [*map(str, ROOT.glob(".tools/uv-*/bin/uv")), "uv"]  # the set-up's own
    python = str(folder / "venv/bin/python")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")], check=True)
    install = [uv, "pip", "install", "--quiet", "--system-certs", "--python", python, "dvc==3.67.1"]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"DVC cannot be installed here: {done.stderr.strip()[-200:]}")
    return folder / "venv/bin/dvc"


def run_dvc(program: Path, folder: Path, *arguments: str) -> None:
    """Call DVC in a repository, without a word to anybody."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": f"{program.parent}:{os.environ['PATH']}"}
    subprocess.run([str(program), *arguments], cwd=folder, env=environment, check=True, capture_output=True)


def md5(data: bytes) -> str:
    """As DVC tells it."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def repository(folder: Path, config: str = "") -> Path:
    """A repository as `dvc init --no-scm` leaves it, as far as it is read here."""
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc/config").write_text(config or "[core]\n    no_scm = True\n")
    return folder


def cached(cache: Path, data: bytes, kind: str = "", *, old: bool = False) -> str:
    """Put bytes into a cache; their MD5."""
    digest = md5(data)
    path = cache / ("" if old else "files/md5") / digest[:2] / f"{digest[2:]}{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return f"{digest}{kind}"


def pointer(path: Path, digest: str, **entry: object) -> Path:
    """A pointer beside `path`, as `dvc add` writes it; DVC 2 writes no `hash`."""
    out = {"md5": digest, "size": 1, "hash": "md5", "path": path.name} | entry
    written = path.with_name(f"{path.name}.dvc")
    written.write_text(yaml.safe_dump({"outs": [{key: value for key, value in out.items() if value is not None}]}))
    return written


def listing(files: dict[str, bytes]) -> bytes:
    """The list of a folder's files, as DVC keeps it."""
    return json.dumps([{"md5": md5(data), "relpath": name} for name, data in sorted(files.items())]).encode()
