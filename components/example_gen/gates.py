"""The `examples` section of a thresholds file: what reading the data may lose."""

from pydantic import Field

from weighbridge.verdict import Bounds, Gate, Section, Severity


class ExamplesGates(Section):
    """Thresholds for reading the input.

    Attributes:
        max_quarantined_fraction: share of the input's rows, 0 or more and less than 1, that may be malformed.
        severity: of this gate.
        rows_lost: lines of the input, such as those inside an unbalanced quote, that belong to no row.
    """

    max_quarantined_fraction: float = Field(default=0.0, ge=0.0, lt=1.0)
    severity: Severity = "blocking"
    rows_lost: Bounds = Bounds(max=0)

    def judge(self, quarantined: int, total: int, lost: int | None) -> list[Gate]:
        """Judge how many of `total` rows were quarantined, and how many were lost; None where files have no lines."""
        fraction = quarantined / total if total else None
        bounds = Bounds(max=self.max_quarantined_fraction, severity=self.severity)
        advice = f"{quarantined:,} of {total:,} rows are in the quarantine file, each with its reason."
        gates = bounds.judge("examples.quarantined_fraction", fraction, advice=advice)
        if lost is not None:
            advice = "These lines are inside a quoted field that was never closed; the quarantine file shows where."
            gates += self.rows_lost.judge("examples.rows_lost", lost, unit="lines", advice=advice)
        return gates
