"""What can be told of the servers' image without building it, and what is in the environment that its lock makes."""

import json
import os
import re
import subprocess

import pytest

from tests.infra.docker.podman import ROOT
from tests.serving_server import serving_python
from weighbridge.serving.settings import parse

DOCKERFILE = (ROOT / "infra/docker/serving.Dockerfile").read_text()
STEPS = (ROOT / "infra/docker/Dockerfile").read_text()


def test_its_base_is_that_of_the_steps_image_by_digest():
    [base] = re.findall(r"^ARG BASE=(.+)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"[\w./-]+@sha256:[0-9a-f]{64}", base)
    assert [base] == re.findall(r"^ARG BASE=(.+)$", STEPS, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}", "packages"}


def test_it_installs_the_servers_lock_by_its_hashes_and_no_other():
    assert set(re.findall(r"requirements/\S+\.lock", DOCKERFILE)) == {"requirements/serving-py311.lock"}
    assert "--require-hashes -r requirements/serving-py311.lock" in DOCKERFILE
    assert (ROOT / "requirements/serving-py311.lock").exists()


def test_it_copies_only_what_is_sent_to_the_build():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    named = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = [
        line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY") and "--from" not in line
    ]
    for path in (each for line in copied for each in line):
        assert path in named or (path.endswith(".lock") and "requirements/*.lock" in named), path


def test_it_runs_as_a_numbered_user_and_its_first_process_is_the_server():
    [user] = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    assert user == "1000:1000"
    [entry] = re.findall(r"^ENTRYPOINT (.+)$", DOCKERFILE, re.MULTILINE)
    assert json.loads(entry) == ["python", "-m", "weighbridge.serving"]
    least = parse(["--name", "a", "--model", "/models/a"])
    assert re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE) == [f"{least.port} {least.grpc_port}"]


def test_make_builds_it():
    done = subprocess.run(
        ["make", "--dry-run", "serving-image", "ENGINE=podman"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--file infra/docker/serving.Dockerfile" in done.stdout
    assert '--tag "weighbridge-serving"' in done.stdout


@pytest.mark.slow
def test_the_environment_of_its_lock_reads_every_store_verifies_and_tells_what_it_is_made_of(tmp_path):
    """What the image runs besides the server: the init container's check, and the build's bill of materials."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [serving_python(), *arguments], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )

    stores = "import google.cloud.storage, boto3, mlflow, weighbridge.storage.gcs_client, weighbridge.storage.s3"
    assert run("-c", stores).returncode == 0
    told = run("-m", "weighbridge", "sbom", "--output", "sbom.json")
    assert told.returncode == 0, told.stderr
    names = {each["name"] for each in json.loads((tmp_path / "sbom.json").read_text())["components"]}
    assert {"kserve", "tensorflow-cpu"} <= names
    assert not names & {"tfx", "apache-beam", "kfp"}
    refused = run("-m", "weighbridge", "verify", str(tmp_path))
    assert refused.returncode in (1, 2)
    assert "No module" not in refused.stdout + refused.stderr
