"""The TFX face of the Pusher."""

import uuid
from pathlib import Path
from typing import Any

from google.protobuf import message
from tfx import types
from tfx.dsl.components.base import base_component, base_driver, base_executor, executor_spec
from tfx.orchestration import data_types, data_types_utils, metadata
from tfx.orchestration.portable import base_driver as portable_base_driver
from tfx.orchestration.portable import data_types as portable_data_types
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from weighbridge.common.digests import code_digest
from weighbridge.components.pusher.push import push, push_state
from weighbridge.storage.destination import open_destination
from weighbridge.verdict import write_gates

_BLESSINGS = ("blessing", "infra_blessing")


class PusherSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters of the Pusher."""

    PARAMETERS = {
        "destination": component_spec.ExecutionParameter(type=str),
        "push_state": component_spec.ExecutionParameter(type=str),
        "code_digest": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing, optional=True),
        "infra_blessing": component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing, optional=True),
    }
    OUTPUTS = {"pushed_model": component_spec.ChannelParameter(type=standard_artifacts.PushedModel)}


class PusherDriver(base_driver.BaseDriver, portable_base_driver.BaseDriver):
    """Lets the cache stand for a push only while the model is in production."""

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_base_driver.BaseDriver.__init__(self, metadata_handle)

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Called in notebooks, where the inputs are not known: every push is made."""
        return exec_properties | {"push_state": uuid.uuid4().hex}

    def run(self, execution_info: portable_data_types.ExecutionInfo) -> message.Message:
        """Called by TFX's portable launcher, before it looks into its cache."""
        result = driver_output_pb2.DriverOutput()  # type: ignore[attr-defined]
        evaluation = artifact_utils.get_single_uri(execution_info.input_dict["evaluation"])
        state = push_state(evaluation, execution_info.exec_properties["destination"])
        data_types_utils.set_metadata_value(result.exec_properties["push_state"], state)
        return result


class PusherExecutor(base_executor.BaseExecutor):
    """Calls `push` and tells its answer as stock Pusher does."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Push, or leave the gates that refused."""
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(input_dict["model"])
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        statistics = input_dict.get("statistics")
        pushed = push(
            path_utils.serving_model_path(model.uri),
            artifact_utils.get_single_uri(input_dict["evaluation"]),
            exec_properties["destination"],
            statistics=artifact_utils.get_single_uri(statistics) if statistics else None,
            blessings={
                name: artifact_utils.get_single_instance(input_dict[name]).get_int_custom_property("blessed") == 1
                for name in _BLESSINGS
                if input_dict.get(name)
            },
        )
        write_gates(pushed_model.uri, pushed.gates)
        pushed_model.set_int_custom_property("pushed", int(pushed.record is not None))
        if pushed.record is not None:
            pushed_model.set_int_custom_property("already_in_production", int(pushed.already))
            pushed_model.set_string_custom_property("pushed_destination", pushed.path)
            pushed_model.set_string_custom_property("pushed_version", str(pushed.record.version))
            pushed_model.set_string_custom_property("model_digest", pushed.record.model_digest)


class Pusher(base_component.BaseComponent):
    """Pushes a model that was weighed and passed; see the README beside this file."""

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(PusherExecutor)
    DRIVER_CLASS = PusherDriver
    OUTSIDE_STATE = True  # no cache that knows its inputs only may stand for it

    def __init__(
        self,
        model: types.BaseChannel,
        evaluation: types.BaseChannel,
        *,
        destination: str | Path,
        statistics: types.BaseChannel | None = None,
        blessing: types.BaseChannel | None = None,
        infra_blessing: types.BaseChannel | None = None,
    ) -> None:
        """Declare a push.

        Args:
            model: the model that was weighed.
            evaluation: the Evaluator's output, holding `verdict.json`.
            destination: base path of a model of TensorFlow Serving: a folder, or `gs://bucket/prefix`.
            statistics: statistics of the data it was trained on, to be kept with the version.
            blessing: if given, the model must be blessed.
            infra_blessing: if given, the model must be blessed by this too.

        Raises:
            UsageError: the destination is neither.
        """
        super().__init__(
            PusherSpec(
                model=model,
                evaluation=evaluation,
                statistics=statistics,
                blessing=blessing,
                infra_blessing=infra_blessing,
                destination=open_destination(destination).address,
                push_state="",  # the driver knows
                code_digest=code_digest(["weighbridge.components.pusher"]),
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
