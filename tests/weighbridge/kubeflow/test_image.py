"""The Dockerfile of an image of one's own; podman is substituted by a script that notes what it is asked for."""

import json
import shutil
import sys
from pathlib import Path

import pytest

PIPELINE = "import weighbridge\nParameters = weighbridge.Parameters\n\ndef create_pipeline(*given):\n    pass\n"
BASE = "registry.example.com/weighbridge@sha256:" + "c0" * 32


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(PIPELINE if name.endswith("pipeline.py") else "")
    return folder


@pytest.fixture(autouse=True)
def _own_modules():
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("shopping", "pipeline"):
            del sys.modules[name]


def copied(dockerfile: str, context: Path, target: Path) -> Path:
    """What the COPY lines bring below /own."""
    for line in dockerfile.splitlines():
        word, _, rest = line.partition(" ")
        if word == "COPY":
            source, to = json.loads(rest) if rest.startswith("[") else rest.split(" ")
            place = target / to.removeprefix("/own").strip("/")
            if (context / source).is_dir():
                shutil.copytree(context / source, place, dirs_exist_ok=True)
    return target


def test_two_lines_bring_a_package(weighbridge, tmp_path):
    project = write(
        tmp_path / "project", "shopping/__init__.py", "shopping/orders/__init__.py", "shopping/orders/pipeline.py"
    )
    shown = weighbridge("image", project / "shopping/orders/pipeline.py", "--base", BASE)
    assert shown.code == 0, shown.err
    assert shown.out == f"FROM {BASE}\nCOPY shopping /own/shopping\n"
    assert (copied(shown.out, project, tmp_path / "image") / "shopping/orders/pipeline.py").is_file()


def test_a_module_in_no_package_brings_what_lies_beside_it(weighbridge, tmp_path):
    project = write(tmp_path / "plain", "pipeline.py", "model.py")
    shown = weighbridge("image", project / "pipeline.py", "--json")
    document = json.loads(shown.out)
    assert document["dockerfile"] == "FROM weighbridge\nCOPY . /own/\n"
    assert "has no digest, so it may change" not in shown.out
    assert {"pipeline.py", "model.py"} <= {
        path.name for path in copied(document["dockerfile"], project, tmp_path / "i").iterdir()
    }


def test_libraries_are_installed_as_root_and_steps_run_as_nobody(weighbridge, tmp_path):
    project = write(tmp_path / "project", "shopping/__init__.py", "shopping/pipeline.py", "my tools/__init__.py")
    (project / "own.lock").write_text("polars==1.0 \\\n    --hash=sha256:00\n")
    shown = weighbridge(
        "image",
        project / "shopping/pipeline.py",
        "--base",
        BASE,
        "-r",
        project / "own.lock",
        "--add",
        project / "my tools",
    )
    assert shown.out.splitlines() == [
        f"FROM {BASE}",
        "USER 0",
        "COPY own.lock /tmp/requirements.txt",
        "RUN python -m pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt",
        "RUN weighbridge sbom --system --output /opt/weighbridge/sbom.cdx.json",
        "USER 1000:1000",
        "COPY shopping /own/shopping",
        'COPY ["my tools", "/own/my tools"]',
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--base", "a\nRUN rm -rf /"), "is no name of an image"),
        (("--base", ""), "is no name of an image"),
        (("--base", "weighbridge@sha256:c0ffee"), "is no name of an image"),
        (("--add", "/etc"), "does not lie in"),
        (("--add", "nowhere"), "there is no such file or folder"),
        (("-o", "/proc/none/Dockerfile"), "/proc/none/Dockerfile cannot be written"),
    ],
)
def test_what_cannot_be_in_an_image_is_a_usage_error(weighbridge, tmp_path, arguments, told):
    project = write(tmp_path / "project", "shopping/__init__.py", "shopping/pipeline.py")
    shown = weighbridge("image", project / "shopping/pipeline.py", *arguments)
    assert shown.code == 2
    assert told in shown.err


def test_our_own_pipelines_are_in_the_image_already(weighbridge):
    shown = weighbridge("image", "taxi")
    assert shown.code == 2
    assert "has it already" in shown.err


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A double of podman: notes its arguments and the Dockerfile, and ends as it is told."""
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / "podman"
    program.write_text(f'#!/bin/sh\necho "$@" > {folder}/asked\ncat "$3" > {folder}/Dockerfile\nexit ${{ENDS:-0}}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_it_is_built_and_says_what_comes_next(weighbridge, tmp_path, engine):
    project = write(tmp_path / "project", "shopping/__init__.py", "shopping/pipeline.py")
    shown = weighbridge(
        "image", project / "shopping/pipeline.py", "--base", BASE, "--build", "--tag", "r.example/shop:1"
    )
    assert shown.code == 0, shown.err
    assert f"--tag r.example/shop:1 {project}" in (engine / "asked").read_text()
    assert (engine / "Dockerfile").read_text() == f"FROM {BASE}\nCOPY shopping /own/shopping\n"
    assert "podman push r.example/shop:1" in shown.out
    assert "--image r.example/shop:1@sha256:…" in shown.out


def test_a_build_that_fails_says_so(weighbridge, tmp_path, engine, monkeypatch):
    monkeypatch.setenv("ENDS", "125")
    project = write(tmp_path / "project", "shopping/__init__.py", "shopping/pipeline.py")
    shown = weighbridge("image", project / "shopping/pipeline.py", "-o", tmp_path / "Dockerfile", "--build")
    assert shown.code == 3
    assert "podman ended with exit code 125" in shown.err
    assert (tmp_path / "Dockerfile").read_text().startswith("FROM weighbridge\n")


def test_without_podman_and_docker_nothing_is_built(weighbridge, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    project = write(tmp_path / "project", "shopping/__init__.py", "shopping/pipeline.py")
    shown = weighbridge("image", project / "shopping/pipeline.py", "--build")
    assert shown.code == 2
    assert "Neither podman nor docker" in shown.err
