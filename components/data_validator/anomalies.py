"""Departures from the schema: found by TFDV, reported feature by feature with what was observed and what is allowed."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common import files, invocation
from weighbridge.components.data_validator.parts import validate_in_parts
from weighbridge.components.data_validator.schema import allowed_values, listed, presence_text
from weighbridge.components.data_validator.summary import feature_common, feature_name, missing_fraction
from weighbridge.verdict import Gate, Severity, Status
from weighbridge.verdict.gate import format_value

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

ANOMALIES_FILE = "SchemaDiff.pb"

_TYPES = {"INT": "whole numbers", "FLOAT": "numbers with a decimal point", "STRING": "text", "BYTES": "text"}


@dataclass(frozen=True)
class Finding:
    """One way in which a feature departs from the schema.

    Attributes:
        text: what is wrong, as a sentence about the feature.
        observed: what the data hold.
        allowed: what the schema allows.
    """

    text: str
    observed: str
    allowed: str


def find_anomalies(
    statistics: "statistics_pb2.DatasetFeatureStatisticsList", schema: "schema_pb2.Schema"
) -> "anomalies_pb2.Anomalies":
    """What TFDV finds in a split's statistics that `schema` does not allow."""
    return validate_in_parts(statistics, schema)


def write_anomalies(folder: str | Path, split: str, anomalies: "anomalies_pb2.Anomalies") -> Path:
    """Write a split's anomalies where TFX keeps them in an ExampleAnomalies artifact."""
    path = Path(folder, f"Split-{split}", ANOMALIES_FILE)
    return files.write_bytes(path, anomalies.SerializeToString(deterministic=True))


def is_clean(anomalies: "anomalies_pb2.Anomalies") -> bool:
    """Whether nothing was found, and there were data to find it in."""
    return not (anomalies.anomaly_info or anomalies.HasField("dataset_anomaly_info") or anomalies.data_missing)


def anomaly_gates(
    split: str,
    anomalies: "anomalies_pb2.Anomalies",
    dataset: "statistics_pb2.DatasetFeatureStatistics",
    schema: "schema_pb2.Schema",
    severity: Severity = "blocking",
    pipeline: str = "PIPELINE",
) -> list[Gate]:
    """One gate per feature that departs from the schema; one that passes where none does.

    Args:
        split: name of the split.
        anomalies: what `find_anomalies` found in it.
        dataset: its statistics.
        schema: what it was validated against.
        severity: of a departure.
        pipeline: its name, for the command to run next where nobody said how it was started.

    Returns:
        `data.<split>.<feature>.schema` for each departure, else `data.<split>.schema`.
    """
    gates = []
    if anomalies.data_missing or not dataset.num_examples:
        text = f"The {split} split has no rows to hold against the schema."
        gates.append(_dataset_gate(split, "unmeasured", text, severity))
    elif anomalies.HasField("dataset_anomaly_info"):
        text = f"The {split} split as a whole: {anomalies.dataset_anomaly_info.description}"
        gates.append(_dataset_gate(split, "refused", f"{text} {_advice(pipeline)}", severity))
    found = {feature_name(feature): feature for feature in dataset.features}
    expected = {feature.name: feature for feature in schema.feature}
    for key in sorted(anomalies.anomaly_info):
        info = anomalies.anomaly_info[key]
        name = ".".join(info.path.step) or key
        findings = _findings(info, found.get(name), expected.get(name), schema, dataset.num_examples)
        gates.append(
            Gate(
                name=f"data.{split}.{name}.schema",
                status="refused",
                severity=severity,
                observed="; ".join(dict.fromkeys(finding.observed for finding in findings)),
                threshold="; ".join(dict.fromkeys(finding.allowed for finding in findings)),
                message=f"{name} in the {split} split {'; it '.join(finding.text for finding in findings)}. "
                f"{_advice(pipeline, '--accept', name)}",
            )
        )
    if gates:
        return gates
    count = len(schema.feature)
    return [
        Gate(
            name=f"data.{split}.schema",
            status="passed",
            severity=severity,
            observed=0,
            threshold=0,
            unit="anomalies",
            message=f"The {split} split is as the schema says ({count} feature{'s' * (count != 1)}).",
        )
    ]


def _advice(pipeline: str, *options: str) -> str:
    command = invocation.command("schema", *options, pipeline=pipeline)
    return f"Correct the data, or take the change over into the schema: `{command}`."


def _dataset_gate(split: str, status: Status, message: str, severity: Severity) -> Gate:
    return Gate(name=f"data.{split}.schema", status=status, severity=severity, threshold=0, message=message)


def _findings(info: Any, feature: Any, expected: Any, schema: Any, rows: int) -> list[Finding]:
    """All that is wrong with one feature. What merely follows from something else is reported only when alone."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    names = [anomalies_pb2.AnomalyInfo.Type.Name(reason.type) for reason in info.reason]
    findings = [
        _finding(name, reason, feature, expected, schema, rows)
        for name, reason in zip(names, info.reason, strict=True)
        if name not in _CONSEQUENCES or len(names) == 1
    ]
    return findings or [Finding(_sentence(info.description or info.short_description), "anomaly", "none")]


def _finding(kind: str, reason: Any, feature: Any, expected: Any, schema: Any, rows: int) -> Finding:
    if kind == "SCHEMA_NEW_COLUMN":
        return Finding("is not in the schema", "in the data", "only the features of the schema")
    if kind == "SCHEMA_MISSING_COLUMN" and expected is not None:
        return Finding("is missing: the data have no such column", "no column", presence_text(expected))
    if feature is None or expected is None:
        return _as_described(reason)
    if kind == "UNEXPECTED_DATA_TYPE":
        return _wrong_type(feature, expected)
    if kind == "FEATURE_TYPE_NOT_PRESENT":
        return Finding("has no value in any row", "no value", presence_text(expected))
    if kind == "FEATURE_TYPE_LOW_FRACTION_PRESENT":
        present = f"in {1 - missing_fraction(feature, rows):.2%} of the rows"
        allowed = presence_text(expected)
        return Finding(f"is there {present}, but must be {allowed}", present, allowed)
    if kind == "ENUM_TYPE_UNEXPECTED_STRING_VALUES":
        return _unknown_values(feature, expected, schema, rows) or _as_described(reason)
    if kind in _RANGE:
        observed, allowed = _number_range(feature, expected)
        return Finding(f"has values {observed}, but {allowed} is allowed", observed, allowed)
    if kind in _COUNT and (expected.HasField("value_count") or expected.HasField("shape")):
        observed, allowed = _value_counts(feature, expected, rows)
        return Finding(f"has {observed} in a row, but must have {allowed}", observed, allowed)
    return _as_described(reason)


_CONSEQUENCES = ("INVALID_FEATURE_SHAPE", "FLOAT_TYPE_STRING_NOT_FLOAT", "INT_TYPE_NOT_INT_STRING")
_RANGE = ("INT_TYPE_BIG_INT", "INT_TYPE_SMALL_INT", "FLOAT_TYPE_BIG_FLOAT", "FLOAT_TYPE_SMALL_FLOAT")
_COUNT = ("FEATURE_TYPE_HIGH_NUMBER_VALUES", "FEATURE_TYPE_LOW_NUMBER_VALUES", "INVALID_FEATURE_SHAPE")


def _wrong_type(feature: Any, expected: Any) -> Finding:
    from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

    observed = statistics_pb2.FeatureNameStatistics.Type.Name(feature.type)
    allowed = schema_pb2.FeatureType.Name(expected.type)
    here, there = _TYPES.get(observed, observed), _TYPES.get(allowed, allowed)
    examples = [label for label in _labels(feature) if not _is_number(label)] if there != "text" else []
    such_as = f", such as {listed(examples[:3])}," if examples else ""
    return Finding(f"holds {here}{such_as} but must hold {there}", here, there)


def _unknown_values(feature: Any, expected: Any, schema: Any, rows: int) -> Finding | None:
    allowed = allowed_values(expected, schema)
    if allowed is None:
        return None
    known = set(allowed)
    counts = {
        bucket.label: bucket.sample_count
        for bucket in feature.string_stats.rank_histogram.buckets
        if bucket.label not in known
    }
    if not counts:
        return None
    observed = listed(list(counts))
    text = f"has values that the schema does not know: {observed} ({sum(counts.values()) / rows:.2%} of the rows)"
    return Finding(text, observed, listed(allowed))


def _number_range(feature: Any, expected: Any) -> tuple[str, str]:
    low, high = _extremes(feature)
    observed = f"from {format_value(low)} to {format_value(high)}"
    domain = getattr(expected, expected.WhichOneof("domain_info"))
    least = format_value(domain.min) if domain.HasField("min") else "-∞"
    most = format_value(domain.max) if domain.HasField("max") else "∞"
    return observed, f"{least} to {most}"


def _extremes(feature: Any) -> tuple[float, float]:
    if feature.WhichOneof("stats") == "num_stats":
        return feature.num_stats.min, feature.num_stats.max
    numbers = [float(label) for label in _labels(feature) if _is_number(label)]  # of a categorical integer
    return min(numbers, default=math.nan), max(numbers, default=math.nan)


def _value_counts(feature: Any, expected: Any, rows: int) -> tuple[str, str]:
    common = feature_common(feature)
    lowest = 0 if common.num_non_missing < rows else common.min_num_values
    observed = _counts(lowest, common.max_num_values)
    if expected.HasField("shape"):
        size = math.prod(dimension.size for dimension in expected.shape.dim)
        return observed, _counts(size, size)
    count = expected.value_count
    return observed, _counts(count.min, count.max) if count.max else f"at least {_counts(count.min, count.min)}"


def _counts(low: int, high: int) -> str:
    return f"{low} value{'s' * (low != 1)}" if low == high else f"{low} to {high} values"


def _as_described(reason: Any) -> Finding:
    return Finding(
        _sentence(reason.description), reason.short_description or "departs from the schema", "as in the schema"
    )


def _sentence(description: str) -> str:
    return f"departs from the schema ({description.strip().rstrip('.')})"


def _labels(feature: Any) -> list[str]:
    return [bucket.label for bucket in feature.string_stats.rank_histogram.buckets]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
