"""Podman as the tests use it: a base image made from Debian's packages, the project's image built on it.

No registry is asked for anything. Everything is kept in podman's own storage under names that only tests use, so a
second run builds nothing that has not changed.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]
BASE = "localhost/weighbridge-test-base:py311"
IMAGE = "localhost/weighbridge-test:latest"
PROGRAMS = ("podman", "runc", "conmon", "debootstrap", "make")
RESTRICTED = ("--read-only", "--user=1000:1000", "--cap-drop=all", "--security-opt=no-new-privileges")

_BASE_PACKAGES = "python3.11,libpython3.11-dev,python3-pip,ca-certificates,tzdata"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Podman's own choices do not start a container on every machine that tests run on.
_CONFIGURATION = """
[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
"""


def missing() -> str:
    """Why there can be no containers here; empty if there can."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"needs {', '.join(absent)} (infra/docker/README.md says how to install them)"
    return "" if os.geteuid() == 0 else "debootstrap and the tests' folders of other users need root"


def configure(folder: Path) -> Path:
    """Write the configuration that `CONTAINERS_CONF` is to name."""
    path = folder / "containers.conf"
    path.write_text(_CONFIGURATION)
    return path


def podman(*arguments: str, check: bool = True, timeout: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
    """Run podman; what it says on both outputs is in `stdout`."""
    done = subprocess.run(
        ["podman", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
    assert not check or done.returncode == 0, f"podman {' '.join(arguments)[:300]}\n{done.stdout[-4000:]}"
    return done


def run(*arguments: str, image: str = IMAGE, options: Iterable[str] = (), check: bool = True) -> str:
    """Run a command in the image, without a network, and return what it says."""
    return podman("run", "--rm", "--network=none", *options, image, *arguments, check=check).stdout


def make_base(folder: Path) -> str:
    """The base image; returns why it could not be made, empty if it is there."""
    if podman("image", "exists", BASE, check=False).returncode == 0:
        return ""
    root = folder / "root"
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={_BASE_PACKAGES}", "bookworm", str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        return f"debootstrap: {(made.stdout + made.stderr).strip()[-300:]}"
    if _CERTIFICATES.exists():  # of a proxy in front of PyPI, where there is one
        shutil.copyfile(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"))
    for cached in (root / "var/cache/apt/archives").glob("*.deb"):
        cached.unlink()
    archive = folder / "base.tar"
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
    podman("import", "--quiet", "--change", f"ENV SSL_CERT_FILE={_CERTIFICATES}", str(archive), BASE)
    shutil.rmtree(root)
    archive.unlink()
    return ""


def build_image() -> None:
    """`make image`, as a user does it."""
    done = subprocess.run(
        ["make", "image", "ENGINE=podman", f"IMAGE={IMAGE}", f"BASE={BASE}", "BUILD_ARGS=--network=host"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
