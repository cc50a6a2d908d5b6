"""Weighbridge as its users have it: a wheel, installed in an environment of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What would lead a process back to this checkout, or to this machine's runs.
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "WEIGHBRIDGE_WORKDIR", "WEIGHBRIDGE_DATA", "WEIGHBRIDGE_IMAGE")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it."""

    venv: Path

    @property
    def python(self) -> Path:
        return self.venv / "bin/python"

    @property
    def site_packages(self) -> Path:
        return next(self.venv.glob("lib/python3*/site-packages"))

    def run(self, *command: str | Path, cwd: Path, **environment: str) -> Result:
        """A program of the environment, e.g. `weighbridge`, in a process that knows nothing of this checkout."""
        kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        program, *arguments = map(str, command)
        done = subprocess.run(
            [str(self.venv / "bin" / program), *arguments],
            cwd=cwd,
            env=kept | {"COLUMNS": "120", "TF_CPP_MIN_LOG_LEVEL": "3"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)


def copy_of_the_sources(target: Path) -> Path:
    """What git would hand out: the files it knows, links as links, and nothing that was built here."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-coz", "--exclude-standard"], check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_symlink() or source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)
    return target


def build_wheel(sources: Path, target: Path) -> Path:
    """The wheel, built without a network."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(target), str(sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=target.parent)
    assert done.returncode == 0, done.stderr
    [wheel] = target.glob("*.whl")
    return wheel


def install(wheel: Path, venv: Path) -> Installed:
    """Install the wheel, not editable, beside the libraries of the environment that these tests run in.

    The libraries are links, since they are large. A Weighbridge among them is left out, and so are `.pth` files: one
    of them makes an editable Weighbridge importable.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    made = Installed(venv)
    for folder in dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))):
        for library in Path(folder).iterdir():
            if library.suffix != ".pth" and "weighbridge" not in library.name and library.name != "__pycache__":
                (made.site_packages / library.name).symlink_to(library)
    pip = [sys.executable, "-m", "pip", "--python", str(made.python), "--disable-pip-version-check", "install"]
    command = [*pip, "--quiet", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made
