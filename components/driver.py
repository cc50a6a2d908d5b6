"""A driver that looks outside before TFX's cache is asked: the state of what no input names is part of the cache's key.

This is the one shared module that imports tfx, for the components whose outcome depends on such a state.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from google.protobuf import message
from tfx import types
from tfx.dsl.components.base import base_driver
from tfx.orchestration import data_types, data_types_utils, metadata
from tfx.orchestration.portable import base_driver as portable_base_driver
from tfx.orchestration.portable import data_types as portable_data_types
from tfx.proto.orchestration import driver_output_pb2

Inputs = Mapping[str, list[types.Artifact]]


class OutsideStateDriver(base_driver.BaseDriver, portable_base_driver.BaseDriver):
    """Resolves one execution property, `PROPERTY`, from the state of something outside.

    Attributes:
        PROPERTY: the property's name; its declared value is empty.
    """

    PROPERTY: ClassVar[str]

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_base_driver.BaseDriver.__init__(self, metadata_handle)

    @abstractmethod
    def state(self, exec_properties: Mapping[str, Any], inputs: Inputs | None) -> str:
        """A word that changes exactly when the step must run again although its inputs are the same.

        Args:
            exec_properties: of the step.
            inputs: its artifacts; None in a notebook, where drivers are not told them.
        """

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Called in notebooks."""
        return exec_properties | {self.PROPERTY: self.state(exec_properties, None)}

    def run(self, execution_info: portable_data_types.ExecutionInfo) -> message.Message:
        """Called by TFX's portable launcher, before it looks into its cache."""
        result = driver_output_pb2.DriverOutput()  # type: ignore[attr-defined]
        state = self.state(execution_info.exec_properties, execution_info.input_dict)
        data_types_utils.set_metadata_value(result.exec_properties[self.PROPERTY], state)
        return result
