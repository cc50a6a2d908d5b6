"""A TFX executor, run as TFX's Kubeflow runner would run it: artifacts and properties in, properties of outputs out."""

import json
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base import base_beam_executor, base_executor
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as tfx_utils
from tfx.orchestration.portable import outputs_utils
from tfx.proto.orchestration import pipeline_pb2
from tfx.types import value_artifact
from tfx.utils import import_utils

from weighbridge.common.errors import UsageError


class StepExecution:
    """One invocation.

    Args:
        executor_input: what Kubeflow's launcher hands to the step, as `normalize.normalize_inputs` leaves it.
        inputs_spec: `inputDefinitions` of the component, which say the types of parameters.
        pipeline: name of the pipeline, for the executor's context.
        run: id of the run, for the executor's context.
        beam: pipeline arguments of executors that run on Beam, e.g. `--runner=DirectRunner`.

    Attributes:
        properties: execution properties, typed as the component declares them.
    """

    def __init__(
        self, executor_input: dict[str, Any], inputs_spec: dict[str, Any], pipeline: str, run: str, beam: list[str]
    ) -> None:
        message = pipeline_spec_pb2.ExecutorInput()
        json_format.ParseDict(executor_input, message, ignore_unknown_fields=True)
        declared = pipeline_spec_pb2.ComponentInputsSpec()
        json_format.ParseDict(inputs_spec, declared, ignore_unknown_fields=True)
        self._message = message
        self._names: dict[int, str] = {}
        self._inputs = tfx_utils.parse_raw_artifact_dict(message.inputs.artifacts, self._names)
        self._outputs = tfx_utils.parse_raw_artifact_dict(message.outputs.artifacts, self._names)
        self.properties: dict[str, Any] = tfx_utils.parse_execution_properties(
            message.inputs.parameter_values, message.inputs.parameters, declared
        )
        self._pipeline, self._run, self._beam = pipeline, run, beam
        self._folder = Path(message.outputs.output_file).parent

    def resolve_spans(self) -> None:
        """What stock file-based ExampleGens leave to a driver: spans, versions and the fingerprint of the input."""
        from tfx.components.example_gen import driver, input_processor, utils
        from tfx.proto import example_gen_pb2, range_config_pb2

        config = json_format.Parse(self.properties["input_config"], example_gen_pb2.Input())  # type: ignore[attr-defined]
        wanted = None
        if text := self.properties.get("range_config"):
            wanted = json_format.Parse(text, range_config_pb2.RangeConfig())  # type: ignore[attr-defined]
        processor = input_processor.FileBasedInputProcessor(self.properties["input_base"], config.splits, wanted)
        span, version = processor.resolve_span_and_version()
        for split in config.splits:
            split.pattern = processor.get_pattern_for_span_version(split.pattern, span, version)
        self.properties |= {
            "input_config": json_format.MessageToJson(config, preserving_proto_field_name=True),
            utils.SPAN_PROPERTY_NAME: span,
            utils.VERSION_PROPERTY_NAME: version,
            utils.FINGERPRINT_PROPERTY_NAME: processor.get_input_fingerprint(span, version),
        }
        [examples] = self._outputs["examples"]
        driver.update_output_artifact(exec_properties=self.properties, output_artifact=examples.mlmd_artifact)

    def run(self, executor_class: str) -> None:
        """Import the executor, nothing else, and let it do its work."""
        for artifacts in self._outputs.values():
            for artifact in artifacts:
                _make_folder(artifact)
        kind = import_utils.import_class_by_path(executor_class)
        # Pipeline and run are what a verdict is of; the rest every executor expects.
        common: dict[str, Any] = {
            "pipeline_info": pipeline_pb2.PipelineInfo(id=self._pipeline),  # type: ignore[attr-defined]
            "pipeline_run_id": self._run,
            "unique_id": self._folder.name,
            "tmp_dir": str(self._folder / ".temp"),
        }
        if issubclass(kind, base_beam_executor.BaseBeamExecutor):
            context: Any = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=self._beam, **common)
        else:
            context = base_executor.BaseExecutor.Context(extra_flags=self._beam, **common)
        kind(context).Do(self._inputs, self._outputs, dict(self.properties))
        outputs_utils.tag_output_artifacts_with_version(self._outputs)

    def folders(self) -> dict[str, Path]:
        """Folders of the outputs, by name."""
        return {key: Path(artifact.uri) for key, [artifact] in self._outputs.items()}

    def output(self) -> dict[str, Any]:
        """`ExecutorOutput` as JSON."""
        found = pipeline_spec_pb2.ExecutorOutput()
        for key, artifacts in tfx_utils.translate_executor_output(self._outputs, self._names).items():
            found.artifacts[key].CopyFrom(artifacts)
        for key in self._message.outputs.parameters:
            self._add_parameter(found, key)
        result: dict[str, Any] = json.loads(json_format.MessageToJson(found))
        result.setdefault("artifacts", {})
        return result

    def _add_parameter(self, found: Any, key: str) -> None:
        """The value of an output artifact as an output parameter."""
        [artifact] = self._outputs.get(key, [None])
        if not isinstance(artifact, value_artifact.ValueArtifact):
            raise UsageError(f"Output parameter {key!r} has no value artifact of the same name")
        value = artifact.read()
        field = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
        setattr(found.parameter_values[key], field, value)


def _make_folder(artifact: Any) -> None:
    """The launcher makes the parent of an output only; a value artifact is a file itself."""
    path = Path(artifact.uri)
    (path.parent if isinstance(artifact, value_artifact.ValueArtifact) else path).mkdir(parents=True, exist_ok=True)
