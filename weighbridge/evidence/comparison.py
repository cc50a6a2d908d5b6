"""`comparison.json`: how far the distributions of features are apart, as the DataValidator measured it."""

from typing import ClassVar, Literal

from weighbridge.evidence.base import Document, EvidenceFile, Number

COMPARISON_FILE = "comparison.json"

Kind = Literal["skew", "drift_production", "drift_previous"]


class Distance(Document):
    """How far the distributions of one feature are apart.

    Attributes:
        feature: name of the feature.
        kind: what was compared: the eval split with the train split (`skew`), or the train split with that of the
            model in production or of the span before.
        measure: `linf` or `jensen_shannon`.
        value: 0 to 1; None where it could not be measured.
        threshold: the most that is allowed; None where no gate judges it.
    """

    feature: str
    kind: Kind
    measure: str
    value: Number
    threshold: Number


class Comparison(EvidenceFile):
    """The file: the distances of all comparisons, one after the other."""

    FILE: ClassVar[str] = COMPARISON_FILE

    distances: list[Distance]
