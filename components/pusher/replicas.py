"""How many servers of a model, of what size, and who starts more: from what was measured, for `model.yaml`."""

import json
import math
from typing import Any

from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.evidence.sizing import Sizing
from weighbridge.storage.git.serving import ServingSettings

Object = dict[str, Any]

# Served by Prometheus' adapter (infra/kubernetes/serving/prometheus-adapter.yaml) to Kubernetes' own autoscaler.
RATE_METRIC = "weighbridge_requests_per_second"
TIME_METRIC = "weighbridge_request_p99_seconds"

UNMEASURED_REPLICAS = 2
_MOST = 4  # times the measured number, where nobody names the most
_MEBIBYTE = 2**20


def resources(sizing: Sizing) -> Object:
    """Requests as measured. Limits above them: what leaks is ended, and what is busy for a moment is not slowed."""
    memory = math.ceil(sizing.memory_bytes / _MEBIBYTE)
    return {
        "requests": {"cpu": f"{sizing.cpu_millicores}m", "memory": f"{memory}Mi"},
        "limits": {"cpu": f"{max(1000, 2 * sizing.cpu_millicores)}m", "memory": f"{math.ceil(1.5 * memory)}Mi"},
    }


def canary_replicas(share: float, sizing: Sizing | None) -> int:
    """Servers of a canary with a share of the requests, as loaded as those of production.

    Args:
        share: of all requests that it gets, or gets copies of; 0 to 1.
        sizing: what production needs for all of them; None where nobody measured.
    """
    return max(1, math.ceil(share * (sizing.replicas if sizing else UNMEASURED_REPLICAS) - 1e-9))


def autoscaler(
    kind: str, name: str, record: ProductionRecord, serving: ServingSettings, sizing: Sizing | None
) -> list[Object]:
    """Patches that say how many servers there are of production.

    Args:
        kind: of what is scaled: Deployment, Rollout or InferenceService.
        name: of what is scaled, and of the autoscaler.
        record: of the version in production.
        serving: who scales, and in which limits.
        sizing: what was measured; None to leave the manifests' own numbers.
    """
    if sizing is None and serving == ServingSettings():
        return []
    least = sizing.replicas if sizing else UNMEASURED_REPLICAS
    most = max(least, serving.max_replicas or _MOST * least)
    if kind == "InferenceService":
        return [_of_kserve(name, record, serving, sizing, least, most)]
    api = "apps/v1" if kind == "Deployment" else "argoproj.io/v1alpha1"
    if serving.autoscaling == "none":
        return [_patch(api, kind, name, {"replicas": least})]
    if serving.autoscaling == "keda":
        scaled = {"scaleTargetRef": {"apiVersion": api, "kind": kind, "name": name}}
        limits = {"minReplicaCount": least, "maxReplicaCount": most}
        spec: Object = scaled | limits | {"triggers": _triggers(record, serving, sizing)}
        return [_patch("keda.sh/v1alpha1", "ScaledObject", name, spec)]
    spec = {"minReplicas": least, "maxReplicas": most, "metrics": _metrics(name, serving, sizing)}
    return [_patch("autoscaling/v2", "HorizontalPodAutoscaler", name, spec)]


def _patch(api: str, kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def rate_per_replica(sizing: Sizing | None) -> float:
    """Requests per second and replica above which one more is started."""
    return sizing.max_rps_per_replica * (1 - sizing.headroom) if sizing else 100.0


def quantity(value: float) -> str:
    """A number as Kubernetes writes it: whole, or in thousandths, at least one of them."""
    thousandths = max(1, math.floor(value * 1000 + 1e-6))
    return str(thousandths // 1000) if thousandths % 1000 == 0 or value >= 10 else f"{thousandths}m"


def _metrics(name: str, serving: ServingSettings, sizing: Sizing | None) -> list[Object]:
    each = {"type": "AverageValue", "averageValue": quantity(rate_per_replica(sizing))}
    metrics: list[Object] = [{"type": "Pods", "pods": {"metric": {"name": RATE_METRIC}, "target": each}}]
    if serving.p99_ms is not None:
        of = {"apiVersion": "v1", "kind": "Service", "name": name}
        target = {"type": "Value", "value": quantity(serving.p99_ms / 1000)}
        metrics.append(
            {"type": "Object", "object": {"describedObject": of, "metric": {"name": TIME_METRIC}, "target": target}}
        )
    return metrics


def selector(record: ProductionRecord, serving: ServingSettings) -> str:
    """PromQL's braces around what tells this model's series from others'. Go and JSON quote strings alike."""
    labels = {"model": record.pipeline} | ({"namespace": serving.namespace} if serving.namespace else {})
    return "{" + ",".join(f"{label}={json.dumps(value)}" for label, value in labels.items()) + "}"


def rate_query(record: ProductionRecord, serving: ServingSettings) -> str:
    """Requests per second of stable and canary: production stays able to take all of them back."""
    return f"sum(rate(weighbridge_requests_total{selector(record, serving)}[1m]))"


def time_query(record: ProductionRecord, serving: ServingSettings) -> str:
    """99th percentile in seconds; 0 where no request came, of which it would be no number."""
    rates = f"rate(weighbridge_request_seconds_bucket{selector(record, serving)}[2m])"
    return f"histogram_quantile(0.99, sum by (le) ({rates})) >= 0 or vector(0)"


def _triggers(record: ProductionRecord, serving: ServingSettings, sizing: Sizing | None) -> list[Object]:
    asked = [("AverageValue", rate_query(record, serving), rate_per_replica(sizing))]
    if serving.p99_ms is not None:
        asked.append(("Value", time_query(record, serving), serving.p99_ms / 1000))
    return [
        {
            "type": "prometheus",
            "metricType": kind,
            # A series that is not there is no answer: KEDA then keeps to its fallback instead of scaling down.
            "metadata": {
                "serverAddress": serving.prometheus,
                "query": query,
                "threshold": _decimal(threshold),
                "ignoreNullValues": "false",
            },
        }
        for kind, query, threshold in asked
    ]


def _decimal(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _of_kserve(
    name: str, record: ProductionRecord, serving: ServingSettings, sizing: Sizing | None, least: int, most: int
) -> Object:
    """KServe makes the autoscaler itself: Kubernetes' own by the processors' use, or KEDA's by Prometheus."""
    predictor: Object = {"minReplicas": least, "maxReplicas": least if serving.autoscaling == "none" else most}
    if serving.autoscaling == "keda":
        predictor["autoScaling"] = {
            "metrics": [
                {
                    "type": "External",
                    "external": {
                        "metric": {
                            "backend": "prometheus",
                            "serverAddress": trigger["metadata"]["serverAddress"],
                            "query": trigger["metadata"]["query"],
                        },
                        "target": {
                            "type": trigger["metricType"],
                            _TARGETS[trigger["metricType"]]: trigger["metadata"]["threshold"],
                        },
                    },
                }
                for trigger in _triggers(record, serving, sizing)
            ]
        }
    patch = _patch("serving.kserve.io/v1beta1", "InferenceService", name, {"predictor": predictor})
    # With as many at the least as at the most, Kubernetes' autoscaler leaves them alone.
    patch["metadata"]["annotations"] = {
        "serving.kserve.io/autoscalerClass": "keda" if serving.autoscaling == "keda" else "hpa"
    }
    return patch


_TARGETS = {"AverageValue": "averageValue", "Value": "value"}
