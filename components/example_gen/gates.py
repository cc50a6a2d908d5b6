"""The `examples` section of a thresholds file: what reading the data may lose."""

from pydantic import Field

from weighbridge.verdict import Bounds, Gate, Section, Severity, told


class ExamplesGates(Section):
    """What reading the input may lose."""

    max_quarantined_fraction: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Share of the input's rows, 0 or more and less than 1, that may be malformed; they are kept aside.",
        json_schema_extra=told(
            unit="share of rows", missing="an input without rows refuses", against="malformed rows divided by all rows"
        ),
    )
    severity: Severity = Field(
        default="blocking", description="Whether more malformed rows refuse the run, or are only shown."
    )
    rows_lost: Bounds = Field(
        default=Bounds(max=0),
        description="Lines of the input, such as those inside an unbalanced quote, that belong to no row.",
        json_schema_extra=told(
            unit="lines", missing="formats without lines, such as Parquet, are not asked", against="the lines lost"
        ),
    )

    def judge(self, quarantined: int, total: int, lost: int | None, where: str = "") -> list[Gate]:
        """Judge how many rows were quarantined, and how many were lost.

        Args:
            quarantined: malformed rows.
            total: all rows.
            lost: lines that belong to no row; None where files have no lines.
            where: to look, as sentences.
        """
        fraction = quarantined / total if total else None
        bounds = Bounds(max=self.max_quarantined_fraction, severity=self.severity)
        advice = f"{quarantined:,} of {total:,} rows are malformed. {where}".rstrip()
        gates = bounds.judge("examples.quarantined_fraction", fraction, advice=advice)
        if lost is not None:
            advice = f"These lines are inside a quoted field that was never closed. {where}".rstrip()
            gates += self.rows_lost.judge("examples.rows_lost", lost, unit="lines", advice=advice)
        return gates
