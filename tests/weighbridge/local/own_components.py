"""Components of a user's own that declare what they leave: one with a specification, one that is a function."""

from pathlib import Path
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import component_spec, standard_artifacts

from weighbridge.components.traits import ComponentTraits
from weighbridge.verdict import Bounds, write_gates


class CountedSpec(component_spec.ComponentSpec):
    PARAMETERS: ClassVar = {
        "rows": component_spec.ExecutionParameter(type=int),
        "minimum": component_spec.ExecutionParameter(type=int),
        "leaves": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {}
    OUTPUTS: ClassVar = {
        "rows_made": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "report": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }


class CountedExecutor(base_executor.BaseExecutor):
    """Leaves its gates, or nothing, or something that is not gates."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        [rows], [report] = output_dict["rows_made"], output_dict["report"]
        Path(rows.uri, "data.txt").write_text("x" * exec_properties["rows"])
        rows.set_string_custom_property("content_digest", f"sha256:{exec_properties['rows']}")
        if exec_properties["leaves"] == "gates":
            gates = Bounds(min=exec_properties["minimum"]).judge("own.rows", exec_properties["rows"], unit="rows")
            write_gates(report.uri, gates)
        elif exec_properties["leaves"]:
            Path(report.uri, "gates.json").write_text(exec_properties["leaves"])


class Counted(base_component.BaseComponent):
    """Makes rows and counts them."""

    SPEC_CLASS = CountedSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CountedExecutor)
    TRAITS = ComponentTraits(gates=("report",), examples="rows_made", thresholds=("minimum",))

    def __init__(self, rows: int = 10, minimum: int = 5, leaves: str = "gates") -> None:
        super().__init__(
            CountedSpec(
                rows=rows,
                minimum=minimum,
                leaves=leaves,
                rows_made=types.Channel(type=standard_artifacts.Examples),
                report=types.Channel(type=standard_artifacts.ModelEvaluation),
            )
        )


@component
def Checked(
    examples: InputArtifact[standard_artifacts.Examples],
    report: OutputArtifact[standard_artifacts.ModelEvaluation],
    leaves: Parameter[int] = 1,
) -> None:
    """Looks at rows."""
    if leaves:
        write_gates(report.uri, Bounds(min=1).judge("own.size", Path(examples.uri, "data.txt").stat().st_size))


Checked.TRAITS = ComponentTraits(gates=("report",))
