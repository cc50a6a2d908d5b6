"""`model.yaml`: what a cluster is to run, as patches on the manifests in `infra/kubernetes/serving`.

The same arguments give the same text. It names objects as the manifests do, and Kustomize gives them the names and
labels that a repository adds: one text serves any namespace. Everything that comes from data becomes a value of YAML
that is dumped, none is put into a text; what goes into PromQL is quoted. Imports nothing heavy.
"""

import math
from collections.abc import Iterable
from typing import Any

import yaml

from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.pusher.replicas import Object, autoscaler, canary_replicas, resources
from weighbridge.evidence.sizing import Sizing
from weighbridge.storage.git.settings import GitSettings

MODEL_FILE = "model.yaml"
NAME, CANARY_NAME = "model", "model-canary"
PORT = 8080
PATHS = ("/v1/models", "/v2/models", "/v2/health")  # not /metrics, nor what loads and unloads models
CONTAINER = "server"
PREFIX = "weighbridge.io"

HEAD = """\
# What the cluster is to run: patches on Weighbridge's manifests for serving. Written with {sources}, and again
# whenever one of them changes: do not edit it.
"""


def render(record: ProductionRecord, state: CanaryState | None, settings: GitSettings, sizing: Sizing | None) -> str:
    """The text of `model.yaml`.

    Args:
        record: of the version in production.
        state: of the canary that is on its way; None for none.
        settings: of the folder in the configuration repository.
        sizing: what the version in production was measured to need; None where nobody measured, and the manifests' own
            numbers stand.

    Returns:
        YAML documents; empty where the settings ask for no manifests.

    Raises:
        UsageError: the manifests cannot do what is asked: Argo Rollouts walks canaries alone, and weights have limits.
    """
    if settings.manifests == "none":
        return ""
    serving = settings.serving
    if settings.manifests == "rollout":
        _refuse_second_walk(state)
        objects = [_deployment(NAME, record, settings.models, sizing), _rollout(record, settings.models)]
        objects += autoscaler("Rollout", NAME, record, serving, sizing)
    else:
        form = _inference_service if settings.manifests == "kserve" else _deployment
        stable = form(NAME, record, settings.models, sizing)
        objects = [stable, _canary(form, stable, state, settings.models, sizing), _route(state)]
        objects += autoscaler(stable["kind"], NAME, record, serving, sizing)
    sources = "production.json" if state is None else "production.json and canary.json"
    text = yaml.safe_dump_all(
        _merged(objects), sort_keys=False, default_flow_style=False, allow_unicode=False, width=120
    )
    return HEAD.format(sources=sources) + text


def _refuse_second_walk(state: CanaryState | None) -> None:
    if state is not None:
        raise UsageError(
            f"manifests is rollout, and version {state.canary.version} is to be a canary of weighbridge canary: "
            "Argo Rollouts walks every new version by its own steps",
            "Push or promote it, and Argo Rollouts walks it; or say manifests: deployment or kserve there.",
        )


def address_of(models: str, version: int) -> str:
    """Where the files of a version are."""
    return f"{models.rstrip('/')}/{version}"


def annotations(record: ProductionRecord, models: str) -> dict[str, str]:
    """What a pod is told of its model; the init container and the server read it there."""
    told = {
        "model": address_of(models, record.version),
        "pipeline": record.pipeline,
        "version": str(record.version),
        "digest": record.model_digest,
        "verdict": record.verdict_digest,
        "run": record.run_id,
        "signed-by": record.signed_by,
    }
    return {f"{PREFIX}/{name}": value for name, value in told.items() if value}


def _labels(record: ProductionRecord) -> dict[str, str]:
    return {f"{PREFIX}/version": str(record.version)}


def _deployment(name: str, record: ProductionRecord, models: str, sizing: Sizing | None) -> Object:
    template: Object = {"metadata": {"labels": _labels(record), "annotations": annotations(record, models)}}
    if sizing is not None:
        template["spec"] = {"containers": [{"name": CONTAINER, "resources": resources(sizing)}]}
    return _object("apps/v1", "Deployment", name, {"template": template})


def _inference_service(name: str, record: ProductionRecord, models: str, sizing: Sizing | None) -> Object:
    predictor: Object = {"labels": _labels(record), "annotations": annotations(record, models)}
    if sizing is not None:
        predictor["model"] = {"resources": resources(sizing)}
    return _object("serving.kserve.io/v1beta1", "InferenceService", name, {"predictor": predictor})


def _rollout(record: ProductionRecord, models: str) -> Object:
    """What its analyses ask about; the pods are those of the Deployment's template."""
    told = {"name": NAME, "annotations": annotations(record, models)}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": told}


def _canary(form: Any, stable: Object, state: CanaryState | None, models: str, sizing: Sizing | None) -> Object:
    """The second workload: the canary's, or that there is none."""
    if state is None:
        # Kustomize leaves out what it is told to keep here. (A patch that deletes crashes some releases of kubectl.)
        told = {"name": CANARY_NAME, "annotations": {"config.kubernetes.io/local-config": "true"}}
        return {"apiVersion": stable["apiVersion"], "kind": stable["kind"], "metadata": told}
    canary: Object = form(CANARY_NAME, state.canary, models, sizing)
    replicas = canary_replicas(1.0 if state.shadow else state.percent / 100, sizing)
    if stable["kind"] == "Deployment":
        canary["spec"] = {"replicas": replicas} | canary["spec"]
    else:
        canary["spec"]["predictor"] |= {"minReplicas": replicas, "maxReplicas": replicas}
    return canary


def _route(state: CanaryState | None) -> Object:
    """Who answers the users' requests, and whether the canary gets copies of them."""
    percent = 0.0 if state is None or state.shadow or state.phase == "rolling_back" else state.percent
    stable, canary = weights(percent)
    backends = [_backend(NAME, weight=stable)] if stable or not canary else []
    backends += [_backend(CANARY_NAME, weight=canary)] if canary else []
    rule: Object = {"matches": [{"path": {"type": "PathPrefix", "value": path}} for path in PATHS]}
    if state is not None and state.shadow and state.phase != "rolling_back":
        rule["filters"] = [{"type": "RequestMirror", "requestMirror": {"backendRef": _backend(CANARY_NAME)}}]
    return _object("gateway.networking.k8s.io/v1", "HTTPRoute", NAME, {"rules": [rule | {"backendRefs": backends}]})


def _backend(name: str, **more: int) -> Object:
    return {"name": name, "port": PORT} | more


def weights(percent: float) -> tuple[int, int]:
    """Weights of stable and canary, as small as say the percentage: 90 and 10, or 995 and 5.

    Raises:
        UsageError: the canary's share is too small for the weights that Gateway API knows, up to a million.
    """
    for whole in (100, 1000, 10_000, 100_000, 1_000_000):
        canary = percent * whole / 100
        if math.isclose(canary, round(canary), rel_tol=1e-9):
            break
    share = math.floor(canary + 1e-6)
    if percent and not share:
        raise UsageError(
            f"a canary of {percent} % is too small a share", "Gateway API divides requests in a million parts at most."
        )
    return whole - share, share


def _object(api: str, kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _merged(objects: Iterable[Object]) -> list[Object]:
    """One document for each object: a reader would not look for a second."""
    merged: dict[tuple[str, str], Object] = {}
    for each in objects:
        key = each["kind"], each["metadata"]["name"]
        merged[key] = _together(merged[key], each) if key in merged else each
    return list(merged.values())


def _together(one: Object, other: Object) -> Object:
    both = dict(one)
    for key, value in other.items():
        both[key] = (
            _together(both[key], value) if isinstance(both.get(key), dict) and isinstance(value, dict) else value
        )
    return both
