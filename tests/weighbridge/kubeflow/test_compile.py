"""Packages as open-source Kubeflow Pipelines takes them, and what it could not run refused by name."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command_line import ROOT
from weighbridge.common.digests import file_digest
from weighbridge.common.errors import UsageError
from weighbridge.common.resources import Resources, Toleration
from weighbridge.definition import Context, Parameters, load
from weighbridge.evidence.provenance import Origin
from weighbridge.kubeflow.client.versions import read_version
from weighbridge.kubeflow.compile import checks, platform
from weighbridge.kubeflow.compile.package import Package, compile_package
from weighbridge.kubeflow.compile.spec import executor, pipeline_spec

IMAGE = f"repository/weighbridge@sha256:{'ab' * 32}"


@pytest.fixture(scope="module")
def taxi(tmp_path_factory: pytest.TempPathFactory) -> Package:
    definition = load("taxi")
    output = tmp_path_factory.mktemp("package") / "taxi.yaml"
    return compile_package(definition, definition.parameters(), output, image=IMAGE)


@pytest.fixture(scope="module")
def documents(taxi: Package) -> tuple[dict[str, Any], dict[str, Any]]:
    spec, platform_spec = yaml.safe_load_all(taxi.path.read_text())
    return spec, platform_spec


def test_both_documents_are_what_kfp_parses(taxi: Package, documents: tuple[dict[str, Any], dict[str, Any]]) -> None:
    from google.protobuf import json_format
    from kfp import components
    from kfp.pipeline_spec import pipeline_spec_pb2

    spec, platform_spec = documents
    assert spec["schemaVersion"] == "2.1.0"
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(platform_spec, pipeline_spec_pb2.PlatformSpec())
    loaded = components.load_component_from_file(str(taxi.path))
    assert set(loaded.component_spec.inputs) == {parameter.name for parameter in taxi.parameters}


def test_the_pusher_is_told_where_the_run_comes_from(documents: tuple[dict[str, Any], dict[str, Any]]) -> None:
    spec = documents[0]
    root = spec["root"]["dag"]["tasks"]["Pusher"]["inputs"]["parameters"]
    origin = Origin.model_validate_json(root["origin"]["runtimeValue"]["constant"])
    assert (origin.module, origin.parameters["epochs"]) == ("weighbridge.pipelines.taxi.pipeline", 5)
    assert set(origin.code) >= {"ExampleGen", "Trainer", "Evaluator", "Pusher"}
    # What a run is given instead is what it was asked for.
    arguments = spec["deploymentSpec"]["executors"]["Pusher_executor"]["container"]["args"]
    assert json.dumps(["origin", ["parameters", "epochs"], "runtime_epochs"]) in arguments
    assert root["runtime_epochs"] == {"componentInputParameter": "epochs"}


def test_only_containers_with_our_entry_point_and_no_hooks(documents: tuple[dict[str, Any], dict[str, Any]]) -> None:
    executors = documents[0]["deploymentSpec"]["executors"]
    assert len(executors) == 7
    for name, found in executors.items():
        module = "verdict" if name == "Verdict_executor" else "entrypoint"
        assert set(found) == {"container"}
        assert found["container"]["image"] == IMAGE
        assert found["container"]["command"] == ["python", "-m", f"weighbridge.kubeflow.step.{module}"]
        assert "lifecycle" not in found["container"]


def test_parameters_are_open_with_types_defaults_and_descriptions(
    documents: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    spec = documents[0]
    root = spec["root"]["inputDefinitions"]["parameters"]
    assert set(root) == {
        *("data", "span", "window", "epochs", "batch_size", "learning_rate", "seed"),
        *("push_destination", "data_digest", "gates_digest"),
    }
    assert all(parameter["isOptional"] and parameter["description"] for parameter in root.values())
    assert (root["epochs"]["parameterType"], root["epochs"]["defaultValue"]) == ("NUMBER_INTEGER", 5)
    assert (root["learning_rate"]["parameterType"], root["learning_rate"]["defaultValue"]) == ("NUMBER_DOUBLE", 0.002)
    assert root["data"]["defaultValue"].startswith("package:tfx/")
    tasks = spec["root"]["dag"]["tasks"]
    for step in ("ProductionModel", "Pusher"):
        assert tasks[step]["inputs"]["parameters"]["destination"] == {"componentInputParameter": "push_destination"}
    assert tasks["ExampleGen"]["inputs"]["parameters"]["input_digest"] == {"componentInputParameter": "data_digest"}
    assert tasks["Trainer"]["inputs"]["parameters"]["runtime_epochs"] == {"componentInputParameter": "epochs"}
    arguments = executor(spec, "Trainer")["container"]["args"]
    assert json.dumps(["parameters", ["custom_config", "epochs"], "runtime_epochs"]) in arguments
    told = json.loads(arguments[arguments.index("--json_serialized_inputs_spec_args") + 1])
    assert told["parameters"]["runtime_epochs"] == {"parameterType": "NUMBER_INTEGER"}


def test_what_depends_on_more_than_its_inputs_is_not_cached(
    documents: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    tasks = documents[0]["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache")}
    assert cached == {"ExampleGen", "DataValidator", "Trainer", "Evaluator", "Verdict"}


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(taxi: Package, tmp_path: Path) -> None:
    output = tmp_path / "again.yaml"
    arguments = ["compile", "taxi", "--image", IMAGE, "-o", str(output), "--json"]
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "weighbridge", *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert output.read_bytes() == taxi.path.read_bytes()
    assert (told["digest"], told["key"], tuple(told["steps"])) == (taxi.digest, taxi.key, taxi.steps)


def test_the_key_changes_with_what_a_run_depends_on(taxi: Package, tmp_path: Path, taxi_csv: Path) -> None:
    definition = load("taxi")

    def key(image: str = IMAGE, **values: Any) -> str:
        parameters = definition.parameters().model_copy(update=values)
        return compile_package(definition, parameters, tmp_path / "p.yaml", image=image).key

    assert key() == taxi.key
    data = tmp_path / "trips.csv"
    data.write_bytes(taxi_csv.read_bytes() + taxi_csv.read_bytes().splitlines(keepends=True)[-1])
    others = {key(epochs=6), key(data=str(data)), key(image=IMAGE.replace("ab", "cd"))}
    assert len(others) == 3
    assert taxi.key not in others


def test_data_that_only_the_cluster_sees_are_never_taken_from_the_cache(tmp_path: Path) -> None:
    definition = load("taxi")
    parameters = definition.parameters("/data/on/the/cluster.csv")
    package = compile_package(definition, parameters, tmp_path / "p.yaml", image=IMAGE)
    spec, _ = yaml.safe_load_all(package.path.read_text())
    assert spec["root"]["inputDefinitions"]["parameters"]["data_digest"]["defaultValue"] == ""
    assert "cachingOptions" not in spec["root"]["dag"]["tasks"]["ExampleGen"]


@pytest.mark.parametrize("image", ["", "repository/image", "repository/image:latest", "a b", "x@sha256:12"])
def test_an_image_without_a_digest_is_refused(image: str) -> None:
    with pytest.raises(UsageError, match=r"digest|not an image"):
        checks.check_image(image, allow_tag=False)


def test_a_tag_can_be_accepted() -> None:
    checks.check_image("repository/image:1.2", allow_tag=True)
    with pytest.raises(UsageError, match="not an image"):
        checks.check_image("", allow_tag=True)


def test_kfps_client_takes_yaml_only(tmp_path: Path) -> None:
    definition = load("taxi")
    with pytest.raises(UsageError, match=r"end in \.yaml"):
        compile_package(definition, definition.parameters(), tmp_path / "p.json", image=IMAGE)


FULL = Resources(
    cpu="4",
    memory="8Gi",
    memory_limit="16Gi",
    accelerator="nvidia.com/gpu",
    accelerator_count=2,
    node_selector={"cloud.google.com/gke-accelerator": "nvidia-tesla-t4"},
    tolerations=(Toleration(key="team", operator="Equal", value="ml"),),
    spot=True,
    timeout_s=3600,
    scratch="50Gi",
    shared_memory="2Gi",
    volumes={"/data": "shop-data"},
    image_pull_secrets=("registry",),
    labels={"team": "ml"},
)


def test_resources_are_kfp_kubernetes_own_messages() -> None:
    from google.protobuf import json_format
    from kfp.kubernetes import kubernetes_executor_config_pb2 as pb

    found = platform.executor_config(FULL)
    assert found.pop("securityContext") == {"runAsUser": 1000}
    config = json_format.ParseDict(found, pb.KubernetesExecutorConfig())
    assert dict(config.node_selector.labels) == FULL.node_selector
    assert [(each.key, each.operator, each.value) for each in config.tolerations] == [
        ("team", "Equal", "ml"),
        ("nvidia.com/gpu", "Exists", ""),
        ("cloud.google.com/gke-spot", "Equal", "true"),
        ("kubernetes.azure.com/scalesetpriority", "Equal", "spot"),
    ]
    assert config.active_deadline_seconds == 3600
    assert [(each.mount_path, each.size_limit) for each in config.empty_dir_mounts] == [("/scratch", "50Gi")]
    assert config.enabled_shared_memory.size == "2Gi"
    assert [(each.constant, each.mount_path) for each in config.pvc_mount] == [("shop-data", "/data")]
    assert [each.secret_name for each in config.image_pull_secret] == ["registry"]
    assert dict(config.pod_metadata.labels) == {"app.kubernetes.io/part-of": "weighbridge", "team": "ml"}


def test_resources_of_the_container_and_retries_of_a_node_that_goes_away() -> None:
    assert platform.container_resources(FULL) == {
        "resourceCpuRequest": "4",
        "resourceCpuLimit": "4",
        "resourceMemoryRequest": "8Gi",
        "resourceMemoryLimit": "16Gi",
        "accelerator": {
            "type": "nvidia.com/gpu",
            "count": "2",
            "resourceType": "nvidia.com/gpu",
            "resourceCount": "2",
        },
    }
    assert platform.retry_policy(FULL)["maxRetryCount"] == 3
    assert platform.retry_policy(Resources()) == {}
    assert platform.container_resources(Resources()) == {}
    tpu = Resources(
        accelerator="google.com/tpu",
        accelerator_count=4,
        node_selector={
            "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice",
            "cloud.google.com/gke-tpu-topology": "2x2",
        },
    )
    assert platform.container_resources(tpu)["accelerator"]["resourceType"] == "google.com/tpu"
    assert platform.executor_config(tpu)["nodeSelector"]["labels"] == tpu.node_selector


def test_resources_that_a_component_declares_are_in_the_package(tmp_path: Path) -> None:
    definition = load("taxi")

    def create(parameters: Parameters, context: Context) -> Any:
        pipeline = definition.create_pipeline(parameters, context)
        next(node for node in pipeline.components if node.id == "Trainer").resources = FULL
        return pipeline

    import dataclasses

    own = dataclasses.replace(definition, create_pipeline=create)
    package = compile_package(own, own.parameters(), tmp_path / "p.yaml", image=IMAGE)
    spec, platform_spec = yaml.safe_load_all(package.path.read_text())
    assert executor(spec, "Trainer")["container"]["resources"] == platform.container_resources(FULL)
    assert spec["root"]["dag"]["tasks"]["Trainer"]["retryPolicy"]["backoffDuration"] == "30s"
    mounts = platform_spec["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["Trainer_executor"]["pvcMount"]
    assert {mount["mountPath"]: mount["constant"] for mount in mounts} == {
        "/data": "shop-data",
        "/weighbridge/kept": "weighbridge-kept",
    }


def test_a_package_for_recurring_runs_takes_whatever_data_are_there(tmp_path: Path) -> None:
    definition = load("taxi")
    package = compile_package(definition, definition.parameters(), tmp_path / "p.yaml", image=IMAGE, pin_data=False)
    spec, _ = yaml.safe_load_all(package.path.read_text())
    assert spec["root"]["inputDefinitions"]["parameters"]["data_digest"]["defaultValue"] == ""
    assert "cachingOptions" not in spec["root"]["dag"]["tasks"]["ExampleGen"]


def test_without_volumes_nothing_of_the_cluster_is_needed(tmp_path: Path) -> None:
    definition = load("taxi")
    package = compile_package(definition, definition.parameters(), tmp_path / "p.yaml", image=IMAGE, volumes=False)
    _, platform_spec = yaml.safe_load_all(package.path.read_text())
    executors = platform_spec["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert not any("pvcMount" in found for found in executors.values())
    folders = {name: [m["mountPath"] for m in found.get("emptyDirMounts", [])] for name, found in executors.items()}
    assert folders["Pusher_executor"] == ["/weighbridge/production"]
    assert folders["Trainer_executor"] == ["/weighbridge/kept"]
    assert folders["ExampleGen_executor"] == []


@pytest.mark.parametrize(
    ("destination", "with_production"), [("", {"ProductionModel", "Evaluator", "Pusher"}), ("gs://models/taxi", set())]
)
def test_volumes_are_mounted_where_they_are_used(destination: str, with_production: set[str], tmp_path: Path) -> None:
    definition = load("taxi")
    package = compile_package(
        definition, definition.parameters(), tmp_path / "p.yaml", image=IMAGE, destination=destination
    )
    spec, platform_spec = yaml.safe_load_all(package.path.read_text())
    executors = platform_spec["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    claims = {
        name.removesuffix("_executor"): {mount["constant"] for mount in found.get("pvcMount", [])}
        for name, found in executors.items()
    }
    assert {name for name, found in claims.items() if "weighbridge-production" in found} == with_production
    assert {name for name, found in claims.items() if "weighbridge-kept" in found} == {"DataValidator", "Trainer"}
    default = spec["root"]["inputDefinitions"]["parameters"]["push_destination"]["defaultValue"]
    assert default == (destination or "/weighbridge/production/taxi")


def compiled(pipeline: Any) -> dict[str, Any]:
    checks.check_pipeline(pipeline)
    return pipeline_spec(pipeline, IMAGE, [], "", "of a user's own")


def test_stock_components_compile_too() -> None:
    from tfx.components import CsvExampleGen, StatisticsGen
    from tfx.orchestration.data_types import RuntimeParameter
    from tfx.proto import example_gen_pb2

    from tests.weighbridge.kubeflow import pipelines_for_tests as own

    examples = CsvExampleGen(
        input_base=RuntimeParameter(name="input", ptype=str, default="/data"),
        input_config=example_gen_pb2.Input(
            splits=[example_gen_pb2.Input.Split(name="single", pattern="span-{SPAN}/*.csv")]
        ),
    )
    spec = compiled(own.pipeline(examples, StatisticsGen(examples.outputs["examples"]), enable_cache=True))
    assert spec["root"]["inputDefinitions"]["parameters"]["input"]["defaultValue"] == "/data"
    container = executor(spec, "CsvExampleGen")["container"]
    assert "lifecycle" not in container
    assert "--file_based_driver" in container["args"]
    tasks = spec["root"]["dag"]["tasks"]
    assert "cachingOptions" not in tasks["CsvExampleGen"]
    assert tasks["StatisticsGen"]["cachingOptions"] == {"enableCache": True}


def test_an_output_value_reaches_a_parameter_with_its_type() -> None:
    from tests.weighbridge.kubeflow import pipelines_for_tests as own

    spec = compiled(own.passing_a_value())
    given = spec["root"]["dag"]["tasks"]["Repeat"]["inputs"]["parameters"]["times"]
    assert given["taskOutputParameter"]["producerTask"] == "Count"
    assert spec["components"]["Repeat"]["inputDefinitions"]["parameters"]["times"]["parameterType"] == "NUMBER_INTEGER"


def test_a_condition_on_a_property_compiles() -> None:
    from tfx.dsl.experimental.conditionals.conditional import Cond

    from tests.weighbridge.kubeflow import pipelines_for_tests as own

    count = own.Count()
    with Cond(count.outputs["count"].future()[0].custom_property("n") > 2):
        repeat = own.Repeat()
    spec = compiled(own.pipeline(count, repeat))
    assert "metadata['n']" in spec["root"]["dag"]["tasks"]["Repeat"]["triggerPolicy"]["condition"]


def refused(kind: str) -> Any:
    from tfx.dsl.components.common.resolver import Resolver
    from tfx.dsl.experimental.conditionals.conditional import Cond
    from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
    from tfx.types import Channel, standard_artifacts

    from tests.weighbridge.kubeflow import pipelines_for_tests as own

    count = own.Count()
    if kind == "resolver":
        resolver = Resolver(strategy_class=LatestArtifactStrategy, model=Channel(type=standard_artifacts.Model))
        return own.pipeline(resolver.with_id("latest_model"))
    if kind == "expression":
        return own.pipeline(count, own.Repeat(times=count.outputs["count"].future()[0].value + 1))
    if kind == "value":
        with Cond(count.outputs["count"].future()[0].value > 2):
            repeat = own.Repeat()
        return own.pipeline(count, repeat)
    return own.pipeline(count, name="Own Pipeline")


@pytest.mark.parametrize(
    ("kind", "named", "way_out"),
    [
        ("resolver", "latest_model", "ProductionModel"),
        ("expression", "Repeat: times", "inside the component"),
        ("value", "Repeat", "custom_property"),
        ("name", "Own Pipeline", "hyphens"),
    ],
)
def test_what_cannot_run_is_refused_by_name_with_the_way_out(kind: str, named: str, way_out: str) -> None:
    with pytest.raises(UsageError) as error:
        compiled(refused(kind))
    assert named in error.value.message
    assert way_out in error.value.hint


def test_the_command_tells_path_digest_and_steps(weighbridge: Any, tmp_path: Path) -> None:
    output = tmp_path / "taxi.yaml"
    done = weighbridge("compile", "taxi", "--image", IMAGE, "-o", output)
    assert done.code == 0, done.err
    assert f"{output}  sha256:" in done.out
    assert "ExampleGen → ProductionModel → DataValidator → Trainer → Evaluator → Verdict → Pusher" in done.out
    tagged = weighbridge("compile", "taxi", "--image", "repository/image:latest", "-o", output)
    assert tagged.code == 2
    assert "--allow-tag" in tagged.err


def test_a_client_reads_from_a_package_what_a_verdict_is_bound_to(
    taxi: Package, documents: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    """As a server hands it out: both documents under a key each."""
    version = read_version({"pipeline_spec": documents[0], "platform_spec": documents[1]})
    defaults = {parameter.name: parameter.default for parameter in taxi.parameters}
    assert version.subject == {
        "image": IMAGE,
        "schema": file_digest(ROOT / "pipelines/taxi/schema.pbtxt"),
        "gates_digest": defaults["gates_digest"],
        "data_digest": defaults["data_digest"],
    }


def test_a_secret_comes_from_the_cluster_and_is_in_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "c0rrect-h0rse")
    definition = load("tests.weighbridge.local.secretive")
    given = ["password=env:DB_PASSWORD", "source=postgres://me:{env:DB_PASSWORD}@host"]
    output = tmp_path / "package.yaml"
    package = compile_package(definition, definition.parameters(settings=given), output, image=IMAGE)
    text = output.read_text()
    assert "c0rrect-h0rse" not in text
    assert "{env:DB_PASSWORD}" in text
    assert "password" not in {parameter.name for parameter in package.parameters}  # whose value Kubeflow's pages show
    _, platform_spec = yaml.safe_load_all(text)
    configured = platform_spec["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["Fetch_executor"]
    keys = [{"secretKey": "password", "envVar": "DB_PASSWORD"}]
    assert configured["secretAsEnv"] == [{"secretName": "database", "keyToEnv": keys}]
    with pytest.raises(
        UsageError, match="Fetch refers to the environment variable DB_PASSWORD, which its pod"
    ) as caught:
        compile_package(definition, definition.parameters(settings=[*given, "mounted=false"]), output, image=IMAGE)
    assert "Resources(secrets={'DB_PASSWORD': 'SECRET/KEY'})" in caught.value.hint
    with pytest.raises(UsageError, match="Fetch is given a secret in plain: its parameter source"):
        compile_package(definition, definition.parameters(settings=["hidden=c0rrect-h0rse"]), output, image=IMAGE)


@pytest.mark.parametrize("place", ["database", "Database/password", "database/", "a/b/c", "/key"])
def test_a_secret_is_named_with_its_key(place: str) -> None:
    with pytest.raises(ValueError, match="secrets"):
        Resources(secrets={"DB_PASSWORD": place})
