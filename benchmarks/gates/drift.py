"""The rules on drift: is a newer sample of a column another distribution than the older one?"""

from collections.abc import Callable
from functools import cache
from typing import Any

from benchmarks.gates import evidently
from benchmarks.gates.columns import LIMIT, Kind, Values
from benchmarks.gates.outcomes import Answer
from benchmarks.gates.statistics import COLUMN, statistics_of
from weighbridge.components.data_validator.drift import Comparison
from weighbridge.components.data_validator.gates import Distances
from weighbridge.verdict import Bounds

OURS = "Weighbridge"
_LINF = 0.01  # what TFDV's and Vertex AI's examples set for categories
_HIGH = "COMPARATOR_"

Rule = Callable[[Values, Values, Kind], Answer]


def weighbridge(current: Values, reference: Values, kind: Kind) -> Answer:
    """DataValidator's gate on the Jensen-Shannon divergence."""
    gates = Comparison(
        kind="drift_previous",
        room="data.drift.previous_span",
        thresholds={COLUMN: Distances(jensen_shannon=Bounds(max=LIMIT))},
        current=statistics_of(current, kind),
        reference=statistics_of(reference, kind),
        titles=("the newer rows", "the older rows"),
    ).gates()
    return "refused" if any(gate.refuses for gate in gates) else "passed"


def tfdv(comparator: str, limit: float) -> Rule:
    """TFDV's own comparison, with a comparator (`jensen_shannon_divergence` or `infinity_norm`) and its threshold."""

    def rule(current: Values, reference: Values, kind: Kind) -> Answer:
        from tensorflow_data_validation.api.validation_api import validate_statistics
        from tensorflow_metadata.proto.v0.anomalies_pb2 import AnomalyInfo

        ours, theirs = (_listed(column, kind) for column in (current, reference))
        anomalies = validate_statistics(ours, _schema(comparator, limit, kind), previous_statistics=theirs)
        found = [reason for info in anomalies.anomaly_info.values() for reason in info.reason]
        names = {AnomalyInfo.Type.Name(reason.type) for reason in found}
        other = {name for name in names if not name.startswith(_HIGH)}
        if other:
            raise ValueError(f"TFDV finds {', '.join(sorted(other))} in column {COLUMN!r}, which is not what was asked")
        return "refused" if names else "passed"

    return rule


def _listed(column: Values, kind: Kind) -> Any:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    return statistics_pb2.DatasetFeatureStatisticsList(datasets=[statistics_of(column, kind)])


@cache
def _schema(comparator: str, limit: float, kind: Kind) -> Any:
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema = schema_pb2.Schema()
    feature = schema.feature.add(name=COLUMN, type=schema_pb2.FLOAT if kind == "numeric" else schema_pb2.BYTES)
    getattr(feature.drift_comparator, comparator).threshold = limit
    return schema


def default_of_evidently(current: Values, reference: Values, kind: Kind) -> Answer:
    """The test that Evidently takes for such a column."""
    return "refused" if evidently.drifted(reference, current, kind)[2] else "passed"


def rules(kind: Kind) -> dict[str, Rule]:
    """All that are for columns of a kind."""
    known: dict[str, Rule] = {
        OURS: weighbridge,
        f"TFDV, Jensen-Shannon ≤ {LIMIT}": tfdv("jensen_shannon_divergence", LIMIT),
        "Evidently": default_of_evidently,
    }
    return known if kind == "numeric" else known | {f"TFDV, L-infinity ≤ {_LINF}": tfdv("infinity_norm", _LINF)}
