"""The TFX face of the Pusher."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from weighbridge.attestation.origin import origin_here
from weighbridge.common.digests import code_digest
from weighbridge.common.resources import Resources
from weighbridge.components import interactive
from weighbridge.components.driver import Inputs, OutsideStateDriver
from weighbridge.components.pusher.push import push, push_state
from weighbridge.components.traits import ComponentTraits
from weighbridge.storage.destination import open_destination
from weighbridge.verdict import write_gates

_BLESSINGS = ("blessing", "infra_blessing")


class PusherSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters of the Pusher."""

    PARAMETERS = {
        "destination": component_spec.ExecutionParameter(type=str),
        "push_state": component_spec.ExecutionParameter(type=str),
        "origin": component_spec.ExecutionParameter(type=str),
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


class PusherDriver(OutsideStateDriver):
    """Lets the cache stand for a push only while the model is in production."""

    PROPERTY = "push_state"

    def state(self, exec_properties: Mapping[str, Any], inputs: Inputs | None) -> str:
        """The state of the weighed model at the destination; without inputs a new one, so that every push is made."""
        if inputs is None:
            return uuid.uuid4().hex
        return push_state(artifact_utils.get_single_uri(inputs["evaluation"]), exec_properties["destination"])


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
            origin=origin_here(exec_properties.get("origin") or ""),
            statistics=artifact_utils.get_single_uri(statistics) if statistics else None,
            blessings={
                name: artifact_utils.get_single_instance(input_dict[name]).get_int_custom_property("blessed") == 1
                for name in _BLESSINGS
                if input_dict.get(name)
            },
        )
        write_gates(pushed_model.uri, pushed.gates)
        pushed_model.set_int_custom_property("pushed", int(pushed.record is not None and not pushed.proposed))
        pushed_model.set_string_custom_property("proposed", pushed.proposed)
        if pushed.record is not None:
            pushed_model.set_int_custom_property("already_in_production", int(pushed.already))
            pushed_model.set_string_custom_property("pushed_destination", pushed.path)
            pushed_model.set_string_custom_property("pushed_version", str(pushed.record.version))
            pushed_model.set_string_custom_property("model_digest", pushed.record.model_digest)


class Pusher(base_component.BaseComponent):
    """Pushes a model that was weighed and passed; see the README beside this file.

    Attributes:
        resources: the machine this step needs, and the secrets that it signs with, honoured on Kubeflow.
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(PusherExecutor)
    DRIVER_CLASS = PusherDriver
    TRAITS = ComponentTraits(
        gates=("pushed_model",),
        pushes="pushed_model",
        destination="destination",
        code_digest="code_digest",
        origin="origin",
        defaults={"origin": ""},
        filled_in=("push_state",),
        outside_state=True,
    )

    def __init__(
        self,
        model: types.BaseChannel,
        evaluation: types.BaseChannel,
        *,
        destination: str | Path,
        statistics: types.BaseChannel | None = None,
        blessing: types.BaseChannel | None = None,
        infra_blessing: types.BaseChannel | None = None,
        resources: Resources | None = None,
    ) -> None:
        """Declare a push.

        Args:
            model: the model that was weighed.
            evaluation: the Evaluator's output, holding `verdict.json`.
            destination: base path of a model of TensorFlow Serving: a folder, or `gs://bucket/prefix` or `s3://bucket/prefix`;
                or `models:/name` in MLflow's registry; or a folder in a Git repository that says what is in production,
                `git+https://host/org/config.git//folder`.
            statistics: statistics of the data it was trained on, to be kept with the version.
            blessing: if given, the model must be blessed.
            infra_blessing: if given, the model must be blessed by this too.
            resources: what this step needs on Kubeflow; `Resources(secrets={"WEIGHBRIDGE_SIGNING_KEY": "signing/key"})`
                gives it the key to sign with.

        Raises:
            UsageError: the destination is none of these.
        """
        interactive.show_gates()
        self.resources = resources or Resources()
        super().__init__(
            PusherSpec(
                model=model,
                evaluation=evaluation,
                statistics=statistics,
                blessing=blessing,
                infra_blessing=infra_blessing,
                destination=open_destination(destination).address,
                push_state="",  # the driver knows
                origin="",  # whoever runs or compiles the pipeline knows
                code_digest=code_digest(["weighbridge.components.pusher"]),
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
