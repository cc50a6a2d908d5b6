"""What can be told of the image without building it."""

import re
import subprocess

import pytest

from tests.infra.docker.podman import ROOT

DOCKERFILE = (ROOT / "infra/docker/Dockerfile").read_text()


def test_the_default_base_is_named_by_digest() -> None:
    [base] = re.findall(r"^ARG BASE=(.+)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"[\w./-]+@sha256:[0-9a-f]{64}", base)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}", "packages"}


def test_the_user_is_a_number_that_packages_ask_for() -> None:
    from weighbridge.common.resources import STEP_USER

    [user] = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    assert user == f"{STEP_USER}:{STEP_USER}"


def test_what_is_installed_is_checked_against_the_lock() -> None:
    [lock] = set(re.findall(r"requirements/\S+\.lock", DOCKERFILE))
    assert (ROOT / lock).exists()
    assert f"--require-hashes -r {lock}" in DOCKERFILE


def test_nothing_is_sent_to_the_build_but_what_is_named() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    named = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert named == {
        "setup.py",
        "LICENSE",
        "pyproject.toml",
        "requirements/bootstrap.sh",
        "requirements/*.lock",
        "requirements/licences.yaml",
        "weighbridge",
        "components",
        "pipelines",
    }


def test_the_bill_of_materials_lists_what_is_there_in_the_end_and_a_label_says_where_it_is():
    from weighbridge.kubeflow.image import BILL_OF_MATERIALS

    *_, last = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    steps = [line for line in last.splitlines() if line.startswith(("RUN", "COPY", "USER"))]
    written = next(
        at for at, step in enumerate(steps) if f"weighbridge sbom --system --output {BILL_OF_MATERIALS}" in step
    )
    assert not [step for step in steps[written + 1 :] if step.startswith(("RUN", "COPY"))]
    assert steps.index("USER 1000:1000") > written
    assert f'io.weighbridge.sbom="{BILL_OF_MATERIALS}"' in last


@pytest.mark.parametrize("given", ["IMAGE=mine", "BASE=other"])
def test_make_image_hands_on_what_it_is_given(given: str) -> None:
    shown = subprocess.run(
        ["make", "--dry-run", "image", "ENGINE=podman", given], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    name, _, value = given.partition("=")
    assert (f'--tag "{value}"' if name == "IMAGE" else f'--build-arg BASE="{value}"') in shown


def test_make_image_says_what_it_needs() -> None:
    done = subprocess.run(["make", "image", "ENGINE="], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "needs podman or docker" in done.stderr
