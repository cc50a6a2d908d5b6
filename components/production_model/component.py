"""The TFX face of ProductionModel."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from weighbridge.common.digests import code_digest
from weighbridge.common.resources import Resources
from weighbridge.components import interactive
from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.components.driver import Inputs, OutsideStateDriver
from weighbridge.components.production_model.fetch import fetch_production, production_state
from weighbridge.components.production_model.standing import verify_production
from weighbridge.components.traits import ComponentTraits
from weighbridge.storage.destination import open_destination


class ProductionModelSpec(component_spec.ComponentSpec):
    """Outputs and parameters of ProductionModel; it has no inputs."""

    PARAMETERS = {
        "destination": component_spec.ExecutionParameter(type=str),
        "production_state": component_spec.ExecutionParameter(type=str),
        "code_digest": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, Any] = {}
    OUTPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }


class ProductionModelDriver(OutsideStateDriver):
    """Puts the state of production into the cache's key: the step runs again exactly when production changed."""

    PROPERTY = "production_state"

    def state(self, exec_properties: Mapping[str, Any], inputs: Inputs | None) -> str:
        """The digest of the record, or that there is none; what is in production must be what the record says."""
        verify_production(exec_properties["destination"])
        return production_state(exec_properties["destination"])


class ProductionModelExecutor(base_executor.BaseExecutor):
    """Calls `fetch_production` and tells its answer as artifact properties."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Leave model and statistics in the output artifacts, or leave them empty with `exists` = 0."""
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(output_dict["model"])
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        fetched = fetch_production(
            exec_properties["destination"],
            path_utils.serving_model_dir(model.uri),
            statistics.uri,
            expected_state=exec_properties.get("production_state") or "",
        )
        statistics.split_names = artifact_utils.encode_split_names(list(fetched.splits))
        model.set_string_custom_property(LOOKED_UP_AT, exec_properties["destination"])
        model.set_int_custom_property("exists", int(fetched.record is not None))
        statistics.set_int_custom_property("exists", int(bool(fetched.splits)))
        if fetched.record is not None:
            for artifact in (model, statistics):
                artifact.set_int_custom_property("version", fetched.record.version)
                artifact.set_string_custom_property("model_digest", fetched.record.model_digest)
                artifact.set_string_custom_property("run_id", fetched.record.run_id)


class ProductionModel(base_component.BaseComponent):
    """The model in production and the statistics of its training data; see the README beside this file.

    Attributes:
        resources: the machine this step needs, and the secrets that it looks up with, honoured on Kubeflow.
    """

    SPEC_CLASS = ProductionModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ProductionModelExecutor)
    DRIVER_CLASS = ProductionModelDriver
    TRAITS = ComponentTraits(
        looked_up=("model", "statistics"),
        code_digest="code_digest",
        filled_in=("production_state",),
        outside_state=True,
    )

    def __init__(self, destination: str | Path, *, resources: Resources | None = None) -> None:
        """Declare the look-up.

        Args:
            destination: the folder, `gs://bucket/prefix`, `s3://bucket/prefix` or `models:/name` that the Pusher
                pushes to.
            resources: what this step needs on Kubeflow; secrets such as
                `{"MLFLOW_TRACKING_PASSWORD": "mlflow/password"}` give it what MLflow asks for.

        Raises:
            UsageError: it is none of these.
        """
        interactive.show_gates()
        self.resources = resources or Resources()
        super().__init__(
            ProductionModelSpec(
                destination=open_destination(destination).address,
                production_state="",  # the driver knows
                code_digest=code_digest(["weighbridge.components.production_model"]),
                model=types.Channel(type=standard_artifacts.Model),
                statistics=types.Channel(type=standard_artifacts.ExampleStatistics),
            )
        )
