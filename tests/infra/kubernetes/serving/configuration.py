"""A folder of a configuration repository as its owner writes it, and what it renders to."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from tests.infra.kubernetes.rendering import KUBERNETES, Object, kustomize
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.pusher.manifests import render
from weighbridge.evidence.sizing import Sizing
from weighbridge.storage.git.settings import GitSettings

SERVING = KUBERNETES / "serving"
FORMS = ("deployment", "kserve", "rollout")
WHEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
SIZING = Sizing(
    cpu_millicores=900, memory_bytes=734003200, rate_rps=400.0, max_rps_per_replica=310.0, replicas=2, headroom=0.3
)


def settings(models: str = "gs://models/taxi", **more: Any) -> GitSettings:
    """What a test says in `weighbridge.yaml`."""
    return GitSettings(models=models, **({"manifests": "deployment"} | more))


def record(version: int = 7, pipeline: str = "taxi", **more: Any) -> ProductionRecord:
    digest = f"sha256:{version:064x}"[-71:]
    return ProductionRecord(
        version=version,
        model_digest=digest,
        verdict_digest="sha256:" + "b" * 64,
        run_id="run-1",
        pipeline=pipeline,
        pushed_at=WHEN,
        subject={"model": digest},
        **more,
    )


def canary(percent: float = 10.0, *, version: int = 8, **more: Any) -> CanaryState:
    said: dict[str, Any] = {"step": 1, "step_since": WHEN, "since": WHEN, "run_id": "run-2", "stable": 7}
    return CanaryState(canary=record(version), percent=percent, **(said | more))


def folder_with(folder: Path, form: str, model: str, *, stage: str = "prod", components: tuple[str, ...] = ()) -> Path:
    """A folder with the example's kustomization, for another form, stage and options."""
    folder.mkdir(parents=True, exist_ok=True)
    content = yaml.safe_load((SERVING / "example/kustomization.yaml").read_text())
    here = os.path.relpath(SERVING, folder)
    content["resources"] = [f"{here}/{form}"]
    content["namespace"] = f"weighbridge-{stage}"
    content["components"] = [f"{here}/{each}" for each in (f"stages/{stage}", *components)]
    content["patches"] = [{"path": name} for name in ("model.yaml", "gateway.yaml")]
    if not model:
        content["patches"].pop(0)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))
    for name in ("gateway.yaml", "signing.pub", "gates.yaml"):
        (folder / name).write_bytes((SERVING / "example" / name).read_bytes())
    (folder / "model.yaml").write_text(model)
    return folder


def built(folder: Path) -> list[Object]:
    return [document for document in yaml.safe_load_all(kustomize(folder)) if document]


def applied(
    folder: Path,
    said: GitSettings,
    state: CanaryState | None = None,
    sizing: Sizing | None = SIZING,
    **options: Any,
) -> list[Object]:
    """What the cluster gets of production's version 7 and `state`."""
    option = {"keda": "components/keda", "none": "components/fixed"}.get(said.serving.autoscaling)
    if option and said.manifests != "kserve":
        options["components"] = (*options.get("components", ()), option)
    text = render(record(), state, said, sizing)
    return built(folder_with(folder, said.manifests, text, **options))


def pod_of(workload: Object) -> Object:
    """A pod's specification, whatever makes the pod."""
    spec = workload["spec"]
    return dict(spec["template"]["spec"] if workload["kind"] == "Deployment" else spec["predictor"])


def pod_metadata(workload: Object) -> Object:
    spec = workload["spec"]
    return dict(spec["template"]["metadata"] if workload["kind"] == "Deployment" else spec["predictor"])
