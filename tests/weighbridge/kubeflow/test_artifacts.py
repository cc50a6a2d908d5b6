"""Artifacts are translated as TFX's own entry point for Vertex AI translates them."""

import json
from typing import Any

from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.compiler_utils import TITLE_TO_CLASS_PATH
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as theirs

from weighbridge.kubeflow.step.artifacts import ArtifactTranslator

# What protobuf's JSON gives: no whole numbers, and nothing that is null inside.
plain = st.one_of(st.text(max_size=8), st.floats(-1e9, 1e9), st.booleans(), st.integers(-5, 5))
names = st.sampled_from(["span", "version", "split_names", "custom:span", "custom:mine", "blessed", "state", "name_"])
entries = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["", "17", "projects/x"]),
        "uri": st.sampled_from(["/minio/b/x", "gs://b/y"]),
        "type": st.sampled_from(
            [
                *({"schemaTitle": title} for title in sorted(TITLE_TO_CLASS_PATH)),
                {"instanceSchema": "title: tfx.Examples\ntype: object\n"},
                {"schemaTitle": "tfx.types.standard_artifacts.Examples"},
            ]
        ),
        # Two texts of one name: TFX takes whichever protobuf gives last.
        "metadata": st.dictionaries(names, plain, max_size=4).filter(
            lambda found: not {"span", "custom:span"} <= set(found)
        ),
    }
)


def by_tfx(entry: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    message = pipeline_spec_pb2.ExecutorInput()
    json_format.ParseDict({"inputs": {"artifacts": {"x": {"artifacts": [entry]}}}}, message)
    known: dict[int, str] = {}
    [artifact] = theirs.parse_raw_artifact_dict(message.inputs.artifacts, known)["x"]
    written = theirs.translate_executor_output({"x": [artifact]}, known)["x"]
    return artifact, json.loads(json_format.MessageToJson(written))["artifacts"][0]


@given(entries)
def test_the_same_as_tfx(entry: dict[str, Any]) -> None:
    expected, expected_entry = by_tfx(entry)
    translator = ArtifactTranslator()
    [found] = translator.parse({"x": {"artifacts": [entry]}})["x"]
    assert (type(found), found.uri, found.id if entry["name"] else 0) == (
        type(expected),
        expected.uri,
        expected.id if entry["name"] else 0,
    )
    assert found.mlmd_artifact == expected.mlmd_artifact
    [written] = translator.to_json({"x": [found]})["x"]["artifacts"]
    assert {"metadata": {}} | written == {"metadata": {}} | expected_entry
