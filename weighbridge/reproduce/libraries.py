"""The libraries that made a model: those installed here, where they are the same, else an environment of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import weighbridge
from weighbridge.common import pinned, progress
from weighbridge.common.digests import file_digest, is_installed, library_versions
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.evidence.provenance import Software

_LOCK_FOLDERS = ("requirements", "weighbridge/requirements", "")
_LOCK_NAMES = ("*.lock", "requirements*.txt")


@dataclass(frozen=True)
class Libraries:
    """Where the libraries are taken from.

    Attributes:
        differing: recorded and installed version of each library that is another here; empty where all are the same.
        python: version that is needed, such as `3.11`.
        described: in words.
    """

    differing: dict[str, tuple[str, str]]
    python: str
    described: str


def find_libraries(software: Software, *, as_installed: bool = False) -> Libraries:
    """Decide where the libraries are taken from. Nothing is installed yet.

    Args:
        software: that trained the model.
        as_installed: take those that are installed here, whatever versions they are.
    """
    recorded = {"python": software.python} | software.libraries
    here = pinned.installed()
    installed = {name: here.get(pinned.normalized(name), "") for name in recorded}
    installed |= {"python": library_versions()["python"]}
    differing = {
        name: (version, installed[name])
        for name, version in sorted(recorded.items())
        if _shortened(name, installed[name]) != _shortened(name, version)
    }
    python = _minor(software.python)
    if not differing:
        return Libraries({}, python, "as installed here, the same versions")
    listed = ", ".join(f"{name} {was} (here {now or 'none'})" for name, (was, now) in differing.items())
    if as_installed:
        return Libraries({}, python, f"as installed here, though the model had {listed}")
    return Libraries(differing, python, f"an environment of its own: {listed}")


def make_environment(software: Software, code: Path, folder: Path) -> Path:
    """Install the recorded libraries into an environment of their own; takes minutes where they must be downloaded.

    The lock file with the recorded digest is installed, from the commit's code or from Weighbridge itself, and over it
    what was recorded in other versions than it pins. Where neither has that lock, the recorded versions are installed,
    and what these need in the versions of the nearest lock. What no lock holds and nobody recorded is taken from what
    is installed here.

    Args:
        software: that trained the model.
        code: root of the code, which may hold locks.
        folder: to be made.

    Returns:
        The environment's Python.

    Raises:
        UsageError: there is no uv to install with.
        InfrastructureError: libraries cannot be downloaded or installed.
    """
    uv = _uv()
    if uv is None:
        raise UsageError(
            "The model's libraries must be installed, and there is no uv to do that with",
            "Install it: python -m pip install uv; or go on with what is installed: --as-installed",
        )
    version = _minor(software.python)
    exact = sys.executable if library_versions()["python"] == software.python else version
    _run([uv, "venv", "--quiet", "--python", exact, str(folder)], f"making an environment of Python {version}")
    python = folder / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    lock = next((path for path in _locks(code) if file_digest(path) == software.lock), None) if software.lock else None
    if lock is not None:
        _run([*install, "-r", str(lock)], f"installing {lock.name}")
        pinned_ones = pinned.pins(lock.read_text())
        pins = {name: version for name, version in _recorded(software).items() if pinned_ones.get(name) != version}
    else:
        nearest = next(iter(_locks(code)), None)
        pins = (pinned.pins(nearest.read_text()) if nearest else {}) | _recorded(software)
    if pins:
        chosen = folder / "recorded.txt"
        chosen.write_text("".join(f"{name}=={version}\n" for name, version in sorted(pins.items())))
        _run([*install, "--no-deps", "-r", str(chosen)], f"installing {len(pins)} libraries in the recorded versions")
    _fall_back(folder, version)
    return python


def _fall_back(folder: Path, version: str) -> None:
    """Let an environment find here what it lacks: a pipeline's own libraries are in no lock of Weighbridge's."""
    if version != _minor(library_versions()["python"]):
        return
    for packages in folder.glob("lib/python*/site-packages"):
        here = dict.fromkeys(path for path in sys.path if is_installed(Path(path)) and Path(path).is_dir())
        (packages / "zz-installed-here.pth").write_text("".join(f"{path}\n" for path in here))


def own_package(folder: Path) -> Path:
    """A folder from which Weighbridge alone, as it is here, can be imported in another environment."""
    package = Path(str(weighbridge.__file__)).parent
    if not is_installed(package.parent):
        return package.parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weighbridge").symlink_to(package)
    return folder


def _recorded(software: Software) -> dict[str, str]:
    return {pinned.normalized(name): version for name, version in software.libraries.items()}


def _locks(code: Path) -> Iterator[Path]:
    """Lock files of the code, then those that come with Weighbridge."""
    for folder in _LOCK_FOLDERS:
        for name in _LOCK_NAMES:
            yield from sorted((code / folder).glob(name))
    yield from pinned.shipped_locks()


def _uv() -> str | None:
    if found := shutil.which("uv"):
        return found
    beside = Path(sys.executable).with_name("uv")
    if beside.is_file():
        return str(beside)
    root = Path(str(weighbridge.__file__)).parents[1]
    return next((str(path) for path in sorted(root.glob(".tools/uv-*/bin/uv"))), None)


def _run(command: list[str], what: str) -> None:
    progress.report(what)
    with progress.waiting(f"uv, which is {what}"):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
    if done.returncode:
        said = " ".join(done.stderr.split()[-60:])
        raise InfrastructureError(
            f"The model's libraries cannot be installed: {said}",
            "Check the connection to the package index and run again; or go on with what is installed: --as-installed",
        )


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    return kept | {"UV_SYSTEM_CERTS": "true"}


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _shortened(name: str, version: str) -> str:
    """A version as it counts: of Python the first two parts, of libraries all but what a builder added."""
    return _minor(version) if name == "python" else version.partition("+")[0]
