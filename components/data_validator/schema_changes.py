"""What of the data departs from the reviewed schema, and the schema with some of these changes taken over.

TFDV says what the smallest change is: a domain gains a value, a range grows. All else stays as people reviewed it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.components.data_validator.anomalies import find_anomalies
from weighbridge.components.data_validator.summary import feature_common, feature_name

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

    SplitStatistics = Mapping[str, statistics_pb2.DatasetFeatureStatisticsList]


@dataclass(frozen=True)
class Departures:
    """What would be refused.

    Attributes:
        reviewed: the schema as it is.
        accepting: the schema that all splits fit, as near to the reviewed one as can be.
        features: names of the features in which they differ, sorted.
    """

    reviewed: "schema_pb2.Schema"
    accepting: "schema_pb2.Schema"
    features: tuple[str, ...]

    @property
    def added(self) -> tuple[str, ...]:
        """The features that the reviewed schema does not know."""
        known = {feature.name for feature in self.reviewed.feature}
        return tuple(name for name in self.features if name not in known)

    def taken_over(self, names: Collection[str]) -> "schema_pb2.Schema":
        """The reviewed schema with what the data say of these features."""
        return _with_features(self.reviewed, self.accepting, [name for name in self.features if name in names])


def departing(reviewed: "schema_pb2.Schema", splits: "SplitStatistics") -> list[str]:
    """Names of the features in which a split departs from the schema, sorted."""
    found: set[str] = set()
    for statistics in splits.values():
        if statistics.datasets[0].num_examples:
            anomalies = find_anomalies(statistics, reviewed)
            found |= {".".join(info.path.step) or key for key, info in anomalies.anomaly_info.items()}
    return sorted(found)


def departures(
    reviewed: "schema_pb2.Schema", splits: "SplitStatistics", inferred: "schema_pb2.Schema", *, max_domain_size: int
) -> Departures:
    """Compare data with the reviewed schema, split by split as a run does.

    Args:
        reviewed: the schema.
        splits: statistics of each split, computed with the reviewed schema.
        inferred: what `infer_schema` makes of all the data, for features that are new or of another type.
        max_domain_size: a list of allowed values that would grow longer than this is dropped.
    """
    from tensorflow_data_validation.api import validation_api

    names = departing(reviewed, splits)
    longest = max((len(domain.value) for domain in reviewed.string_domain), default=0)
    limit = max(max_domain_size, 2 * longest)  # a long list that was reviewed may grow
    accepting = _copy(reviewed)
    _without_presence(accepting, splits)
    for statistics in splits.values():
        if departing(accepting, {"": statistics}):
            accepting = validation_api.update_schema(accepting, statistics, max_string_domain_size=limit)
    here = {feature_name(feature) for statistics in splits.values() for feature in statistics.datasets[0].features}
    known = {feature.name: feature for feature in reviewed.feature}
    deprecated = {
        feature.name
        for feature in accepting.feature
        if feature.name not in known or feature.lifecycle_stage != known[feature.name].lifecycle_stage
    }
    result = _with_features(reviewed, accepting, [name for name in names if name not in deprecated and name in here])
    result = _with_features(result, inferred, [name for name in names if name in deprecated or name not in here])
    # What the smallest change does not mend is taken from the data as it is.
    left = [name for name in departing(result, splits) if name in names]
    return Departures(reviewed, _with_features(result, inferred, left), tuple(names))


def _without_presence(schema: "schema_pb2.Schema", splits: "SplitStatistics") -> None:
    """Let a feature be missing that some of the splits have, and others lack."""
    having = [
        {feature_name(each) for each in statistics.datasets[0].features if feature_common(each).num_non_missing}
        for statistics in splits.values()
        if statistics.datasets[0].num_examples
    ]
    for feature in schema.feature:
        if any(feature.name in names for names in having) and not all(feature.name in names for names in having):
            feature.ClearField("presence")


def _with_features(
    schema: "schema_pb2.Schema", source: "schema_pb2.Schema", names: Collection[str]
) -> "schema_pb2.Schema":
    """`schema` with these features as `source` has them: changed in their place, added at the end, or gone."""
    result = _copy(schema)
    wanted = {feature.name: feature for feature in source.feature}
    domains = {domain.name: domain for domain in source.string_domain}
    for name in names:
        here = next((feature for feature in result.feature if feature.name == name), None)
        before = here.domain if here is not None else ""
        if name not in wanted:
            if here is not None:
                result.feature.remove(here)
        else:
            here = result.feature.add() if here is None else here
            here.CopyFrom(wanted[name])
            if here.domain in domains:
                _put_domain(result, here, domains[here.domain])
        if before and not any(feature.domain == before for feature in result.feature):
            unused = next((domain for domain in result.string_domain if domain.name == before), None)
            if unused is not None:
                result.string_domain.remove(unused)
    return result


def _copy(schema: "schema_pb2.Schema") -> "schema_pb2.Schema":
    copied = type(schema)()
    copied.CopyFrom(schema)
    return copied


def _put_domain(schema: "schema_pb2.Schema", feature: Any, domain: Any) -> None:
    """Give a feature the values of a domain: under its name, or in the feature itself where others use the name."""
    here = next((each for each in schema.string_domain if each.name == domain.name), None)
    if here is None:
        schema.string_domain.add().CopyFrom(domain)
    elif set(here.value) <= set(domain.value):
        here.value.extend(value for value in domain.value if value not in here.value)
    else:
        feature.string_domain.value.extend(domain.value)
