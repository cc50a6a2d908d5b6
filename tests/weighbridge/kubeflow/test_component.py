"""Our components as KFP components: loaded by the kfp that is installed and by the newest, beside other components."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.weighbridge.kubeflow.newest import newest_kfp
from weighbridge.common.errors import UsageError
from weighbridge.definition import load
from weighbridge.kubeflow.compile.component import export_component
from weighbridge.kubeflow.compile.package import compile_package

IMAGE = f"repository/weighbridge@sha256:{'ab' * 32}"
NAMES = ("data_validator", "evaluator", "example_gen", "production_model", "pusher", "trainer")

# Run by whichever kfp is to prove itself; tells what it made of the files in the folder it is given.
PROOF = """
import json, pathlib, sys
import kfp
from kfp import compiler, components, dsl

folder = pathlib.Path(sys.argv[1])
ours = {path.stem: components.load_component_from_file(str(path)) for path in sorted(folder.glob("component/*.yaml"))}

@dsl.component
def say(text: str) -> str:
    return text

@dsl.pipeline(name="plain")
def plain(data: str = "trips.csv"):
    said = say(text=data)
    examples = ours["example_gen"](
        input=said.output, span="latest", window=1, splits="{}", schema="", prepare_fn="", gates="{}")
    production = ours["production_model"](destination="/models")
    ours["data_validator"](
        examples=examples.outputs["examples"], production_statistics=production.outputs["statistics"],
        schema_text="", gates="{}", history_dir="")

compiler.Compiler().compile(plain, str(folder / "plain.yaml"))
package = components.load_component_from_file(str(folder / "taxi.yaml"))
print(json.dumps({"kfp": kfp.__version__, "inputs": sorted(package.component_spec.inputs)}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled pipeline and all components."""
    folder = tmp_path_factory.mktemp("exported")
    for name in NAMES:
        export_component(name, folder / f"component/{name}.yaml", image=IMAGE)
    definition = load("taxi")
    compile_package(definition, definition.parameters(), folder / "taxi.yaml", image=IMAGE)
    (folder / "proof.py").write_text(PROOF)
    return folder


def prove(python: str, folder: Path) -> dict[str, Any]:
    command = [python, str(folder / "proof.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check_plain(folder: Path) -> None:
    spec = next(yaml.safe_load_all((folder / "plain.yaml").read_text()))
    tasks = spec["root"]["dag"]["tasks"]
    assert {"say", "example-gen", "production-model", "data-validator"} == set(tasks)
    commands = [found["container"]["command"] for found in spec["deploymentSpec"]["executors"].values()]
    assert commands.count(["python", "-m", "weighbridge.kubeflow.step.entrypoint"]) == 3


def test_the_installed_kfp(folder: Path) -> None:
    assert "epochs" in prove(sys.executable, folder)["inputs"]
    check_plain(folder)


@pytest.mark.slow
def test_the_newest_kfp(folder: Path, tmp_path: Path) -> None:
    newest = prove(newest_kfp(tmp_path, "kfp-kubernetes"), folder)
    assert tuple(map(int, newest["kfp"].split(".")[:2])) >= (2, 14)
    assert "epochs" in newest["inputs"]
    check_plain(folder)


def test_a_component_says_what_it_takes(folder: Path) -> None:
    spec, platform_spec = yaml.safe_load_all((folder / "component/evaluator.yaml").read_text())
    inputs = spec["root"]["inputDefinitions"]
    assert inputs["artifacts"]["examples"]["artifactType"]["schemaTitle"] == "system.Dataset"
    assert inputs["artifacts"]["production_model"]["isOptional"]
    assert inputs["parameters"]["code_digest"]["defaultValue"].startswith("sha256:")
    assert (
        spec["root"]["outputDefinitions"]["artifacts"]["weighbridge_report"]["artifactType"]["schemaTitle"]
        == "system.HTML"
    )
    [container] = (found["container"] for found in spec["deploymentSpec"]["executors"].values())
    types = json.loads(container["args"][container["args"].index("--artifact_types") + 1])
    assert types["examples"] == "tfx.Examples"
    assert types["blessing"] == "tfx.ModelBlessing"
    executors = platform_spec["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors["exec-evaluator"]["securityContext"] == {"runAsUser": 1000}


def test_an_unknown_component_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'tuner'") as error:
        export_component("tuner", tmp_path / "c.yaml", image=IMAGE)
    assert "evaluator" in error.value.hint


def test_the_command(weighbridge: Any, tmp_path: Path) -> None:
    done = weighbridge("component", "pusher", "-o", tmp_path / "pusher.yaml", "--image", IMAGE)
    assert done.code == 0, done.err
    assert "pushed_model" in done.out
    assert weighbridge("component", "tuner", "-o", tmp_path / "t.yaml", "--image", IMAGE).code == 2
