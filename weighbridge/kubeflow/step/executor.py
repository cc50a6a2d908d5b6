"""A TFX executor, run as TFX's Kubeflow runner would run it: artifacts and properties in, properties of outputs out."""

import sys
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from tfx.dsl.components.base import base_executor
from tfx.orchestration.portable import outputs_utils
from tfx.proto.orchestration import pipeline_pb2
from tfx.utils import import_utils

from weighbridge.common import secrets
from weighbridge.common.errors import UsageError
from weighbridge.common.memory import gc_paused
from weighbridge.kubeflow.step.artifacts import ArtifactTranslator, is_value
from weighbridge.runs.content import CONTENT_DIGEST, content_digest
from weighbridge.runs.kept import key_of


def _as_it_is(value: Any) -> Any:
    return value


# JSON knows one kind of number only.
_NUMBERS: dict[str, Any] = {"NUMBER_INTEGER": int, "NUMBER_DOUBLE": float}


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
        inputs, outputs = executor_input.get("inputs", {}), executor_input["outputs"]
        self._translator = ArtifactTranslator()
        self._inputs = self._translator.parse(inputs.get("artifacts", {}))
        self._outputs = self._translator.parse(outputs.get("artifacts", {}))
        self._output_parameters = list(outputs.get("parameters", {}))
        declared = inputs_spec.get("parameters", {})
        self.properties: dict[str, Any] = {
            name: _NUMBERS.get(declared.get(name, {}).get("parameterType"), _as_it_is)(value)
            for name, value in inputs.get("parameterValues", {}).items()
        }
        self._pipeline, self._run, self._beam = pipeline, run, beam
        self._folder = Path(outputs["outputFile"]).parent

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

    def content_key(self, executor_class: str, image: str, driver_class: str) -> str:
        """The key of what this step is about to make, see `kept.key_of`; empty where what an input holds is not known.

        Args:
            executor_class: path of the executor.
            image: that it runs in.
            driver_class: path of the driver that tells the state of what no input names; empty for none.
        """
        outside = ""
        if driver_class:
            kind = import_utils.import_class_by_path(driver_class)
            outside = kind.state(object.__new__(kind), self.properties, self._inputs)  # asks no metadata store
        inputs = {
            key: [each.get_string_custom_property(CONTENT_DIGEST) or content_digest(each) for each in artifacts]
            for key, artifacts in self._inputs.items()
        }
        if not all(digest for digests in inputs.values() for digest in digests):
            return ""
        return key_of(executor_class, image, self.properties, inputs, outside)

    def note_content(self) -> None:
        """Note in each output the digest of what it holds, so that later steps need not look."""
        for [artifact] in self._outputs.values():
            if digest := content_digest(artifact):
                artifact.set_string_custom_property(CONTENT_DIGEST, digest)

    def take(self, artifacts: dict[str, Any]) -> None:
        """Take the properties of outputs from entries of an earlier `ExecutorOutput`."""
        for key, [artifact] in self._outputs.items():
            [entry] = artifacts[key]["artifacts"]
            schema = {"schemaTitle": f"{type(artifact).__module__}.{type(artifact).__qualname__}"}
            [earlier] = self._translator.parse({key: {"artifacts": [entry | {"type": schema, "name": ""}]}})[key]
            earlier.uri = artifact.uri
            if artifact.mlmd_artifact.HasField("id"):
                earlier.id = artifact.id
            self._outputs[key] = [earlier]

    def run(self, executor_class: str) -> None:
        """Import the executor, nothing else, and let it do its work."""
        for artifacts in self._outputs.values():
            for artifact in artifacts:
                _make_folder(artifact)
        with gc_paused():
            kind = import_utils.import_class_by_path(executor_class)
        # Pipeline and run are what a verdict is of; the rest every executor expects.
        common: dict[str, Any] = {
            "pipeline_info": pipeline_pb2.PipelineInfo(id=self._pipeline),  # type: ignore[attr-defined]
            "pipeline_run_id": self._run,
            "unique_id": self._folder.name,
            "tmp_dir": str(self._folder / ".temp"),
        }
        # Beam takes seconds to load: only an executor that runs on it has loaded it by now.
        beam = sys.modules.get("tfx.dsl.components.base.base_beam_executor")
        if beam is not None and issubclass(kind, beam.BaseBeamExecutor):
            context: Any = beam.BaseBeamExecutor.Context(beam_pipeline_args=self._beam, **common)
        else:
            context = base_executor.BaseExecutor.Context(extra_flags=self._beam, **common)
        kind(context).Do(self._inputs, self._outputs, secrets.resolved(dict(self.properties)))
        outputs_utils.tag_output_artifacts_with_version(self._outputs)

    def folders(self) -> dict[str, Path]:
        """Folders of the outputs, by name."""
        return {key: Path(artifact.uri) for key, [artifact] in self._outputs.items()}

    def output(self) -> dict[str, Any]:
        """`ExecutorOutput` as JSON."""
        values = {key: self._value(key) for key in self._output_parameters}
        return {"artifacts": self._translator.to_json(self._outputs)} | ({"parameterValues": values} if values else {})

    def _value(self, key: str) -> Any:
        """The value of an output artifact, for the output parameter of the same name."""
        [artifact] = self._outputs.get(key, [None])
        if not is_value(artifact):
            raise UsageError(f"Output parameter {key!r} has no value artifact of the same name")
        return artifact.read()


def _make_folder(artifact: Any) -> None:
    """The launcher makes the parent of an output only; a value artifact is a file itself."""
    path = Path(artifact.uri)
    (path.parent if is_value(artifact) else path).mkdir(parents=True, exist_ok=True)
