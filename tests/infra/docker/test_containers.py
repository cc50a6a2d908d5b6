"""The image at work: whole packages run in its containers by Kubeflow's own local engine, and what it holds."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.command_line import ROOT, start
from tests.infra.docker import podman
from tests.infra.docker.podman import RESTRICTED
from tests.patience import PATIENCE_S
from weighbridge.definition import load
from weighbridge.kubeflow.image import build, own_image
from weighbridge.verdict import Verdict, read_gates
from weighbridge.verdict.verdict import GATES_FILE, VERDICT_FILE

pytestmark = pytest.mark.slow

ENTRY = ("python", "-m", "weighbridge.kubeflow.step.entrypoint")


@pytest.fixture
def compiled(tmp_path: Path):
    """Compile a pipeline for an image, with all that outlives a run below the engine's pipeline root."""
    from weighbridge.kubeflow.compile.package import compile_package

    def compile_(reference: str, image: str, root: Path) -> Path:
        definition = load(reference)
        package = tmp_path / f"{definition.name}.yaml"
        compile_package(
            definition,
            definition.parameters(),
            package,
            image=image,
            allow_tag=True,
            pipeline_root=str(root),
            state=str(root / "state"),
        )
        return package

    return compile_


def test_a_component_that_fails_fails_the_run(image: str, engine, tmp_path: Path) -> None:
    """Or nothing below would prove anything."""
    for code in (0, 3):
        package = tmp_path / f"exits_{code}.yaml"
        _component(package, image, ["python", "-c", f"print('told'); raise SystemExit({code})"])
        if code:
            with pytest.raises(RuntimeError, match="FAILURE"):
                engine.run(package)
        else:
            engine.run(package)
        assert engine.ended[-1].code == code
        assert "told" in engine.ended[-1].log


def test_the_taxi_pipeline_ends_in_the_verdict_of_a_local_run(image: str, engine, compiled, tmp_path: Path) -> None:
    engine.run(compiled("taxi", image, engine.root))
    folders = engine.outputs()
    gates = [gate for folder in folders if (folder / GATES_FILE).exists() for gate in read_gates(folder)]
    [weighed] = [Verdict.read(folder / VERDICT_FILE) for folder in folders if (folder / VERDICT_FILE).exists()]
    pushed = json.loads((engine.root / "state/production/taxi/production.json").read_text())

    process = start("run", "taxi", workdir=tmp_path / "local")
    assert process.wait(timeout=PATIENCE_S) == 0, process.stdout.read() if process.stdout else ""
    [path] = (tmp_path / "local").glob("taxi/runs/*/verdict.json")
    local = Verdict.read(path)

    assert [ended.code for ended in engine.ended] == [0] * 7  # Verdict too
    assert sorted(gate.name for gate in gates) == sorted(gate.name for gate in local.gates)
    assert len(gates) == 56
    assert all(gate.passed for gate in gates)
    # The image holds the very code and thresholds that were compiled. Training is not the same to the last bit.
    assert _without_model(weighed) == _without_model(local)
    assert weighed.subject["model"] in json.dumps(pushed)


def test_a_refused_run_of_a_users_own_pipeline_fails_and_says_why(
    image: str, engine, compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's image is the project's with one folder more, as `weighbridge image` writes it."""
    own = _own_pipeline(tmp_path / "own", "strict_taxi", "strict-taxi")
    gates = yaml.safe_load((own / "gates.yaml").read_text())
    gates["quality"]["metrics"]["auc"] = {"min": 0.9999}
    (own / "gates.yaml").write_text(yaml.safe_dump(gates))
    users = "localhost/weighbridge-test-own:latest"
    monkeypatch.syspath_prepend(str(own.parent))
    made = own_image(load("strict_taxi.pipeline"), image)
    (own.parent / "Dockerfile").write_text(made.dockerfile())
    build(made.build_command(own.parent / "Dockerfile", users, "podman"))

    with pytest.raises(RuntimeError, match=r"FAILURE.*Verdict"):
        engine.run(compiled("strict_taxi.pipeline", users, engine.root))
    *before, last = engine.ended
    assert [ended.code for ended in before] == [0] * 5  # the Evaluator kept its report
    assert last.code == 1
    assert re.search(r"^REFUSED quality\.auc\.min: .*0\.9999", last.log, re.MULTILINE)
    # Nothing was pushed, and nothing after the refusal was started.
    assert not (engine.root / "state/production/strict-taxi/production.json").exists()


def test_a_step_runs_under_the_restricted_profile_where_the_launcher_leaves_artifacts(
    image: str, compiled, tmp_path: Path
) -> None:
    """Read-only root, a user without rights, no network: artifacts below /minio while addresses say minio://."""
    spec, _ = yaml.safe_load_all(compiled("taxi", image, tmp_path / "root").read_text())
    container = spec["deploymentSpec"]["executors"]["ExampleGen_executor"]["container"]
    component, task = spec["components"]["ExampleGen"], spec["root"]["dag"]["tasks"]["ExampleGen"]
    given = spec["root"]["inputDefinitions"]["parameters"]
    parameters = {
        key: given[value["componentInputParameter"]]["defaultValue"]
        if "componentInputParameter" in value
        else value["runtimeValue"]["constant"]
        for key, value in task["inputs"]["parameters"].items()
    }
    place = "bucket/taxi/run/ExampleGen/uuid"
    invocation = {
        "inputs": {"parameterValues": parameters},
        "outputs": {
            "artifacts": {
                key: {"artifacts": [{"uri": f"minio://{place}/{key}", "type": declared["artifactType"]}]}
                for key, declared in component["outputDefinitions"]["artifacts"].items()
            },
            "outputFile": f"/minio/{place}/output_metadata.json",
        },
    }
    left = tmp_path / "minio"
    (left / place).mkdir(parents=True)
    for folder in (left, *left.rglob("*")):
        os.chown(folder, 1000, 1000)
    command = [part.replace("{{$}}", json.dumps(invocation)) for part in [*container["command"], *container["args"]]]
    podman.run(*command, options=[*RESTRICTED, "--tmpfs=/tmp:size=1g", f"--volume={left}:/minio"])

    output = json.loads((left / place / "output_metadata.json").read_text())
    [examples] = output["artifacts"]["examples"]["artifacts"]
    assert examples["uri"] == f"minio://{place}/examples"
    assert all(gate.passed for gate in read_gates(left / place / "examples"))
    assert {path.stat().st_uid for path in (left / place).rglob("*")} == {1000}


def test_the_launcher_can_make_its_folders_as_the_user(image: str) -> None:
    podman.run("mkdir", "/minio/a", "/gcs/a", "/s3/a", "/scratch/a", options=RESTRICTED[1:])
    said = podman.run("sh", "-c", "id -u; touch /opt/a /own/a /usr/a", options=RESTRICTED[1:], check=False)
    assert said.splitlines()[0] == "1000"
    assert said.count("Permission denied") == 3


@pytest.mark.parametrize("folder", ["/", "/usr", "/scratch"])
def test_the_entry_point_starts_in_any_folder(image: str, folder: str) -> None:
    said = podman.run(*ENTRY, "--help", options=[*RESTRICTED, f"--workdir={folder}"])
    assert said.startswith("usage: weighbridge-step")


def test_bytecode_is_compiled_and_up_to_date(image: str) -> None:
    """A start would else compile again what a read-only root cannot keep."""
    told = podman.run("python", "-c", _STALE)
    found = json.loads(told.splitlines()[-1])
    assert found["modules"] > 1000
    assert found["stale"] == []


def test_nothing_but_what_runs_is_in_it(image: str) -> None:
    installed = set(podman.run("sh", "-c", "ls /opt/weighbridge/lib/python3.11/site-packages").split())
    assert {"weighbridge", "tensorflow", "tfx"} <= installed
    assert not {"components", "pipelines", "tests", "benchmarks", "infra"} & installed
    assert not {"pytest", "ruff", "mypy", "hypothesis"} & installed
    absent = "/build /uv /code /root/.cache /tmp/.cache /opt/weighbridge/.git /usr/bin/g++"
    assert podman.run("sh", "-c", f"ls -d {absent} 2>/dev/null || true") == ""
    assert podman.run("sh", "-c", "cd /opt/weighbridge && find . -name '*.py' -path '*/pandas/tests/*' | head") == ""


def test_the_image_says_where_it_comes_from(image: str) -> None:
    [inspected] = json.loads(podman.podman("image", "inspect", image).stdout)
    labels, config = inspected["Labels"], inspected["Config"]
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", labels["org.opencontainers.image.revision"])
    assert labels["org.opencontainers.image.base.name"] == podman.BASE
    assert config["User"] == "1000:1000"
    assert not config.get("Entrypoint")


def test_the_image_brings_its_bill_of_materials(image: str) -> None:
    [inspected] = json.loads(podman.podman("image", "inspect", image).stdout)
    path = inspected["Labels"]["io.weighbridge.sbom"]
    left = json.loads(podman.run("cat", path))
    purls = [part.get("purl", "") for part in left["components"]]
    assert any(purl.startswith("pkg:pypi/tensorflow@2.16") for purl in purls)
    assert any(purl.startswith("pkg:deb/debian/libc6@") for purl in purls)
    assert not any(purl.startswith("pkg:pypi/pytest@") for purl in purls)
    # Written anew in a container it is the same, but that it can be told there of the image.
    digest = f"registry.example/weighbridge@sha256:{'1' * 64}"
    again = json.loads(podman.run("weighbridge", "sbom", options=[*RESTRICTED, f"--env=WEIGHBRIDGE_IMAGE={digest}"]))
    assert again["components"] == left["components"]
    assert again["metadata"]["component"]["version"] == f"sha256:{'1' * 64}"


def _component(package: Path, image: str, command: list[str]) -> None:
    from kfp import compiler, dsl

    @dsl.container_component
    def step():
        return dsl.ContainerSpec(image=image, command=command)

    @dsl.pipeline(name="one-step")
    def pipeline():
        step()

    compiler.Compiler().compile(pipeline, str(package))


def _own_pipeline(folder: Path, package: str, name: str) -> Path:
    """A copy of the taxi pipeline that imports nothing of the original."""
    shutil.copytree(ROOT / "pipelines/taxi", folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / package).glob("*.py"):
        path.write_text(path.read_text().replace("weighbridge.pipelines.taxi", package))
    with (folder / package / "pipeline.py").open("a") as file:
        file.write(f'\nNAME = "{name}"\n')
    return folder / package


def _without_model(verdict: Verdict) -> dict[str, str]:
    """What it is bound to, but for the model, and for where production was looked up."""
    return {name: digest for name, digest in verdict.subject.items() if name not in ("model", "production_at")}


_STALE = """
import json, os, sys
from weighbridge.kubeflow.step import executor
from weighbridge.components.evaluator import component
def stale(module):
    source, cached = getattr(module, "__file__", None), getattr(module, "__cached__", None)
    if not source or not source.endswith(".py") or not cached:
        return False
    if not os.path.exists(cached):
        return True
    header = open(cached, "rb").read(16)
    by_time = int.from_bytes(header[4:8], "little") == 0
    return by_time and int.from_bytes(header[8:12], "little") != int(os.stat(source).st_mtime)
modules = [m for n, m in list(sys.modules.items()) if n != "__main__"]
print(json.dumps({"modules": len(modules), "stale": [m.__name__ for m in modules if stale(m)][:5]}))
"""
