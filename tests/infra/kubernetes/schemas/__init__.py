"""What Kubernetes' schema and other people's say against objects, unknown fields included.

The schemas of custom resources come from packages that are generated from the projects' own code, as their custom
resource definitions are: npm's `@kubernetes-models` (Argo CD, Argo Rollouts, Gateway API, KEDA, Prometheus' operator)
and KServe's own models. They are installed below `.tools` by the first test that needs them.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.command_line import ROOT
from tests.infra.kubernetes.rendering import Object
from tests.infra.kubernetes.test_manifests import errors_of
from tests.serving_server import serving_python

HERE = Path(__file__).parent
PACKAGES = (
    "typescript@5.9.3",
    "@kubernetes-models/argo-cd@4.0.0",
    "@kubernetes-models/argo-rollouts@2.0.0",
    "@kubernetes-models/gateway-api@2.0.0",
    "@kubernetes-models/keda@2.0.0",
    "@kubernetes-models/prometheus-operator@6.0.0",
)
CUSTOM = (
    "argoproj.io",
    "gateway.networking.k8s.io",
    "keda.sh",
    "monitoring.coreos.com",
    "serving.kserve.io",
)


def group(one: Object) -> str:
    return str(one["apiVersion"]).rpartition("/")[0]


def all_errors(objects: list[Object]) -> list[str]:
    """What any schema says against any of the objects; pods inside KServe's are held against Kubernetes', too."""
    objects = list({json.dumps(one, sort_keys=True): one for one in objects}.values())
    ours = [one for one in objects if group(one) not in CUSTOM]
    kserve = [one for one in objects if group(one) == "serving.kserve.io"]
    others = [one for one in objects if group(one) in CUSTOM and one not in kserve]
    found = errors_of(ours + [_pod(one) for one in kserve])
    if others:
        found += _run(["node", str(HERE / "types.mjs"), str(_packages())], others)
    if kserve:
        found += _run([serving_python(), str(HERE / "kserve_models.py")], kserve)
    return found


def _pod(one: Object) -> Object:
    """The pod that one of KServe's objects describes; what KServe fills in stands for itself."""
    spec = one["spec"]
    if one["kind"] == "ServingRuntime":
        pod = {key: value for key, value in spec.items() if key in ("containers", "volumes")}
        names = {mount["name"] for each in pod["containers"] for mount in each.get("volumeMounts", [])}
        pod.setdefault("volumes", [{"name": name, "emptyDir": {}} for name in sorted(names)])
    else:
        own = ("labels", "annotations", "model", "minReplicas", "maxReplicas", "scaleMetric", "scaleTarget")
        kserves = (*own, "autoScaling", "deploymentStrategy")
        pod = {key: value for key, value in spec["predictor"].items() if key not in kserves}
        pod.setdefault("containers", [{"name": "kserve-container", "image": "x", **_resources(spec["predictor"])}])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": one["metadata"], "spec": pod}


def _resources(predictor: Object) -> Object:
    return {"resources": predictor["model"]["resources"]}


def _run(command: list[str], objects: list[Object]) -> list[str]:
    done = subprocess.run(command, input=json.dumps(objects), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def _packages() -> Path:
    """The folder that has npm's packages; skips where they cannot be had."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm, which bring the schemas of custom resources, are not installed")
    digest = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:12]
    tools = (ROOT / ".tools").resolve()
    tools.mkdir(exist_ok=True)
    folder = tools / f"kubernetes-models-{digest}"
    marker = folder / ".installed"
    with (tools / "kubernetes-models.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists():
            shutil.rmtree(folder, ignore_errors=True)
            command = ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), *PACKAGES]
            authorities = Path("/etc/ssl/certs/ca-certificates.crt")
            env = {"NODE_EXTRA_CA_CERTS": str(authorities)} if authorities.exists() else {}
            done = subprocess.run(
                command, env=env | os.environ, capture_output=True, text=True, check=False, timeout=300
            )
            if done.returncode:
                pytest.skip(f"the schemas of custom resources cannot be installed here: {done.stderr.strip()[-300:]}")
            marker.touch()
    return folder
