"""What workloads say, on documents in the shapes that Kubernetes, KServe and Argo Rollouts publish."""

from datetime import UTC, datetime
from typing import Any

import pytest

from weighbridge.runs.served.cluster import workloads

DIGEST = "sha256:" + "a" * 64


def annotations(version: str = "7", pipeline: str = "taxi") -> dict[str, str]:
    names = {"model": f"gs://models/taxi/{version}", "pipeline": pipeline, "version": version, "digest": DIGEST}
    return {f"weighbridge.io/{name}": value for name, value in names.items()}


def deployment(version: str = "7", **status: Any) -> dict[str, Any]:
    """As `kubectl get deployment -o json` has it, rolled out unless `status` says otherwise."""
    whole = {
        "observedGeneration": 4,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "conditions": [
            {
                "type": "Available",
                "status": "True",
                "reason": "MinimumReplicasAvailable",
                "lastUpdateTime": "2026-11-28T09:00:00Z",
                "lastTransitionTime": "2026-11-28T09:00:00Z",
            },
            {
                "type": "Progressing",
                "status": "True",
                "reason": "NewReplicaSetAvailable",
                "lastUpdateTime": "2026-11-28T10:00:00Z",
                "lastTransitionTime": "2026-11-28T09:00:00Z",
            },
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "taxi-model", "generation": 4},
        "spec": {"replicas": 3, "template": {"metadata": {"annotations": annotations(version)}}},
        "status": whole | status,
    }


def inference_service(version: str = "7", ready: str = "True", **status: Any) -> dict[str, Any]:
    """As `kubectl get inferenceservice -o json` has it, ready unless it is said otherwise."""
    conditions = [
        {"type": "PredictorReady", "status": ready, "lastTransitionTime": "2026-11-28T10:00:00Z"},
        {"type": "Ready", "status": ready, "lastTransitionTime": "2026-11-28T10:00:00Z"},
    ]
    whole = {
        "observedGeneration": 2,
        "url": "http://taxi.models.example.com",
        "conditions": conditions,
        "components": {
            "predictor": {
                "latestCreatedRevision": "taxi-predictor-00007",
                "latestReadyRevision": "taxi-predictor-00007",
                "latestRolledoutRevision": "taxi-predictor-00007",
                "traffic": [{"latestRevision": True, "percent": 100, "revisionName": "taxi-predictor-00007"}],
            }
        },
        "modelStatus": {
            "copies": {"failedCopies": 0, "totalCopies": 1},
            "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
            "transitionStatus": "UpToDate",
        },
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "taxi", "generation": 2},
        "spec": {"predictor": {"annotations": annotations(version), "model": {"modelFormat": {"name": "tensorflow"}}}},
        "status": whole | status,
    }


def test_a_rolled_out_deployment_serves_its_version() -> None:
    [found] = workloads({"kind": "List", "items": [deployment()]}, "taxi")
    assert (found.source, found.version, found.digest) == ("Deployment taxi-model", 7, DIGEST)
    assert (found.ready, found.since, found.note) == (True, None, "")


@pytest.mark.parametrize(
    ("status", "note"),
    [
        ({"observedGeneration": 3}, "its controller has not seen the change yet"),
        ({"updatedReplicas": 1}, "1 of 3 pods are of this version"),
        ({"replicas": 5}, "2 pods of the version before are still there"),
        ({"availableReplicas": 2}, "2 of 3 pods are available"),
        ({"availableReplicas": None}, "0 of 3 pods are available"),
    ],
)
def test_a_deployment_that_is_rolling_out_says_how_far_it_is(status: dict[str, Any], note: str) -> None:
    [found] = workloads(deployment(**status), "taxi")
    assert (found.ready, found.note) == (False, note)
    assert found.since == datetime(2026, 11, 28, 10, tzinfo=UTC)


def test_a_deployment_that_is_stuck_says_why() -> None:
    stuck = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": 'ReplicaSet "taxi-model-5d" has timed out progressing.',
        "lastUpdateTime": "2026-11-28T10:10:00Z",
    }
    [found] = workloads(deployment(updatedReplicas=1, conditions=[stuck]), "taxi")
    assert "timed out progressing" in found.note


def test_a_ready_inference_service_serves_its_version() -> None:
    [found] = workloads(inference_service(), "taxi")
    assert (found.source, found.version, found.ready) == ("InferenceService taxi", 7, True)


def test_an_inference_service_that_stays_in_progress_serves_all_the_same() -> None:
    [found] = workloads(inference_service(modelStatus={"transitionStatus": "InProgress"}), "taxi")
    assert found.ready


@pytest.mark.parametrize(
    ("service", "note"),
    [
        (inference_service(observedGeneration=1), "its controller has not seen the change yet"),
        (inference_service(ready="False"), "it is not ready"),
        (inference_service(ready="Unknown"), "it is not ready"),
        (
            inference_service(
                modelStatus={
                    "transitionStatus": "BlockedByFailedLoad",
                    "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "no such object"},
                }
            ),
            "BlockedByFailedLoad: no such object",
        ),
        (
            inference_service(components={"predictor": {"latestCreatedRevision": "p-8", "latestReadyRevision": "p-7"}}),
            "revision p-8 is not ready, p-7 still serves",
        ),
        (inference_service(conditions=None), "it is not ready"),
    ],
)
def test_an_inference_service_that_is_not_ready_says_why(service: dict[str, Any], note: str) -> None:
    [found] = workloads(service, "taxi")
    assert (found.ready, found.note) == (False, note)


def test_a_rollout_is_told_by_its_own_annotations() -> None:
    rollout = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "taxi-model", "generation": 12, "annotations": annotations("8")},
        "spec": {"replicas": 2, "workloadRef": {"kind": "Deployment", "name": "taxi-model"}},
        "status": {"observedGeneration": "12", "replicas": 2, "updatedReplicas": 1, "availableReplicas": 2},
    }
    [found] = workloads(rollout, "taxi")
    assert (found.version, found.note) == (8, "1 of 2 pods are of this version")


def test_only_what_belongs_to_the_pipeline_is_told() -> None:
    other = deployment()
    other["spec"]["template"]["metadata"]["annotations"] = annotations(pipeline="shop")
    earlier = deployment("6")
    earlier["metadata"]["ownerReferences"] = [{"kind": "Revision", "name": "taxi-predictor-00006"}]
    plain = {"kind": "Deployment", "metadata": {"name": "grafana"}, "spec": {}}
    service = {"kind": "Service", "metadata": {"name": "taxi", "annotations": annotations()}}
    assert workloads({"items": [other, earlier, plain, service]}, "taxi") == []


@pytest.mark.parametrize("document", [None, [], {}, {"items": [None, 3, {"kind": "Deployment"}]}, {"items": []}])
def test_what_is_no_workload_is_none(document: Any) -> None:
    assert workloads(document, "taxi") == []


@pytest.mark.parametrize("version", ["", "seven", "٧", "9" * 30, "-1"])
def test_a_version_that_is_none_is_told_as_none(version: str) -> None:
    [found] = workloads(deployment(version), "taxi")
    assert found.version == 0
