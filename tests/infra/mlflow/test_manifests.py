"""What is applied for MLflow: valid, restricted, closed but for what is listed, without a secret, and consistent."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.infra.kubernetes.rendering import KUBERNETES, Object, kustomize, names, of_kind, the
from tests.infra.kubernetes.test_manifests import errors_of
from tests.mlflow_server import MLFLOW, mlflow_program
from weighbridge.storage.registry import client

MLFLOW_FOLDER = KUBERNETES.parent / "mlflow"
FOLDERS = ("server", "whole")


def render(folder: str) -> list[Object]:
    return [document for document in yaml.safe_load_all(kustomize(MLFLOW_FOLDER / folder)) if document]


@pytest.fixture(scope="module")
def whole() -> list[Object]:
    return render("whole")


def pods(objects: list[Object]) -> dict[str, Object]:
    """The pods' specifications by their workloads' names."""
    made = of_kind(objects, "Deployment") + of_kind(objects, "StatefulSet")
    return {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in made}


def containers(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", []), *pod["containers"]]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_object_is_valid_and_in_the_namespace(folder: str) -> None:
    objects = render(folder)
    assert errors_of(objects) == []
    assert {one["metadata"].get("namespace") for one in objects if one["kind"] != "Namespace"} == {"mlflow"}


def test_the_server_alone_brings_neither_database_nor_store(whole: list[Object]) -> None:
    assert pods(render("server")).keys() == {"mlflow"}
    assert pods(whole).keys() == {"mlflow", "postgres", "store"}


def test_every_pod_is_restricted(whole: list[Object]) -> None:
    labels = the(whole, "Namespace")["metadata"]["labels"]
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}
    for pod in pods(whole).values():
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["securityContext"]["runAsUser"] > 0
        assert not pod["automountServiceAccountToken"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all(set(volume) - {"name"} <= {"emptyDir", "configMap", "secret"} for volume in pod["volumes"])
        for container in containers(pod):
            context = container["securityContext"]
            assert context == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert "memory" in container["resources"]["limits"]
        for container in pod["containers"]:
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


def test_what_must_last_lies_in_a_volume_that_stays(whole: list[Object]) -> None:
    for stateful in of_kind(whole, "StatefulSet"):
        spec = stateful["spec"]
        [claim] = spec["volumeClaimTemplates"]
        assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
        mounts = {mount["name"] for mount in spec["template"]["spec"]["containers"][0]["volumeMounts"]}
        assert claim["metadata"]["name"] in mounts


def test_no_secret_is_in_here_and_those_that_are_named_the_readme_makes(whole: list[Object]) -> None:
    assert of_kind(whole, "Secret") == []
    wanted: set[tuple[str, str]] = set()
    for pod in pods(whole).values():
        for container in containers(pod):
            for variable in container.get("env", []):
                secret = variable.get("valueFrom", {}).get("secretKeyRef")
                wanted |= {(secret["name"], secret["key"])} if secret else set()
                if re.search("PASSWORD|SECRET|KEY", variable["name"]):
                    assert secret, variable
        for volume in pod["volumes"]:
            if secret := volume.get("secret"):
                wanted |= {(secret["secretName"], item["key"]) for item in secret["items"]}
    readme = (MLFLOW_FOLDER / "README.md").read_text()
    made = {
        (name, key)
        for name, rest in re.findall(r"create secret generic ([\w-]+)((?:.|\\\n)*?)\n(?!  )", readme)
        for key in re.findall(r"--from-(?:literal|file)=([\w.-]+)=", rest)
    }
    assert made == wanted


def test_nothing_comes_in_or_goes_out_that_is_not_listed(whole: list[Object]) -> None:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of_kind(whole, "NetworkPolicy")}
    closed = policies.pop("default-deny")
    assert (closed["podSelector"], set(closed["policyTypes"])) == ({}, {"Ingress", "Egress"})
    rules = [rule for spec in policies.values() for side in ("ingress", "egress") for rule in spec.get(side, [])]
    assert all(rule.get("from") or rule.get("to") for rule in rules)
    assert all(rule.get("ports") for rule in rules)
    labels = {name: {"app.kubernetes.io/name": name} for name in pods(whole)}
    for name, port in (("postgres", 5432), ("store", 8333)):  # the server alone reaches these
        [rule] = policies[f"allow-{name}"]["ingress"]
        assert rule["from"] == [{"podSelector": {"matchLabels": labels["mlflow"]}}]
        assert [entry["port"] for entry in rule["ports"]] == [port]
    out = {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in policies["allow-server"]["egress"]
        for peer in rule["to"]
    }
    assert out == {"postgres", "store"}
    assert policies["allow-clients"]["podSelector"]["matchLabels"] == labels["mlflow"]


def test_names_and_ports_agree(whole: list[Object]) -> None:
    settings = the(whole, "ConfigMap", "mlflow")["data"]
    for service in of_kind(whole, "Service"):
        name = service["metadata"]["name"]
        [port] = service["spec"]["ports"]
        [container] = pods(whole)[name]["containers"]
        assert service["spec"]["selector"] == {"app.kubernetes.io/name": name}
        assert {"name": port["targetPort"], "containerPort": port["port"]} in container["ports"]
    assert (settings["PGHOST"], settings["PGPORT"]) == ("postgres", "5432")
    assert settings["MLFLOW_S3_ENDPOINT_URL"] == "http://store:8333"
    auth = configparser.ConfigParser()
    auth.read_string(settings["basic_auth.ini"])
    assert auth["mlflow"]["default_permission"] == "NO_PERMISSIONS"
    assert "password" not in auth["mlflow"]["database_uri"]
    database = auth["mlflow"]["database_uri"].rpartition("/")[2]
    assert database in the(whole, "ConfigMap", "postgres-first-start")["data"]["users.sql"]
    hosts = settings["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert {f"mlflow.mlflow.svc{end}" for end in ("", ":5000", ".cluster.local", ".cluster.local:5000")} <= set(hosts)


def test_a_stage_takes_up_the_way_to_mlflow_and_is_let_in(tmp_path: Path, whole: list[Object]) -> None:
    shutil.copytree(KUBERNETES.parent, tmp_path / "infra")
    overlay = tmp_path / "infra/kubernetes/overlays/dev"
    with (overlay / "kustomization.yaml").open("a") as file:
        file.write("components: [../../../mlflow/client]\n")
    objects = [document for document in yaml.safe_load_all(kustomize(overlay)) if document]
    assert errors_of(objects) == []
    [rule] = the(objects, "NetworkPolicy", "allow-mlflow")["spec"]["egress"]
    [peer] = rule["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "mlflow"}
    assert rule["ports"] == [{"protocol": "TCP", "port": 5000}]
    [let_in] = the(whole, "NetworkPolicy", "allow-clients")["spec"]["ingress"]
    wanted = let_in["from"][0]["namespaceSelector"]["matchExpressions"][0]["key"]
    assert wanted in the(objects, "Namespace")["metadata"]["labels"]
    assert names(objects, "Namespace") == {"weighbridge-dev"}


def test_the_image_is_the_server_that_is_tested_and_checked_against_a_lock() -> None:
    lock = (MLFLOW_FOLDER / "requirements.lock").read_text()
    version = MLFLOW.rpartition("==")[2]
    assert f"\nmlflow=={version} \\" in lock
    assert {"boto3", "psycopg", "mlflow"} <= set(re.findall(r"^([\w-]+)==", lock, re.MULTILINE))
    packages = re.findall(r"^[\w-]+==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", lock, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^[\w-]+==", lock, re.MULTILINE))
    dockerfile = (MLFLOW_FOLDER / "Dockerfile").read_text()
    [base] = re.findall(r"^ARG BASE=(.+)$", dockerfile, re.MULTILINE)
    assert re.fullmatch(r"[\w./-]+@sha256:[0-9a-f]{64}", base)
    assert "--require-hashes -r /tmp/requirements.lock" in dockerfile
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == ["1000:1000"]
    assert client.TRACKING in (MLFLOW_FOLDER / "README.md").read_text()


@pytest.mark.slow
def test_the_server_takes_the_options_that_it_is_given(whole: list[Object]) -> None:
    [container] = pods(whole)["mlflow"]["containers"]
    known = subprocess.run([mlflow_program(), "server", "--help"], capture_output=True, text=True, check=True).stdout
    for argument in container["args"]:
        assert re.search(rf"{re.escape(argument.partition('=')[0])}\b", known), argument
