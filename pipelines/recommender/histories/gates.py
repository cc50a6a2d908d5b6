"""Thresholds of this step: what order lines may lose in cleaning, and what must be left to learn from."""

from collections.abc import Mapping

from pydantic import Field, field_validator

from weighbridge.common.errors import UsageError
from weighbridge.pipelines.recommender.histories.clean import REASONS
from weighbridge.verdict import Bounds, Gate, Section, passed_if, read_gates, told

GROUP = "histories"


class HistoriesGates(Section):
    """The `steps.Histories` section of a thresholds file; each threshold holds for every split."""

    removed: dict[str, Bounds] = Field(
        default_factory=dict,
        description="Largest share of a split's lines that cleaning may leave out, by reason; by default none.",
        json_schema_extra=told(
            each="reason",
            against="the lines left out divided by all lines",
            unit="share of lines",
            missing="a split without lines refuses",
        ),
    )
    top_customer_share: Bounds = Field(
        default=Bounds(max=0.5),
        description="How much of a split's purchases one customer may have made.",
        json_schema_extra=told(unit="share of purchases", against="the share of the customer who bought most"),
    )
    known_items: Bounds = Field(
        default=Bounds(min=0.5),
        description="Share of the evaluation's purchases that are of items bought before.",
        json_schema_extra=told(unit="share of purchases", against="the purchases of known items divided by all"),
    )
    customers: Bounds = Field(
        default=Bounds(min=1),
        description="How many customers a split must have.",
        json_schema_extra=told(unit="customers", against="the split's customers"),
    )

    @field_validator("removed")
    @classmethod
    def _known(cls, removed: dict[str, Bounds]) -> dict[str, Bounds]:
        for reason in removed:
            if reason not in REASONS:
                raise ValueError(f"{reason!r} is not a reason to remove a line; reasons: {', '.join(REASONS)}")
        return removed


def judge(gates: HistoriesGates, found: Mapping[str, Mapping[str, float]]) -> list[Gate]:
    """Judge what cleaning left.

    Args:
        gates: the thresholds.
        found: by split: `lines`, the number removed by each reason, `top_customer_share`, `customers`, and
            for the evaluation `known_items`.
    """
    judged: list[Gate] = []
    for split, values in found.items():
        lines = values["lines"]
        for reason, what in REASONS.items():
            removed = int(values[reason])
            bounds = gates.removed.get(reason, Bounds(max=0.0))
            judged += bounds.judge(
                f"{GROUP}.{split}.{reason}",
                removed / lines if lines else None,
                advice=f"{removed:,} of {lines:,.0f} lines were left out because each {what}.",
            )
        shares = {"top_customer_share": gates.top_customer_share, "known_items": gates.known_items}
        for name, bounds in shares.items():
            if name in values:
                judged += bounds.judge(f"{GROUP}.{split}.{name}", values[name], advice=_ADVICE[name])
        judged += gates.customers.judge(f"{GROUP}.{split}.customers", values["customers"], advice=_ADVICE["customers"])
    return judged


def lines_gate(examples: str) -> Gate:
    """Whether the order lines passed their own gates: what is made of refused lines is refused too."""
    name = f"{GROUP}.lines.passed"
    try:
        refused = [gate.name for gate in read_gates(examples) if gate.refuses]
    except UsageError as error:
        return Gate(name=name, status="unmeasured", message=f"Nothing vouches for the order lines: {error.message}.")
    message = f"The order lines were refused by {', '.join(refused)}." if refused else "The order lines passed."
    return Gate(name=name, status=passed_if(not refused), observed=not refused, threshold=True, message=message)


_ADVICE = {
    "top_customer_share": "One customer's taste would become everybody's: see who it is, and leave it out or loosen.",
    "known_items": "Items that nobody bought before cannot be recommended from purchases: did the codes change?",
    "customers": "Take more spans, or a longer evaluation.",
}
