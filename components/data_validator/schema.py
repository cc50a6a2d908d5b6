"""The reviewed schema: read it, infer a first one from statistics, and tell in words how two differ."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common import invocation
from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

SCHEMA_FILE = "schema.pbtxt"

_SHOWN_VALUES = 10
_RARE_FRACTION = 0.01


def read_schema_text(path: str | Path) -> str:
    """Text of the schema file at `path`, known to be a schema.

    Raises:
        UsageError: there is no such file, or it is not a schema.
    """
    try:
        text = Path(path).read_text("utf-8")
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no schema at {path}",
            f"Run `{invocation.command('schema', '--write')}` to infer one from the data, and review it.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The schema at {path} cannot be read: {error}") from error
    parse_schema(text, path)
    return text


def parse_schema(text: str, where: str | Path = "the schema") -> "schema_pb2.Schema":
    """The schema in `text` (protobuf text format); `where` it came from is named in errors.

    Raises:
        UsageError: the text is not a schema, names a feature twice or not at all, or holds a threshold for skew or
            drift, which belongs in gates.yaml.
    """
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        schema = text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise UsageError(
            f"{where} is not a schema: {error}", "Expected tensorflow_metadata's Schema as text."
        ) from error
    names = Counter(feature.name for feature in schema.feature)
    twice = sorted(name for name, times in names.items() if times > 1)
    if twice or "" in names:
        raise UsageError(f"{where}: {f'feature {twice[0]!r} is there twice' if twice else 'a feature has no name'}")
    for feature in schema.feature:
        for comparator in ("skew_comparator", "drift_comparator"):
            if feature.HasField(comparator):
                section = comparator.partition("_")[0]
                raise UsageError(
                    f"{where}: feature {feature.name!r} has a {comparator}, which would be ignored",
                    f"Thresholds live in gates.yaml: put it under data.{section}.",
                )
    return schema


def schema_text(schema: "schema_pb2.Schema") -> str:
    """A schema as the text of a schema file."""
    from google.protobuf import text_format

    return text_format.MessageToString(schema)


def infer_schema(
    statistics: "statistics_pb2.DatasetFeatureStatisticsList",
    *,
    max_domain_size: int = 100,
    lacking: Collection[str] = (),
) -> "schema_pb2.Schema":
    """A first schema for a person to review: what holds for the data that `statistics` describe.

    Args:
        statistics: of all data or of the train split.
        max_domain_size: text with more distinct values than this gets no list of allowed values.
        lacking: features that not every split has.
    """
    from tensorflow_data_validation.api import validation_api

    schema = validation_api.infer_schema(statistics, max_string_domain_size=max_domain_size)
    rare = _rare(statistics)
    for feature in schema.feature:
        if feature.name in rare or feature.name in lacking:
            # A value in one row of a thousand may well be in no row of the next split.
            feature.ClearField("presence")
    schema.feature.sort(key=lambda feature: feature.name)
    schema.string_domain.sort(key=lambda domain: domain.name)
    return schema


def _rare(statistics: "statistics_pb2.DatasetFeatureStatisticsList") -> set[str]:
    """Names of the features that hardly any row has."""
    return {
        ".".join(feature.path.step)
        for dataset in statistics.datasets
        for feature in dataset.features
        for common in [
            feature.num_stats.common_stats if feature.HasField("num_stats") else feature.string_stats.common_stats
        ]
        if common.num_non_missing < _RARE_FRACTION * dataset.num_examples
    }


def schema_diff(old: "schema_pb2.Schema", new: "schema_pb2.Schema") -> list[str]:
    """What changes from `old` to `new`, one sentence per difference; empty where both demand the same.

    The order of features and of a domain's values does not count, nor does the name of a domain.
    """
    before, after = _features(old), _features(new)
    lines = [f"Feature {name!r} is gone." for name in before if name not in after]
    for name, feature in after.items():
        demands = _demands(feature, new)
        if name not in before:
            description = "; ".join(f"{aspect} {value}" for aspect, value in demands.items() if isinstance(value, str))
            lines.append(f"Feature {name!r} is new: {description}.")
            continue
        earlier = _demands(before[name], old)
        lines += [
            f"Feature {name!r}: {_change(aspect, earlier.get(aspect), demands.get(aspect))}."
            for aspect in {**earlier, **demands}
            if earlier.get(aspect) != demands.get(aspect)
        ]
    ours, theirs = _others(old, {"feature", "string_domain"}), _others(new, {"feature", "string_domain"})
    return lines + [
        f"Schema: {_change(field, ours.get(field), theirs.get(field))}."
        for field in {**ours, **theirs}
        if ours.get(field) != theirs.get(field)
    ]


Demand = str | frozenset[str]


def allowed_values(feature: Any, schema: "schema_pb2.Schema") -> list[str] | None:
    """The values a text feature may have, in the schema's order; None where any is allowed."""
    if feature.HasField("string_domain"):
        return list(feature.string_domain.value)
    if feature.HasField("domain"):
        return next((list(domain.value) for domain in schema.string_domain if domain.name == feature.domain), None)
    return None


def listed(values: list[str]) -> str:
    """Values for a sentence, the first ten of many."""
    shown = ", ".join(repr(value) for value in values[:_SHOWN_VALUES])
    more = len(values) - _SHOWN_VALUES
    return f"{shown} and {more:,} more" if more > 0 else shown


def presence_text(feature: Any) -> str:
    """How often a feature must be there."""
    if feature.presence.min_fraction >= 1:
        return "in every row"
    if feature.presence.min_fraction > 0:
        return f"in at least {feature.presence.min_fraction:.4%} of the rows".replace(".0000%", "%")
    return "in at least one row" if feature.presence.min_count else "optional"


def _features(schema: "schema_pb2.Schema") -> dict[str, Any]:
    return {feature.name: feature for feature in sorted(schema.feature, key=lambda feature: feature.name)}


def _demands(feature: Any, schema: "schema_pb2.Schema") -> dict[str, Demand]:
    """All that a schema demands of a feature, by aspect: in words, or as a set of values."""
    from tensorflow_metadata.proto.v0 import schema_pb2

    demands: dict[str, Demand] = {
        "type": schema_pb2.FeatureType.Name(feature.type),
        "presence": presence_text(feature),
    }
    values = allowed_values(feature, schema)
    if values is not None:
        demands["allowed values"] = frozenset(values)
    return demands | _others(feature, {"name", "type", "presence", "domain", "string_domain"})


def _others(message: Any, description: set[str]) -> dict[str, Demand]:
    """The fields that are set beside those already told, each as one line of text."""
    from google.protobuf import text_format

    single = type(message)()
    lines: dict[str, Demand] = {}
    for field, _ in message.ListFields():
        if field.name not in description:
            single.CopyFrom(message)
            for other, _ in message.ListFields():
                if other.name != field.name:
                    single.ClearField(other.name)
            text = text_format.MessageToString(single, as_one_line=True)
            lines[field.name.replace("_", " ")] = text.removeprefix(field.name).lstrip(": ")
    return lines


def _change(aspect: str, before: Demand | None, after: Demand | None) -> str:
    if isinstance(before, frozenset) and isinstance(after, frozenset):
        gained, lost = sorted(after - before), sorted(before - after)
        description = [f"{aspect} gain {listed(gained)}"] if gained else []
        return "; ".join(description + ([f"{aspect} lose {listed(lost)}"] if lost else []))
    return f"{aspect} {_shown(before)} → {_shown(after)}"


def _shown(demand: Demand | None) -> str:
    if demand is None:
        return "any"
    return demand if isinstance(demand, str) else listed(sorted(demand))
