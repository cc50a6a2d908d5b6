"""`submit --deliver-to`: a run on Kubeflow pushes to a stage, and compares with production, as a run here does."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.components.pusher.buckets import BUCKET, GCS
from tests.weighbridge.kubeflow import launcher
from tests.weighbridge.kubeflow.launcher import Launcher
from weighbridge.components.production_model.standing import read_record
from weighbridge.kubeflow.request import PackageRequest
from weighbridge.local.request import make_request

IMAGE = f"repository/weighbridge@sha256:{'ab' * 32}"
OWN = "shipped.pipeline"
SUBMIT = ("submit", OWN, "--image", IMAGE, "--endpoint")
STAGED = ("--deliver-to", "staging", "--store", "gs://models")

PIPELINE = """
from tests.weighbridge.local import delivering


class Parameters(delivering.Parameters):
    pushes: bool = True


def create_pipeline(parameters, context):
    to = "destination" if parameters.pushes else "production"
    return delivering.create_pipeline(parameters.model_copy(update={"pushes": to}), context)
"""
GATES = """
quality: {metrics: {auc: {min: 0.5}}}
latency: {batch_sizes: {1: {p99_ms: {max: 1000}}}}
"""


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Gives pipeline `shipped` a policy: its stages, as YAML."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "pipeline.py").write_text(PIPELINE)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("shipped", OWN):
        monkeypatch.delitem(sys.modules, name, raising=False)

    def policy(stages: str) -> Path:
        (folder / "gates.yaml").write_text(f"{GATES}delivery: {stages}\n")
        return folder

    policy("[{stage: staging}, {stage: canary}, {stage: production}]")
    return policy


def request(**options: Any) -> PackageRequest:
    given = {"pipeline": OWN, "data": None, "settings": None, "image": IMAGE, "pipeline_root": "", "destination": ""}
    return PackageRequest(**given | {"volumes": True, "allow_tag": False} | options)


def destinations_of(package: Path) -> dict[str, str]:
    """Where each step of a package looks or pushes, with the defaults of its parameters."""
    spec, *_ = yaml.safe_load_all(package.read_text())
    defaults = {
        name: parameter["defaultValue"] for name, parameter in spec["root"]["inputDefinitions"]["parameters"].items()
    }
    tasks = spec["root"]["dag"]["tasks"]
    given = {name: task.get("inputs", {}).get("parameters", {}).get("destination") for name, task in tasks.items()}
    return {name: defaults[value["componentInputParameter"]] for name, value in given.items() if value}


POLICY = "[{stage: staging, destination: s3://policy/s}, {stage: production, destination: s3://policy/p}]"
FILE = "{staging: gs://file/s, canary: gs://file/c, production: gs://file/p}"


@pytest.mark.parametrize(
    ("stage", "policy", "places", "production", "pushed_to"),
    [
        ("staging", "", "gs://models", "gs://models/shipped/production", "gs://models/shipped/staging"),
        ("canary", "", "s3://models/ours", "s3://models/ours/shipped/production", "s3://models/ours/shipped/canary"),
        ("production", "", "gs://models", "gs://models/shipped/production", "gs://models/shipped/production"),
        ("staging", POLICY, "", "s3://policy/p", "s3://policy/s"),
        ("canary", "", FILE, "gs://file/p", "gs://file/c"),
    ],
)
def test_here_and_there_a_run_compares_with_production_and_pushes_to_the_stage(
    stage: str,
    policy: str,
    places: str,
    production: str,
    pushed_to: str,
    shipped: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    if policy:
        shipped(policy)
    given = {"store": places}
    if places == FILE:
        given = {"destinations": str(tmp_path / "places.yaml")}
        Path(given["destinations"]).write_text(FILE)
    here = make_request(OWN, None, None, tmp_path, deliver_to=stage, **given).context
    there = request(deliver_to=stage, **given).compile(tmp_path / "p.yaml")
    assert (here.production, here.destination) == (production, pushed_to)
    assert (there.production, there.destination) == (production, pushed_to)
    assert destinations_of(there.path) == {"ProductionModel": production, "Pusher": pushed_to}
    assert "pvcMount" not in there.path.read_text()  # neither lies in a volume


def test_without_a_stage_one_place_is_pushed_to_and_compared_with(shipped: Any, tmp_path: Path) -> None:
    for destination, store in (("", ""), ("gs://models/own", ""), ("gs://models/own", "gs://all"), ("", "gs://all")):
        package = request(destination=destination, store=store).compile(tmp_path / "p.yaml")
        own = f"{store}/shipped/production" if store else "/weighbridge/production/shipped"
        place = destination or own
        assert destinations_of(package.path) == {"ProductionModel": place, "Pusher": place}
        assert [each.name for each in package.parameters if "destination" in each.name] == ["push_destination"]
        assert (package.production, package.destination) == (place, place)


@pytest.mark.server("2.17")
def test_each_stage_is_a_run_of_its_own_and_the_package_says_where_it_goes(weighbridge, kubeflow, shipped) -> None:
    def submitted(*options: str) -> dict[str, Any]:
        done = weighbridge(*SUBMIT, kubeflow.url, "--json", *options)
        assert done.code == 0, done.err
        return json.loads(done.out)

    first = submitted(*STAGED)
    assert submitted(*STAGED)["run"]["run_id"] == first["run"]["run_id"]
    [package] = kubeflow.packages.values()
    spec, *_ = yaml.safe_load_all(package)
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert {name: each["defaultValue"] for name, each in parameters.items() if "destination" in name} == {
        "production_destination": "gs://models/shipped/production",
        "push_destination": "gs://models/shipped/staging",
    }
    others = [("--deliver-to", "canary", *STAGED[2:]), (*STAGED[:3], "gs://other"), ()]
    runs = {submitted(*options)["run"]["run_id"] for options in others}
    assert len(runs | {first["run"]["run_id"]}) == 4


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--deliver-to", "staging"), "The stage production is the folder"),
        (("--deliver-to", "staging"), "--store gs://BUCKET"),
        (("--deliver-to", "stagging", *STAGED[2:]), "Stages: staging, canary, production"),
        (("--destination", "gs://models/own", *STAGED), "exclude each other"),
        ((*STAGED, "--force", "--if-changed"), "--force and --if-changed exclude each other"),
        ((*STAGED, "--set", "pushes=false"), "destination=context.destination"),
    ],
)
@pytest.mark.server("2.17")
def test_what_cannot_be_delivered_is_exit_2_and_nothing_is_uploaded(
    weighbridge, kubeflow, shipped, options, told
) -> None:
    wrong = weighbridge(*SUBMIT, kubeflow.url, *options)
    assert wrong.code == 2, wrong.out
    assert told in wrong.err
    assert kubeflow.packages == {}


@pytest.mark.server("2.17")
def test_an_address_as_destinations_names_the_store(weighbridge, kubeflow, shipped) -> None:
    wrong = weighbridge(*SUBMIT, kubeflow.url, *STAGED[:2], "--destinations", "gs://models")
    assert wrong.code == 2
    assert "--store gs://models (or WEIGHBRIDGE_STORE)" in wrong.err


@pytest.mark.parametrize("folder", ["staging", "production"])
@pytest.mark.server("2.17")
def test_a_stage_in_a_folder_is_refused_whichever_it_is(weighbridge, kubeflow, shipped, tmp_path, folder) -> None:
    places = {"staging": "gs://models/s", "production": "gs://models/p"} | {folder: f"{tmp_path}/shared"}
    (tmp_path / "places.yaml").write_text(yaml.safe_dump(places))
    wrong = weighbridge(*SUBMIT, kubeflow.url, *STAGED[:2], "--destinations", tmp_path / "places.yaml")
    assert wrong.code == 2
    assert f"The stage {folder} is the folder {tmp_path}/shared" in wrong.err


@pytest.mark.server("2.17")
def test_what_a_person_must_approve_is_told_as_by_run(weighbridge, kubeflow, compiled) -> None:
    for command in (("submit", "taxi", "--image", IMAGE, "--endpoint", kubeflow.url), ("run", "taxi")):
        wrong = weighbridge(*command, "--deliver-to", "production")
        assert wrong.code == 2
        assert "promote taxi --from staging --to production --approved-by NAME" in wrong.err
    assert compiled == []


def test_compile_and_schedules_take_a_stage_too(weighbridge, kubeflow, compiled, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_STORE", "gs://models")  # said once for all commands of a build
    given = ("taxi", "--image", IMAGE, *STAGED[:2])
    assert weighbridge("compile", *given, "-o", tmp_path / "p.yaml").code == 0
    assert weighbridge("schedule", "create", *given, "--every", "1d", "--endpoint", kubeflow.url).code == 0
    places = [(call["destination"], call["deliver_to"]) for call in compiled]
    assert places == [("gs://models/taxi/production", "gs://models/taxi/staging")] * 2


@pytest.mark.slow
@pytest.mark.skipif(not launcher.writable(), reason=f"{launcher.MOUNT} cannot be made here; it is in a container")
def test_what_steps_pushed_to_a_stage_is_promoted_from_here(weighbridge, shipped, tmp_path) -> None:
    """The store is an emulator on loopback, a substitute for the real one, as the launcher is."""
    shipped("[{stage: staging}, {stage: production, approval: required}]")
    given = ("--store", f"gs://{BUCKET}")
    environment = os.environ | {"PYTHONPATH": f"{Path.cwd()}:{tmp_path}", "TINY_CALLS": str(tmp_path / "calls")}
    places = {stage: f"gs://{BUCKET}/shipped/{stage}" for stage in ("staging", "production")}
    with GCS.server():
        for weight in ("one", "two"):
            settings = [f"weight={weight}"]
            package = request(deliver_to="staging", store=given[1], settings=settings)
            package.compile(tmp_path / "p.yaml")
            environment["STORAGE_EMULATOR_HOST"] = os.environ["STORAGE_EMULATOR_HOST"]
            launched = Launcher(tmp_path / "p.yaml", sys.executable, environment)
            try:
                results = launched.run()
            finally:
                launched.remove()
            assert {name: result.code for name, result in results.items()} == dict.fromkeys(results, 0), results
            before = read_record(places["production"])
            staged = read_record(places["staging"])
            assert staged.subject.get("production") == (before.model_digest if before else None)
            assert json.loads(weighbridge("ci", "pending", OWN, *given).out) == ["production"]
            promoted = weighbridge(
                "promote", OWN, "--from", "staging", "--to", "production", "--approved-by", "Ada", *given
            )
            assert promoted.code == 0, promoted.out + promoted.err
            assert read_record(places["production"]).model_digest == staged.model_digest
            assert json.loads(weighbridge("ci", "pending", OWN, *given).out) == []
        assert read_record(places["production"]).version == 2
