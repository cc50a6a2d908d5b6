"""What Argo CD gets: valid, limited to what serving consists of, and in step with the example of a repository."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.components.pusher.helpers import make_model, weigh
from tests.config_repository import ConfigRepository, isolate
from tests.infra.kubernetes.rendering import KUBERNETES, Object, kustomize, of_kind, render, the
from tests.infra.kubernetes.schemas import all_errors, group
from weighbridge.common.digests import tree_digest
from weighbridge.components.pusher import push

GITOPS = KUBERNETES.parent / "gitops"
STAGES = ("staging", "prod")


def loaded(text: str) -> list[Object]:
    return [document for document in yaml.safe_load_all(text) if document]


@pytest.fixture(scope="module")
def argo() -> list[Object]:
    return [*loaded(kustomize(GITOPS)), *loaded((GITOPS / "application.yaml").read_text())]


@pytest.mark.slow
def test_argo_cd_s_schemas_take_it_and_would_not_take_a_mistake(argo: list[Object]) -> None:
    assert all_errors(argo) == []
    wrong = json.loads(json.dumps(argo))
    the(wrong, "ApplicationSet")["spec"]["template"]["spec"]["syncPolicy"]["automated"]["prun"] = True
    the(wrong, "AppProject")["spec"]["sourceRepo"] = []
    assert len(all_errors(wrong)) >= 2


def test_the_application_is_what_the_set_makes_of_the_same_folder(argo: list[Object]) -> None:
    template = json.dumps(the(argo, "ApplicationSet")["spec"]["template"]["spec"])
    for parameter, value in (("{{ .path.path }}", "taxi/prod"), ("{{ .path.basename }}", "prod")):
        template = template.replace(parameter, value)
    assert json.loads(template) == the(argo, "Application")["spec"]


def test_the_folders_that_the_set_finds_are_those_that_were_pushed_to(argo: list[Object]) -> None:
    [generator] = the(argo, "ApplicationSet")["spec"]["generators"]
    [files] = generator["git"]["files"]
    assert not list((GITOPS / "repository").glob(files["path"])), "nothing is served before the first push"
    pushed = Path("taxi/prod/production.json")
    assert pushed.match(files["path"])


@pytest.mark.parametrize("stage", STAGES)
def test_after_a_push_a_folder_builds_to_what_the_project_allows(
    argo: list[Object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    isolate(monkeypatch, tmp_path)
    config = ConfigRepository(tmp_path / "config.git", folder=f"taxi/{stage}")
    example = GITOPS / "repository"
    files = {str(path.relative_to(example)): path.read_bytes() for path in example.rglob("*") if path.is_file()}
    settings = yaml.safe_load(files[f"taxi/{stage}/weighbridge.yaml"])
    settings |= {"models": str(tmp_path / "models"), "changes": "commit"}
    config.commit(files | {f"taxi/{stage}/weighbridge.yaml": yaml.safe_dump(settings).encode()})
    model = make_model(tmp_path / "model")
    push(model, weigh(tmp_path / "evaluation", model), config.address)

    checkout = tmp_path / "infra/gitops/repository"
    shutil.copytree(KUBERNETES, tmp_path / "infra/kubernetes")
    subprocess.run(["git", "clone", "-q", str(config.path), str(checkout)], check=True)
    objects = loaded(kustomize(checkout / "taxi" / stage))

    allowed = {(each["group"], each["kind"]) for each in the(argo, "AppProject")["spec"]["namespaceResourceWhitelist"]}
    places = {each["namespace"] for each in the(argo, "AppProject")["spec"]["destinations"]}
    assert {(group(one), one["kind"]) for one in objects} <= allowed
    assert {one["metadata"]["namespace"] for one in objects} == {f"weighbridge-{stage}"} <= places
    assert tree_digest(model) in json.dumps(of_kind(objects, "Deployment"))


def test_every_form_of_serving_is_allowed_and_no_rights_are(argo: list[Object]) -> None:
    allowed = {(each["group"], each["kind"]) for each in the(argo, "AppProject")["spec"]["namespaceResourceWhitelist"]}
    for form in ("deployment", "kserve", "rollout"):
        assert {(group(one), one["kind"]) for one in render(f"serving/{form}")} <= allowed, form
    assert ("keda.sh", "ScaledObject") in allowed
    assert not {kind for _, kind in allowed} & {"Secret", "Role", "RoleBinding", "ClusterRole", "Namespace"}
