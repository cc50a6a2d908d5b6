"""The TFX face of Histories."""

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts

from weighbridge.common.digests import code_digest
from weighbridge.common.resources import Resources
from weighbridge.components.traits import ComponentTraits
from weighbridge.pipelines.recommender.histories.build import SPLITS, HistoriesOptions, build
from weighbridge.pipelines.recommender.histories.gates import HistoriesGates


class HistoriesSpec(component_spec.ComponentSpec):
    """Input, output and parameters of Histories."""

    PARAMETERS = {
        "options": component_spec.ExecutionParameter(type=str),
        "gates": component_spec.ExecutionParameter(type=str),
        "code_digest": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {"lines": component_spec.ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {"histories": component_spec.ChannelParameter(type=standard_artifacts.Examples)}


class HistoriesExecutor(base_executor.BaseExecutor):
    """Calls `build` and tells its summary as artifact properties."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Leave histories, catalogue, summary and gates in the output artifact."""
        self._log_startup(input_dict, output_dict, exec_properties)
        lines = artifact_utils.get_single_instance(input_dict["lines"])
        histories = artifact_utils.get_single_instance(output_dict["histories"])
        summary = build(
            lines.uri,
            histories.uri,
            HistoriesOptions.model_validate_json(exec_properties["options"]),
            HistoriesGates.model_validate_json(exec_properties["gates"]),
        )
        histories.split_names = artifact_utils.encode_split_names(list(SPLITS))
        histories.span = lines.span
        histories.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
        histories.set_string_custom_property("content_digest", summary.content_digest)
        for name, split in summary.splits.items():
            histories.set_int_custom_property(f"rows_{name}", split.rows)


class Histories(base_component.BaseComponent):
    """Cleans order lines and makes rows of customers of them; see the README beside the pipeline.

    Attributes:
        resources: the machine this step needs, honoured on Kubeflow.
    """

    SPEC_CLASS = HistoriesSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(HistoriesExecutor)
    TRAITS = ComponentTraits(
        gates=("histories",), examples="histories", thresholds=("gates",), code_digest="code_digest"
    )

    def __init__(
        self,
        lines: types.BaseChannel,
        *,
        options: HistoriesOptions | None = None,
        gates: HistoriesGates | None = None,
        resources: Resources | None = None,
    ) -> None:
        """Declare the step.

        Args:
            lines: order lines of ExampleGen, with the splits `train` and `eval` by time.
            options: how histories are made.
            gates: what cleaning may leave out, and what must be left.
            resources: the machine this step needs.
        """
        self.resources = resources or Resources()
        super().__init__(
            HistoriesSpec(
                lines=lines,
                options=(options or HistoriesOptions()).model_dump_json(),
                gates=(gates or HistoriesGates()).model_dump_json(),
                code_digest=code_digest(["weighbridge.pipelines.recommender.histories"]),
                histories=types.Channel(type=standard_artifacts.Examples),
            )
        )
