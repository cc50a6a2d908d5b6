"""Where the stages lie: the workspace's folders, the store that builds share, the policy, or a file."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.errors import UsageError
from weighbridge.runs.stages import run_destinations, stage_destinations
from weighbridge.runs.workspace import Workspace
from weighbridge.thresholds import Delivery
from weighbridge.thresholds.delivery import PRODUCTION

GATES = """
quality: {metrics: {auc: {min: 0.5}}}
latency: {batch_sizes: {1: {p99_ms: {max: 1000}}}}
"""
NAMES = st.lists(st.sampled_from(["staging", "shadow", "canary"]), unique=True).map(lambda names: [*names, PRODUCTION])


@pytest.mark.parametrize("address", ["gs://models", "gs://models/", "s3://models/ours", "folder"])
def test_one_store_has_room_for_all_stages_of_all_pipelines(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    found = stage_destinations(Workspace(tmp_path, "taxi"), Delivery(), store=address)
    base = address.rstrip("/") if "://" in address else tmp_path / address
    assert found == {name: f"{base}/taxi/{name}" for name in ("staging", "canary", "production")}


def test_an_address_as_destinations_names_the_option_that_takes_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        stage_destinations(Workspace(tmp_path, "taxi"), Delivery(), "gs://models")
    assert "--store gs://models" in raised.value.hint


@pytest.mark.parametrize("store", ["nowhere", "hdfs://host/x", "gs:/models"])
def test_a_store_that_is_not_there_is_not_taken_for_an_empty_one(store: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--store"):
        stage_destinations(Workspace(tmp_path, "taxi"), Delivery(), store=store)


def test_what_is_given_comes_before_the_policy_and_that_before_the_workspace(tmp_path: Path) -> None:
    delivery = Delivery.model_validate(
        [{"stage": "staging", "destination": "gs://policy/staging"}, {"stage": "production"}]
    )
    workspace = Workspace(tmp_path, "taxi")
    policy = {"staging": "gs://policy/staging", "production": str(tmp_path / "taxi/production")}
    assert stage_destinations(workspace, delivery) == policy
    file = tmp_path / "places.yaml"
    file.write_text("production: s3://file/production\n")
    assert stage_destinations(workspace, delivery, str(file)) == policy | {"production": "s3://file/production"}
    shared = stage_destinations(workspace, delivery, str(file), "gs://all")
    assert shared == policy | {"production": "s3://file/production"}
    assert stage_destinations(workspace, delivery, store="gs://all")["production"] == "gs://all/taxi/production"


@given(names=NAMES, data=st.data())
def test_a_run_pushes_to_its_stage_and_compares_with_production_whatever_the_policy(
    names: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What `promote` finds at a stage is what a run put there, since both ask the same table."""
    folder = tmp_path_factory.mktemp("policy")
    stages = [
        {"stage": name, "destination": f"gs://policy/{name}"} if data.draw(st.booleans()) else {"stage": name}
        for name in names
    ]
    (folder / "gates.yaml").write_text(GATES + yaml.safe_dump({"delivery": stages}))
    workspace = Workspace(folder / "work", "taxi")
    store = data.draw(st.sampled_from(["", "gs://all", "s3://all/models"]))
    table = stage_destinations(workspace, Delivery.model_validate(stages), store=store)
    for name in names:
        assert run_destinations(workspace, folder, name, store=store) == (table[PRODUCTION], table[name])


def test_what_a_person_must_approve_is_no_stage_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "gates.yaml").write_text(
        f"{GATES}delivery: [{{stage: staging}}, {{stage: production, approval: required}}]\n"
    )
    with pytest.raises(UsageError, match="must be approved") as raised:
        run_destinations(Workspace(tmp_path, "taxi"), tmp_path, "production", store="gs://models")
    assert "weighbridge promote taxi --from staging --to production --approved-by NAME" in raised.value.hint


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"staging: /models/s\nstaging: /models/t\n", r"line 2: the key 'staging' is given twice"),
        (b"staging:\n", r"line 1: staging has no value"),
        (b"staging: \xff\n", "line 1: the file is not UTF-8"),
        (b"a: &a [x, x]\n" + b"b: " + b"[" * 5_000, "nested deeper"),
        (b"- staging\n", "is not a mapping of stages to destinations"),
    ],
)
def test_a_file_of_destinations_is_read_as_strictly_as_thresholds(content: bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "places.yaml"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=rf"places\.yaml.*{told}"):
        stage_destinations(Workspace(tmp_path, "taxi"), Delivery(), str(file))
