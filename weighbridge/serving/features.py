"""What is known of a model's features from the statistics that were kept with it: types, and rows to warm up with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weighbridge.serving.rows import Feature, Kind

_FILE = "FeatureStats.pb"


def kept_features(evidence: Path) -> dict[str, Feature]:
    """The features of the data that a model was trained on, by name; empty where no statistics were kept.

    Args:
        evidence: folder with what is kept with the version.
    """
    return {name: feature for name, (feature, _) in _kept(evidence).items()}


def usual_row(evidence: Path) -> dict[str, Any]:
    """A row of usual values, the median of numbers and the most frequent text; empty where no statistics were kept."""
    return {name: value for name, (_, value) in _kept(evidence).items() if value is not None}


def synthetic_row(features: Mapping[str, Feature]) -> dict[str, Any]:
    """A row that fits the features, for where nothing tells what is usual."""
    values: dict[Kind | None, Any] = {"int": 1, "float": 1.0, "bytes": "", "bool": False, None: 1.0}
    return {
        name: values[each.kind] if each.width == 1 else [values[each.kind]] * (each.width or 1)
        for name, each in features.items()
    }


def _kept(evidence: Path) -> dict[str, tuple[Feature, Any]]:
    from google.protobuf.message import DecodeError
    from tensorflow_metadata.proto.v0 import statistics_pb2

    found: dict[str, tuple[Feature, Any]] = {}
    for path in sorted((evidence / "statistics").glob(f"Split-*/{_FILE}")):
        try:
            told = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
        except (DecodeError, OSError):
            continue
        for dataset in told.datasets:
            for each in dataset.features:
                name = each.name or ".".join(each.path.step)
                found.setdefault(name, _feature(name, each, statistics_pb2))
    return found


def _feature(name: str, told: Any, statistics_pb2: Any) -> tuple[Feature, Any]:
    kinds: dict[int, Kind] = {
        statistics_pb2.FeatureNameStatistics.INT: "int",
        statistics_pb2.FeatureNameStatistics.FLOAT: "float",
        statistics_pb2.FeatureNameStatistics.STRING: "bytes",
        statistics_pb2.FeatureNameStatistics.BYTES: "bytes",
    }
    kind = kinds.get(told.type)
    usual: Any = None
    if told.HasField("num_stats"):
        usual = told.num_stats.median
    elif told.HasField("string_stats") and told.string_stats.top_values:  # of numbers that name something, too
        usual = told.string_stats.top_values[0].value
    try:
        value = None if usual is None else int(usual) if kind == "int" else float(usual) if kind == "float" else usual
    except (ValueError, OverflowError):
        value = None
    return Feature(name, kind), value
