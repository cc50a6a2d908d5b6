"""`weighbridge verify` as a KFP component: loaded by kfp, and its command does what its parameters say."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.weighbridge.attestation.pushed import POLICY, Keys, deliver
from weighbridge.kubeflow.compile import verifying

IMAGE = f"repository/weighbridge@sha256:{'ab' * 32}"


@pytest.fixture
def component(weighbridge, tmp_path: Path) -> Path:
    path = tmp_path / "verify.yaml"
    done = weighbridge("component", "verify", "-o", str(path), "--image", IMAGE)
    assert done.code == 0, done.out + done.err
    assert done.out == f"{path}: {', '.join(verifying.PARAMETERS)} → nothing\n"
    return path


def test_kfp_loads_it_and_compiles_a_pipeline_with_it(component: Path, tmp_path: Path) -> None:
    from kfp import compiler, components, dsl

    verify = components.load_component_from_file(str(component))

    @dsl.pipeline(name="serve")
    def serve(model: str = "gs://models/taxi"):
        verify(model=model, key="/trust/signing.pub", pipeline="taxi")

    compiler.Compiler().compile(serve, str(tmp_path / "serve.yaml"))
    [executor] = yaml.safe_load((tmp_path / "serve.yaml").read_text())["deploymentSpec"]["executors"].values()
    assert executor["container"]["image"] == IMAGE
    assert executor["container"]["command"] == ["weighbridge", "verify"]


def test_its_command_verifies_and_refuses(weighbridge, component: Path, tmp_path: Path) -> None:
    keys = Keys.made(tmp_path / "keys")
    model = deliver(tmp_path, "one", keys)
    policy = tmp_path / "gates.yaml"
    policy.write_text(POLICY.model_dump_json(include={"quality", "latency"}, exclude_none=True))
    given: dict[str, Any] = {"model": str(model.parent), "key": keys.public.read_text(), "pipeline": "taxi"}
    for more, code in (
        ({}, 0),
        ({"policy": str(policy), "max_age": "30d", "production": "none"}, 0),
        ({"production": "sha256:" + "0" * 64}, 1),
        ({"pipeline": "shop"}, 1),
        ({"key": keys.strange_public.read_text()}, 1),
        ({"model": str(tmp_path / "gone")}, 2),
    ):
        assert weighbridge(*command(component, given | more)).code == code, more


def command(component: Path, given: dict[str, Any]) -> list[str]:
    """The command as KFP's launcher starts it, with the defaults of what is not given."""
    document = yaml.safe_load(component.read_text())
    inputs = document["components"]["comp-verify"]["inputDefinitions"]["parameters"]
    values = {name: given.get(name, each.get("defaultValue")) for name, each in inputs.items()}
    container = document["deploymentSpec"]["executors"]["exec-verify"]["container"]
    words = [*container["command"], *container["args"]][1:]
    return [re.sub(r"{{\$\.inputs\.parameters\['(\w+)'\]}}", lambda name: values[name[1]], word) for word in words]
