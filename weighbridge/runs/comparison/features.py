"""How far the features of two runs' data are apart, told from the statistics that both keep."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.report.comparison import FeatureDistance

_STATISTICS = "statistics"
_TRAIN = "train"
_MEASURE = "jensen_shannon"  # the one that numbers have, too


def distances(
    before: Mapping[str, Path], after: Mapping[str, Path], split: str = _TRAIN
) -> tuple[tuple[FeatureDistance, ...], str]:
    """Jensen-Shannon divergence of each feature's values in the train splits of two runs.

    Args:
        before: folders of what the first run left, by output key.
        after: of the second run.
        split: the split to compare.

    Returns:
        The features of either, the farthest first; and why there are none, as a sentence.
    """
    if _STATISTICS not in before or _STATISTICS not in after:
        return (), "No distances of features: the statistics of both runs are needed, and are not kept here."
    from weighbridge.components.data_validator.statistics import statistics_path

    paths = [statistics_path(each[_STATISTICS], split) for each in (before, after)]
    try:
        theirs, ours = (_features(path) for path in paths)
    except UsageError as error:
        return (), f"No distances of features: {error.message}."
    found = [_distance(name, theirs.get(name), ours.get(name)) for name in dict.fromkeys([*theirs, *ours])]
    return tuple(sorted(found, key=lambda each: (-(2.0 if each.value is None else each.value), each.feature))), ""


def _features(path: Path) -> dict[str, Any]:
    from weighbridge.components.data_validator.statistics import dataset_of, read_statistics
    from weighbridge.components.data_validator.summary import feature_name

    return {feature_name(feature): feature for feature in dataset_of(read_statistics(path), path).features}


def _distance(name: str, before: Any, after: Any) -> FeatureDistance:
    from weighbridge.components.data_validator.distances import NotComparableError, compare, describe_change

    if before is None or after is None:
        return FeatureDistance(feature=name, value=None, note=f"only in the {'second' if before is None else 'first'}")
    if not (_has_values(before) or _has_values(after)):
        return FeatureDistance(feature=name, value=0.0, note="no values in either")
    try:
        value = compare(_MEASURE, after, before).distance()
        return FeatureDistance(feature=name, value=value, note=describe_change(after, before) if value else "")
    except NotComparableError as error:
        return FeatureDistance(feature=name, value=None, note=str(error))


def _has_values(feature: Any) -> bool:
    from weighbridge.components.data_validator.summary import feature_common

    return bool(feature.WhichOneof("stats") and feature_common(feature).tot_num_values)
