"""The TFX face of DataValidator."""

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts

from weighbridge.common.digests import code_digest
from weighbridge.components import interactive
from weighbridge.components.data_validator.baseline import Baseline, production_baseline
from weighbridge.components.data_validator.gates import DataGates
from weighbridge.components.data_validator.schema import read_schema_text
from weighbridge.components.data_validator.span import span_of
from weighbridge.components.data_validator.validate import check_baselines, validate_examples, write_schema
from weighbridge.components.traits import ComponentTraits
from weighbridge.evidence.thresholds import ThresholdsInForce


class DataValidatorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters of DataValidator."""

    PARAMETERS = {
        "schema_text": component_spec.ExecutionParameter(type=str),
        "gates": component_spec.ExecutionParameter(type=str),
        "history_dir": component_spec.ExecutionParameter(type=str),
        "code_digest": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "production_statistics": component_spec.ChannelParameter(
            type=standard_artifacts.ExampleStatistics, optional=True
        ),
    }
    OUTPUTS = {
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema),
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies),
    }


class DataValidatorExecutor(base_executor.BaseExecutor):
    """Calls `validate_examples` and describes its outputs as stock TFX does."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Leave statistics, schema, anomalies and gates in the output artifacts."""
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        schema = artifact_utils.get_single_instance(output_dict["schema"])
        anomalies = artifact_utils.get_single_instance(output_dict["anomalies"])
        splits = artifact_utils.decode_split_names(examples.split_names)
        span = span_of(examples.uri, examples.span)

        gates = DataGates.model_validate_json(exec_properties["gates"])
        validation = validate_examples(
            examples.uri,
            splits,
            exec_properties["schema_text"],
            gates,
            production=_production(input_dict.get("production_statistics") or []),
            history=exec_properties.get("history_dir") or "",
            span=span,
            pipeline=_pipeline(self._context),
        )
        validation.write(statistics.uri, anomalies.uri)
        ThresholdsInForce(sections={"data": gates.model_dump(mode="json")}).write(anomalies.uri)
        write_schema(schema.uri, exec_properties["schema_text"])

        for artifact in (statistics, anomalies):
            artifact.split_names = artifact_utils.encode_split_names(splits)
            artifact.span = span or 0
        blessed = {split: int(clean) for split, clean in validation.clean_splits.items()}
        anomalies.set_json_value_custom_property("blessed", blessed)


class DataValidator(base_component.BaseComponent):
    """Statistics, schema, anomalies, skew and drift; see the README beside this file."""

    SPEC_CLASS = DataValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(DataValidatorExecutor)
    TRAITS = ComponentTraits(
        gates=("anomalies",),
        thresholds=("gates",),
        code_digest="code_digest",
        # Thresholds and production reach the anomalies alone.
        output_depends_on={"statistics": ("examples", "schema_text"), "schema": ("schema_text",)},
    )

    def __init__(
        self,
        examples: types.BaseChannel,
        *,
        schema_file: str,
        gates: DataGates,
        production_statistics: types.BaseChannel | None = None,
        history_dir: str = "",
    ) -> None:
        """Declare the step. The schema is read now and travels as text: its change is seen, its file is not needed.

        Args:
            examples: what ExampleGen made.
            schema_file: the reviewed `schema.pbtxt`.
            gates: the `data` section of the thresholds file.
            production_statistics: statistics of the production model's data, of ProductionModel.
            history_dir: folder that keeps the statistics of spans; empty for none.

        Raises:
            UsageError: the schema is missing or none, or a threshold compares with what is not given.
        """
        check_baselines(gates, has_production=production_statistics is not None, has_history=bool(history_dir))
        interactive.show_gates()
        super().__init__(
            DataValidatorSpec(
                examples=examples,
                production_statistics=production_statistics,
                schema_text=read_schema_text(schema_file),
                gates=gates.model_dump_json(),
                history_dir=history_dir,
                code_digest=code_digest(["weighbridge.components.data_validator"]),
                statistics=types.Channel(type=standard_artifacts.ExampleStatistics),
                schema=types.Channel(type=standard_artifacts.Schema),
                anomalies=types.Channel(type=standard_artifacts.ExampleAnomalies),
            )
        )


def _pipeline(context: Any) -> str:
    """The pipeline's name as the executor's context knows it."""
    return str(getattr(getattr(context, "pipeline_info", None), "id", "") or "PIPELINE")


def _production(artifacts: list[types.Artifact]) -> Baseline | None:
    """What the channel says: not connected, nothing in production, or where the statistics are."""
    if not artifacts:
        return None
    artifact = artifact_utils.get_single_instance(artifacts)
    if not artifact.has_custom_property("exists") or artifact.get_int_custom_property("exists"):
        return production_baseline(artifact.uri)
    if artifact.has_custom_property("version"):
        version = artifact.get_int_custom_property("version")
        problem = f"version {version} is in production without statistics of its data: give Pusher the statistics"
        return production_baseline(None, problem=problem)
    return production_baseline(None, exists=False)
