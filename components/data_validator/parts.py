"""Validation of many features, some at a time: TFDV's time grows with the square of their number.

Whether a feature is as the schema says depends on this feature alone, unless the schema says more than that.
"""

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from weighbridge.common.progress import report
from weighbridge.components.data_validator.summary import feature_name

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

FEATURES_AT_ONCE = 100

_SEPARABLE = {"feature", "string_domain"}  # fields of a schema that speak of one feature each


def validate_in_parts(
    statistics: "statistics_pb2.DatasetFeatureStatisticsList", schema: "schema_pb2.Schema"
) -> "anomalies_pb2.Anomalies":
    """What TFDV finds in statistics that a schema does not allow, as it would find it in all features at once."""
    from tensorflow_data_validation.api import validation_api
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    if not _is_separable(statistics, schema):
        return validation_api.validate_statistics(statistics, schema)
    result = anomalies_pb2.Anomalies()
    done = 0
    for some_statistics, some_schema in _parts(statistics.datasets[0], schema):
        found = validation_api.validate_statistics(some_statistics, some_schema)
        for name, info in found.anomaly_info.items():
            result.anomaly_info[name].CopyFrom(info)
        found.ClearField("anomaly_info")
        found.ClearField("baseline")
        result.MergeFrom(found)
        done += len(some_statistics.datasets[0].features)
        report(f"{done:,} features held against the schema")
    result.baseline.CopyFrom(schema)
    return result


def _is_separable(statistics: "statistics_pb2.DatasetFeatureStatisticsList", schema: "schema_pb2.Schema") -> bool:
    if len(statistics.datasets) != 1:
        return False
    [dataset] = statistics.datasets
    return (
        max(len(dataset.features), len(schema.feature)) > FEATURES_AT_ONCE
        and dataset.num_examples > 0
        and not dataset.cross_features
        and {field.name for field, _ in schema.ListFields()} <= _SEPARABLE
        and all(len(feature.path.step) == 1 for feature in dataset.features)
        and not any(
            feature.HasField("struct_domain") or feature.HasField("group_presence") for feature in schema.feature
        )
    )


def _parts(
    dataset: "statistics_pb2.DatasetFeatureStatistics", schema: "schema_pb2.Schema"
) -> "Iterator[tuple[statistics_pb2.DatasetFeatureStatisticsList, schema_pb2.Schema]]":
    """Statistics and schema of some features each, all features taken together."""
    from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

    found = {feature_name(feature): feature for feature in dataset.features}
    expected = {feature.name: feature for feature in schema.feature}
    domains = {domain.name: domain for domain in schema.string_domain}
    names = list(dict.fromkeys(chain(expected, found)))
    for start in range(0, len(names), FEATURES_AT_ONCE):
        some = names[start : start + FEATURES_AT_ONCE]
        some_statistics = statistics_pb2.DatasetFeatureStatisticsList()
        some_statistics.datasets.add(
            name=dataset.name,
            num_examples=dataset.num_examples,
            weighted_num_examples=dataset.weighted_num_examples,
            features=[found[name] for name in some if name in found],
        )
        features = [expected[name] for name in some if name in expected]
        named = dict.fromkeys(feature.domain for feature in features if feature.domain in domains)
        some_schema = schema_pb2.Schema(feature=features, string_domain=[domains[name] for name in named])
        yield some_statistics, some_schema
