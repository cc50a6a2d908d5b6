"""What the launcher does to artifacts is undone on the way in, and what it refuses never goes out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.kubeflow.step import normalize


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("minio://mlpipeline/v2/a", "/minio/mlpipeline/v2/a"),
        ("gs://bucket/a b", "/gcs/bucket/a b"),
        ("s3://bucket/a", "/s3/bucket/a"),
    ],
)
def test_addresses_are_mounts(address: str, path: str) -> None:
    assert normalize.to_path(address) == path
    assert normalize.to_address(path) == address


@given(text=st.text())
def test_other_texts_stay(text: str) -> None:
    assert normalize.to_address(normalize.to_path(text)) == text or text.startswith(tuple(normalize.MOUNTS.values()))


def executor_input() -> dict[str, Any]:
    return {
        "inputs": {
            "artifacts": {
                "model": {
                    "artifacts": [
                        {
                            "name": "17",
                            "uri": "minio://bucket/pipeline/run/task/uuid/model",
                            "type": {"instanceSchema": ""},
                            "metadata": {
                                "display_name": "model",
                                "store_session_info": "{}",
                                "custom:span": 3.0,
                                "baseline_model": "s3://bucket/old",
                                "nothing": None,
                            },
                        }
                    ]
                }
            }
        },
        "outputs": {
            "artifacts": {
                "out": {
                    "artifacts": [{"uri": "gs://bucket/pipeline/the-run/task/uuid/out", "type": {"schemaTitle": "t"}}]
                },
                "executor-logs": {"artifacts": [{"uri": "gs://x", "type": {"schemaTitle": "system.Artifact"}}]},
                "page": {"artifacts": [{"uri": "gs://y", "type": {"schemaTitle": "system.HTML"}}]},
            },
            "outputFile": "/gcs/out.json",
        },
    }


def test_inputs_are_mended() -> None:
    given_input = executor_input()
    declared = {"artifacts": {"model": {"artifactType": {"instanceSchema": "title: tfx.Model"}}}}
    normalize.normalize_inputs(given_input, declared)
    [model] = given_input["inputs"]["artifacts"]["model"]["artifacts"]
    assert model["uri"] == "/minio/bucket/pipeline/run/task/uuid/model"
    assert model["type"] == {"instanceSchema": "title: tfx.Model"}
    assert model["metadata"] == {"span": 3.0, "baseline_model": "/s3/bucket/old"}


def test_what_kubeflow_itself_understands_is_taken_out() -> None:
    given_input = executor_input()
    taken = normalize.take_ui_artifacts(given_input)
    assert set(taken) == {"executor-logs", "page"}
    assert set(given_input["outputs"]["artifacts"]) == {"out"}


def test_types_can_be_told_by_name() -> None:
    given_input = executor_input()
    normalize.set_types(given_input, {"model": "tfx.Model", "page": "tfx.Examples"})
    assert given_input["inputs"]["artifacts"]["model"]["artifacts"][0]["type"] == {"schemaTitle": "tfx.Model"}
    assert set(normalize.take_ui_artifacts(given_input)) == {"executor-logs"}


def test_pipeline_run_and_step_are_in_every_address() -> None:
    place = normalize.place_of(executor_input())
    assert place.run == "the-run"
    uri = executor_input()["outputs"]["artifacts"]["out"]["artifacts"][0]["uri"]
    assert f"/{place.pipeline}/{place.run}/{place.step}/" in uri
    assert place.pipeline
    elsewhere = {"outputs": {"artifacts": {"a": {"artifacts": [{"uri": "a/b"}]}}}}
    assert normalize.place_of(elsewhere) == normalize.place_of({}) == normalize.Place()


def test_outputs_hold_addresses_and_no_nulls() -> None:
    output = {"artifacts": {"a": {"artifacts": [{"uri": "/gcs/b/c", "metadata": {"m": "/s3/d", "n": None, "k": 1}}]}}}
    [artifact] = normalize.normalize_outputs(output)["artifacts"]["a"]["artifacts"]
    assert artifact == {"uri": "gs://b/c", "metadata": {"m": "s3://d", "k": 1}}


def test_kfps_local_engine_calls_every_input_an_artifact() -> None:
    given_input = executor_input()
    given_input["inputs"]["artifacts"]["model"]["artifacts"][0]["type"] = {"schemaTitle": "system.Artifact"}
    normalize.normalize_inputs(given_input, {"artifacts": {"model": {"artifactType": {"schemaTitle": "tfx.Model"}}}})
    assert given_input["inputs"]["artifacts"]["model"]["artifacts"][0]["type"] == {"schemaTitle": "tfx.Model"}
