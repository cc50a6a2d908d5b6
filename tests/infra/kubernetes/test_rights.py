"""Who may do what: no more than README.md says, and only the Pusher's account writes production."""

import re
from typing import Any

import celpy
import pytest

from tests.infra.kubernetes.rendering import KUBERNETES, STAGES, Object, names, of_kind, render, the

pytestmark = pytest.mark.documents

STEPS = {f"weighbridge-{step}" for step in ("run", "data", "train", "evaluate", "push")}
POLICY = "weighbridge-production-writers"
Right = tuple[str, str, tuple[str, ...], tuple[str, ...]]  # account, group/resource, resource names, verbs


def rules_of(objects: list[Object]) -> list[tuple[str, dict[str, Any]]]:
    """Account and rule, for every rule that is bound to an account."""
    return [
        (subject["name"], rule)
        for binding in of_kind(objects, "RoleBinding")
        for subject in binding["subjects"]
        for rule in the(objects, "Role", binding["roleRef"]["name"])["rules"]
    ]


def rights_of(objects: list[Object]) -> list[Right]:
    return sorted(
        (
            account,
            f"{group}/{resource}".removeprefix("/"),
            tuple(sorted(rule.get("resourceNames", []))),
            tuple(sorted(rule["verbs"])),
        )
        for account, rule in rules_of(objects)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    )


def documented_rights(stage: str) -> list[Right]:
    """The table in README.md: rows of a stage, or those that a component adds."""
    section = (KUBERNETES / "README.md").read_text().split("## What each account may do")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    rights = []
    for accounts, stages, resources, only, verbs, _why in rows[2:]:
        if stage not in (stages.replace(",", " ").split() if stages != "all" else STAGES):
            continue
        named = tuple(sorted(re.findall("`(.+?)`", only)))
        rights += [
            (f"weighbridge-{account}", resource, named, tuple(sorted(re.findall("`(.+?)`", verbs))))
            for account in re.findall("`(.+?)`", accounts)
            for resource in re.findall("`(.+?)`", resources)
        ]
    return sorted(rights)


@pytest.mark.parametrize("stage", STAGES)
def test_every_account_may_do_what_the_readme_says_and_nothing_else(stage: str) -> None:
    objects = render(stage)
    assert rights_of(objects) == documented_rights(stage)
    assert {account for account, _ in rules_of(objects)} == names(objects, "ServiceAccount")


@pytest.mark.parametrize("stage", STAGES)
def test_no_rule_has_a_wildcard_or_leads_to_more_rights(stage: str) -> None:
    for role in of_kind(render(stage), "Role"):
        for rule in role["rules"]:
            said = {*rule["apiGroups"], *rule["resources"], *rule["verbs"], *rule.get("resourceNames", [])}
            assert not any("*" in word for word in said)
            assert not said & {"bind", "escalate", "impersonate", "delete", "deletecollection"}
            # Who creates pods, enters them or mints tokens acts as any account of the namespace.
            assert not said & {"pods/exec", "pods/attach", "serviceaccounts/token", "rolebindings", "roles"}
            assert not ("pods" in rule["resources"] and set(rule["verbs"]) - {"get", "list"})


@pytest.mark.parametrize("stage", STAGES)
def test_secrets_are_read_one_by_one_and_never_listed(stage: str) -> None:
    rules = [(account, rule) for account, rule in rules_of(render(stage)) if "secrets" in rule["resources"]]
    assert {account for account, _ in rules} == STEPS
    for _, rule in rules:
        assert rule["verbs"] == ["get"]
        assert rule["resourceNames"] == ["mlpipeline-minio-artifact"]


def test_only_the_pushers_account_is_bound_to_write_production() -> None:
    for stage in STAGES:
        writers = {account for account, rule in rules_of(render(stage)) if "write" in rule["verbs"]}
        assert writers == ({"weighbridge-push"} if stage == "prod" else set())


def admits(pod_spec: dict[str, Any]) -> bool:
    """Evaluate the admission policy's own expression; `authorizer` is substituted, and answers from the rendered Roles.

    Args:
        pod_spec: the spec of a pod in prod's namespace.

    Returns:
        Whether Kubernetes would admit the pod.
    """
    rights = rights_of(render("prod"))
    asked: dict[str, str] = {}

    def note(key: str) -> Any:
        def noted(chain: Any, *said: Any) -> Any:
            asked[key] = "/".join(str(word) for word in said)
            return chain

        return noted

    def allowed(_chain: Any) -> Any:
        assert asked["namespace"] == "weighbridge-prod"
        namespace, account = asked["account"].split("/")
        resource = f"{asked['group']}/{asked['resource']}".removeprefix("/")
        return celpy.celtypes.BoolType(
            namespace == "weighbridge-prod"
            and any(
                (account, resource) == (who, what) and asked["name"] in only and asked["check"] in verbs
                for who, what, only, verbs in rights
            )
        )

    functions = {key: note(key) for key in ("group", "resource", "namespace", "name", "check")}
    functions |= {"serviceAccount": note("account"), "allowed": allowed}
    (validation,) = the(render("cluster"), "ValidatingAdmissionPolicy", POLICY)["spec"]["validations"]
    environment = celpy.Environment()
    program = environment.program(environment.compile(validation["expression"]), functions=functions)
    facts = {
        "object": {"spec": pod_spec},
        "request": {"namespace": "weighbridge-prod"},
        "authorizer": {},
    }
    return bool(program.evaluate({name: celpy.json_to_cel(fact) for name, fact in facts.items()}))


def pod(account: str, claim: str | None = "weighbridge-production", read_only: bool | None = None) -> dict[str, Any]:
    mounted = {"claimName": claim} | ({} if read_only is None else {"readOnly": read_only})
    volumes = [{"name": "scratch", "emptyDir": {}}, {"name": "claim", "persistentVolumeClaim": mounted}]
    return {"serviceAccountName": account, "volumes": volumes[: 2 if claim else 1]}


@pytest.mark.parametrize("account", [*sorted(STEPS), "weighbridge-submit", "default", "somebody"])
def test_production_is_mounted_writable_by_the_pushers_account_alone(account: str) -> None:
    assert admits(pod(account)) is (account == "weighbridge-push")
    assert admits(pod(account, read_only=False)) is (account == "weighbridge-push")


@pytest.mark.parametrize("account", ["weighbridge-train", "weighbridge-push", "default"])
def test_other_pods_are_let_in(account: str) -> None:
    assert admits(pod(account, read_only=True))
    assert admits(pod(account, claim="weighbridge-kept"))
    assert admits(pod(account, claim=None))
    assert admits({"serviceAccountName": account})


def test_one_writable_mount_among_read_only_ones_is_refused() -> None:
    spec = pod("weighbridge-train", read_only=True)
    spec["volumes"] += pod("weighbridge-train")["volumes"]
    assert not admits(spec)


def test_the_policy_covers_prod_refuses_and_fails_closed() -> None:
    policy = the(render("cluster"), "ValidatingAdmissionPolicy", POLICY)
    binding = the(render("cluster"), "ValidatingAdmissionPolicyBinding", POLICY)["spec"]
    labels = the(render("prod"), "Namespace")["metadata"]["labels"]
    assert policy["spec"]["matchConstraints"]["namespaceSelector"]["matchLabels"].items() <= labels.items()
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}
    (validation,) = policy["spec"]["validations"]
    claims = set(re.findall(r"'(weighbridge-[a-z-]+)'", validation["expression"]))
    assert claims == names(render("prod"), "PersistentVolumeClaim") - {"weighbridge-kept"}
