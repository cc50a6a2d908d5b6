"""What shows to be wrong with an evaluation before anything runs: hours of training are not spent first."""

from collections.abc import Mapping
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.common.serving_python import serving_python
from weighbridge.components.evaluator.gates import LatencyGates, QualityGates
from weighbridge.components.evaluator.latency.budget import too_short
from weighbridge.components.evaluator.quality import providers


def preflight(parameters: Mapping[str, Any], schema_text: str) -> None:
    """Check an Evaluator's parameters.

    Args:
        parameters: of the component.
        schema_text: the reviewed schema of the examples; empty where it is not known yet.

    Raises:
        UsageError: a metric is unknown, the label that built-in metrics need is text or is taken as the unit, a
            limit of latency has no time to be measured in, or there is no environment for the server of a served model.
    """
    if "latency" in parameters:
        latency = LatencyGates.model_validate_json(parameters["latency"])
        check_budget(latency)
        if latency.served is not None:
            serving_python()
    metrics_fn, label = parameters["metrics_fn"], parameters["label"]
    gates = QualityGates.model_validate_json(parameters["quality"])
    names = gates.metric_names()
    providers.check(metrics_fn, names, label)
    providers.check_reserve(metrics_fn, gates.reserve)
    if gates.unit is not None and gates.unit == label:
        raise UsageError(
            f"quality.unit in gates.yaml is {label!r}, the label",
            "It is the column whose rows with the same value belong together, such as a customer's; without it each "
            "row is independent.",
        )
    built_in, _ = providers.divided(names, metrics_fn, label)
    if built_in and schema_text:
        _check_label_type(label, schema_text, built_in[0])


def check_budget(gates: LatencyGates) -> None:
    """Make sure that there is time to measure what limits of latency are about.

    Raises:
        UsageError: no model is so quick that enough calls of it fit the budget.
    """
    for found in too_short(gates):
        if found.never:
            raise UsageError(found.message, found.hint)


def _check_label_type(label: str, schema_text: str, metric: str) -> None:
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema = text_format.Parse(schema_text, schema_pb2.Schema())
    kinds = {feature.name: feature.type for feature in schema.feature}
    if kinds.get(label) == schema_pb2.BYTES:
        raise UsageError(
            f"Label {label!r} is text by schema.pbtxt, and {metric} in gates.yaml needs numbers",
            "Make it a number, e.g. 0 or 1, in the prepare_fn of ExampleGen, and take its new type over with "
            f"weighbridge schema … --accept {label}.",
        )
