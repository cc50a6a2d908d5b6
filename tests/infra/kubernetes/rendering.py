"""The manifests as Kubernetes would get them, rendered by the real kustomize inside kubectl."""

import functools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

KUBERNETES = Path(__file__).parents[3] / "infra/kubernetes"
STAGES = ("dev", "staging", "prod")

Object = dict[str, Any]


@functools.cache
def _kubectl() -> str:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl, whose kustomize renders the manifests, is not installed")
    version = subprocess.run([kubectl, "version", "--client", "-o", "json"], capture_output=True, text=True)
    kustomize = json.loads(version.stdout or "{}").get("kustomizeVersion", "")
    if not kustomize or int(kustomize.lstrip("v").split(".")[0]) < 5:
        pytest.skip(f"{kubectl} has no kustomize of version 5 or later inside (kubectl 1.27 or later has)")
    return kubectl


def kustomize(folder: Path) -> str:
    """What a folder renders to."""
    return subprocess.run([_kubectl(), "kustomize", str(folder)], check=True, capture_output=True, text=True).stdout


@functools.cache
def _render(folder: str) -> str:
    return kustomize(KUBERNETES / folder)


def render(folder: str) -> list[Object]:
    """Objects of `folder` below infra/kubernetes; a stage's name stands for its overlay."""
    text = _render(f"overlays/{folder}" if folder in STAGES else folder)
    return [document for document in yaml.safe_load_all(text) if document]


def render_with(component: str, stage: str, folder: Path) -> list[Object]:
    """Objects of a stage whose overlay takes up a component, as README.md says; made in a copy below `folder`."""
    copied = folder / "kubernetes"
    shutil.copytree(KUBERNETES, copied)
    overlay = copied / "overlays" / stage
    with (overlay / "kustomization.yaml").open("a") as file:
        file.write(f"components: [../../{component}]\n")
    return [document for document in yaml.safe_load_all(kustomize(overlay)) if document]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [found for found in objects if found["kind"] == kind]


def names(objects: list[Object], kind: str) -> set[str]:
    return {found["metadata"]["name"] for found in of_kind(objects, kind)}


def the(objects: list[Object], kind: str, name: str | None = None) -> Object:
    """The only object of a kind (and name)."""
    (found,) = [one for one in of_kind(objects, kind) if name in (None, one["metadata"]["name"])]
    return found


def amount(quantity: str) -> float:
    """A Kubernetes quantity as a number: cores, bytes or pieces."""
    units = {"m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    unit = next((unit for unit in units if quantity.endswith(unit)), "")
    return float(quantity.removesuffix(unit)) * units.get(unit, 1)
