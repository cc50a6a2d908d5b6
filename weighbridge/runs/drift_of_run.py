"""What the gates on skew and drift can find with the data of a run, told from the statistics that it kept."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.common.errors import UsageError
from weighbridge.components.data_validator.baseline import EVAL_SPLIT, TRAIN_SPLIT
from weighbridge.components.data_validator.distances import NotComparableError, compare
from weighbridge.components.data_validator.findable import Findable
from weighbridge.components.data_validator.statistics import dataset_of, read_statistics, statistics_path
from weighbridge.components.data_validator.summary import feature_name
from weighbridge.runs.record import Run
from weighbridge.runs.run_evidence import own_artifacts
from weighbridge.thresholds.in_force import KeyInForce

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

_STATISTICS = "statistics"


class DriftOfRun:
    """The statistics of a run, and of what was in production then.

    Args:
        run: whose DataValidator kept them; where they are gone nothing can be told.
    """

    def __init__(self, run: Run) -> None:
        own = {each.uri for each in own_artifacts(run) if each.key == _STATISTICS}
        kept = [each.uri for each in run.record.artifacts if each.key == _STATISTICS]
        self._own = next((Path(uri) for uri in kept if uri in own), None)
        self._production = next((Path(uri) for uri in kept if uri not in own), None)
        self._read: dict[Path, dict[str, statistics_pb2.FeatureNameStatistics]] = {}

    def findable(self, key: KeyInForce) -> Findable | None:
        """What the gate of a key can find.

        Where nothing was compared yet, it is told for as many rows as the run had, of the same distribution.

        Args:
            key: such as `data.drift.production.fare.jensen_shannon.max`.
        """
        if self._own is None or key.location[0] != "data" or key.location[1] not in ("skew", "drift"):
            return None
        *where, feature, measure, _ = key.location[1:]
        train = self._features(self._own, TRAIN_SPLIT).get(feature)
        current, reference = train, train
        if where == ["skew"]:
            current = self._features(self._own, EVAL_SPLIT).get(feature)
        elif where[-1] == "production" and self._production is not None:
            reference = self._features(self._production, TRAIN_SPLIT).get(feature, train)
        if current is None or reference is None:
            return None
        try:
            found = compare(measure, current, reference)
        except NotComparableError:
            return None
        ours, theirs = found.rows
        shares = (found.ours * ours + found.theirs * theirs) / (ours + theirs)
        return Findable(measure, float(key.value), shares / shares.sum(), found.rows)

    def _features(self, folder: Path, split: str) -> "dict[str, statistics_pb2.FeatureNameStatistics]":
        path = statistics_path(folder, split)
        if path not in self._read:
            self._read[path] = {}
            with contextlib.suppress(UsageError):
                whole = dataset_of(read_statistics(path), path)
                self._read[path] = {feature_name(feature): feature for feature in whole.features}
        return self._read[path]
