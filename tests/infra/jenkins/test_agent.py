"""The agents' image: a checkout finds the environment that it brings. The image itself is not built here."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jenkins.job import ROOT

DOCKERFILE = (ROOT / "infra/jenkins/agent.Dockerfile").read_text()
SITE = "lib/python3.11/site-packages"


def checkout(folder: Path) -> Path:
    """What set-up needs of this repository, as a fresh checkout has it."""
    folder.mkdir()
    for name in ("Makefile", "setup.py", "pyproject.toml", "LICENSE", "requirements", "weighbridge"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True)
        else:
            shutil.copy(ROOT / name, folder / name)
    for name in ("components", "pipelines"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def run(tree: Path, *command: str, prepared: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command of an agent without a network, whose image brings `prepared`."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "PYENV_ROOT") if name in os.environ}
    offline = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tree.parent / "cache"), "WEIGHBRIDGE_PREPARED": str(prepared)}
    return subprocess.run(
        command, cwd=tree, env=environment | offline, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """What the image has in /opt/weighbridge, made of the environment of these tests: all but this project itself."""
    made = tmp_path / "prepared"
    (made / "venv" / SITE).mkdir(parents=True)
    ours = Path(sys.prefix)
    shutil.copytree(ours / "bin", made / "venv/bin", symlinks=True)
    shutil.copy(ours / "pyvenv.cfg", made / "venv")
    for entry in (ours / SITE).iterdir():
        if "weighbridge" in entry.name:
            continue
        if entry.suffix == ".dist-info":
            shutil.copytree(entry, made / "venv" / SITE / entry.name)
        else:
            (made / "venv" / SITE / entry.name).symlink_to(entry)
    (tool,) = Path(os.environ.get("WEIGHBRIDGE_PREPARED") or ROOT / ".tools").glob("uv-*")
    (made / tool.name).symlink_to(tool)
    locks = subprocess.run("cat requirements/*.lock | sha256sum", shell=True, cwd=ROOT, capture_output=True, check=True)
    (made / "locks.sha256").write_bytes(locks.stdout)
    return made


def test_a_checkout_of_the_same_locks_is_set_up_without_a_network(tmp_path: Path, prepared: Path) -> None:
    tree = checkout(tmp_path / "tree")
    assert run(tree, "make", "--question", "setup", prepared=prepared).returncode == 1
    done = run(tree, "sh", "requirements/bootstrap.sh", "dev", prepared=prepared)
    assert done.returncode == 0, done.stdout
    assert run(tree, "make", "--question", "setup", prepared=prepared).returncode == 0
    imported = "import weighbridge, pandas; print(weighbridge.__file__, pandas.__file__)"
    found = run(tree, ".venv/bin/python", "-c", imported, prepared=prepared).stdout.split()
    assert found == [f"{tree}/weighbridge/__init__.py", f"{tree}/.venv/{SITE}/pandas/__init__.py"]
    # The checkout's own package is beside the links, not behind them, where the next checkout would find it.
    assert not [entry for entry in (prepared / "venv" / SITE).iterdir() if "weighbridge" in entry.name]
    assert not (tree / ".tools").exists()


def test_an_environment_of_other_locks_is_not_taken(tmp_path: Path, prepared: Path) -> None:
    tree = checkout(tmp_path / "tree")
    run(tree, "sh", "requirements/bootstrap.sh", "dev", prepared=prepared)
    assert (tree / ".venv/.linked").exists()
    with (tree / "requirements/dev-py311.lock").open("a") as lock:
        lock.write("# raised\n")
    # Nothing can be fetched here, so it fails: but in an environment of its own, with no link to the image's left.
    done = run(tree, "sh", "requirements/bootstrap.sh", "dev", prepared=prepared)
    assert done.returncode == 3, done.stdout
    assert not (tree / ".venv/.linked").exists()
    assert not [entry for entry in (tree / ".venv" / SITE).iterdir() if entry.is_symlink()]
    assert (prepared / "venv" / SITE / "pandas").exists()


def test_the_image_has_all_locks_of_tfx_and_says_which() -> None:
    [wanted] = re.findall(r"COPY (requirements\S+ \S+) ", DOCKERFILE)
    assert wanted == "requirements/bootstrap.sh requirements/*.lock"
    installed = set(re.findall(r"-r (requirements/\S+\.lock)", DOCKERFILE))
    # The environment of model servers is no part of it: `make serving` makes it where a served model is weighed.
    locks = {str(lock.relative_to(ROOT)) for lock in (ROOT / "requirements").glob("*.lock")}
    assert installed == locks - {"requirements/serving-py311.lock"}
    assert "--require-hashes" in DOCKERFILE
    # Copied programs must not start the image's own Python, which knows no checkout.
    assert "venv --quiet --relocatable" in DOCKERFILE
    digest = "cat requirements/*.lock | sha256sum"
    assert digest in DOCKERFILE
    assert digest in (ROOT / "requirements/bootstrap.sh").read_text()


def test_the_bases_are_the_projects_and_the_user_is_a_number() -> None:
    [base] = re.findall(r"^ARG BASE=(.+)$", DOCKERFILE, re.MULTILINE)
    assert f"ARG BASE={base}\n" in (ROOT / "infra/docker/Dockerfile").read_text()
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["1000:1000"]
