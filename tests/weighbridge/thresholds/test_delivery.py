"""The `delivery` section: what is allowed, and what is one clear error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.weighbridge.delivery.conftest import GATES
from weighbridge.common.errors import UsageError
from weighbridge.thresholds.delivery import PRODUCTION, Delivery, Stage
from weighbridge.thresholds.gates_file import load_gates

BEGIN = "quality: {metrics: {auc: {min: 0.5}}}\nlatency: {batch_sizes: {1: {p99_ms: {max: 9}}}}\n"


def test_the_default_asks_for_a_canary_and_no_approval():
    delivery = Delivery()
    assert delivery.names == ["staging", "canary", PRODUCTION]
    assert delivery.stage("canary").calls > 0
    assert delivery.approvals == []


def test_approvals_are_the_stages_that_ask_for_one(tmp_path):
    (tmp_path / "gates.yaml").write_text(GATES)
    assert load_gates(tmp_path / "gates.yaml").delivery.approvals == ["production"]


def test_an_approval_in_jenkins_is_one_that_is_required(tmp_path):
    approval = "approval: {jenkins: 'https://ci.example.org/job/a', approvers: [ada, grace]}"
    (tmp_path / "gates.yaml").write_text(f"{BEGIN}delivery: [{{stage: production, {approval}}}]")
    delivery = load_gates(tmp_path / "gates.yaml").delivery
    assert delivery.approvals == ["production"]
    stage = delivery.stage(PRODUCTION)
    assert stage.approval == "required"
    assert stage.approved_in.jenkins == "https://ci.example.org/job/a/"
    assert stage.approved_in.approvers == ("ada", "grace")


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("delivery: [{stage: staging}]", "the last stage must be production"),
        ("delivery: []", "the last stage must be production"),
        ("delivery: [{stage: production}, {stage: staging}]", "the last stage must be production"),
        ("delivery: [{stage: a}, {stage: a}, {stage: production}]", "the stage a is given twice"),
        ("delivery: [{stage: runs}, {stage: production}]", "no stage can be called runs"),
        ("delivery: [{stage: backtests}, {stage: production}]", "no stage can be called backtests: the workspace"),
        ("delivery: [{stage: kept}, {stage: production}]", "no stage can be called kept"),
        (
            "delivery: [{stage: Canary}, {stage: production}]",
            "delivery.0.stage: 'Canary' is no name of a stage",
        ),
        ("delivery: [{stage: ../runs}, {stage: production}]", "'../runs' is no name of a stage"),
        ('delivery: [{stage: "runs\\n"}, {stage: production}]', "is no name of a stage"),
        ("delivery: [{stage: " + "a" * 64 + "}, {stage: production}]", "is no name of a stage"),
        ("delivery: [{stage: 1}, {stage: production}]", "delivery.0.stage"),
        ("delivery: [{}, {stage: production}]", "Field required"),
        ("delivery: [{stage: production, approval: maybe}]", "'none' or 'required'"),
        ("delivery: [{stage: production, approval: {jenkins: 'http://ci.example.org/job/a/'}}]", "is not encrypted"),
        ("delivery: [{stage: production, approval: {jenkins: 'https://ci.example.org/'}}]", "not the address of a job"),
        ("delivery: [{stage: production, approval: {}}]", "Field required"),
        (
            "delivery: [{stage: production, approval: {jenkins: 'https://x/job/a/', approvers: []}}]",
            "1 item",
        ),
        ("delivery: [{stage: production, approval: {jenkins: 'https://ci.example.org/job/a/', by: [x]}}]", "by is not"),
        ("delivery: [{stage: production, approved_in: {jenkins: 'https://x/job/a/'}}]", "approved_in is not known"),
        ("delivery: [{stage: production, aproval: required}]", "aproval is not known; did you mean 'approval'?"),
        ("delivery: [{stage: canary, p99_ms: {max: 1}}, {stage: production}]", "p99_ms needs calls"),
        ("delivery: [{stage: canary, calls: 3}, {stage: production}]", "at least 20"),
        ("delivery: [{stage: canary, calls: -20}, {stage: production}]", "greater than or equal to 0"),
        ("delivery: [{stage: canary, max_difference: .nan}, {stage: production}]", "finite number"),
        ("delivery: [{stage: canary, max_difference: -1}, {stage: production}]", "greater than or equal to 0"),
        ("delivery: staging", "valid tuple"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, section, told):
    (tmp_path / "gates.yaml").write_text(BEGIN + section)
    with pytest.raises(UsageError, match="delivery") as raised:
        load_gates(tmp_path / "gates.yaml")
    assert told in raised.value.message


@given(st.lists(st.from_regex(r"\A[a-z]{1,6}\Z"), min_size=1, max_size=5, unique=True), st.data())
def test_the_stages_between_lie_between(names, data):
    try:
        given = [*(name for name in names if name != PRODUCTION), PRODUCTION]
        delivery = Delivery(tuple(Stage(stage=name) for name in given))
    except ValidationError:
        return  # a name of a workspace's own folder
    stages = delivery.names
    source, target = (data.draw(st.sampled_from(stages)) for _ in range(2))
    if stages.index(source) < stages.index(target):
        between = delivery.between(source, target)
        assert [source, *between, target] == stages[stages.index(source) : stages.index(target) + 1]
    else:
        with pytest.raises(UsageError):
            delivery.between(source, target)
