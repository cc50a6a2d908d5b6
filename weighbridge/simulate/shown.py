"""A simulation in words, for whoever prints it."""

import math
from typing import TYPE_CHECKING

from weighbridge.simulate.rates import Rate
from weighbridge.verdict.gate import format_value

if TYPE_CHECKING:
    from weighbridge.simulate.simulation import Simulation
    from weighbridge.simulate.tally import GateTally

HEADS = ("gate", "threshold", "refuses equal", "at most", "passes at threshold", "passes twice as far")


def rate_text(rate: Rate) -> str:
    """`2.1 ± 0.3 %`; a dash where nothing was tried."""
    if not rate.trials:
        return "–"
    return f"{100 * rate.share:.1f} ± {100 * rate.standard_error:.1f} %"


def upper_text(rate: Rate) -> str:
    """Its upper bound of 95 %."""
    return f"{100 * rate.upper:.1f} %" if rate.trials else "–"


def cells(tally: "GateTally") -> tuple[str, ...]:
    """What a row of the table says of a gate, see `HEADS`."""
    gate = tally.gate
    at, beyond = rate_text(tally.at_threshold.rate), rate_text(tally.beyond.rate)
    if not tally.at_threshold.trials and gate.rates is not None:
        at = f"{100 * gate.rates.false_pass:.1f} % stated"
    refused = rate_text(tally.refused) + (" (warns)" if gate.severity == "warning" else "")
    return gate.name, gate.allowed, refused, upper_text(tally.refused), at, beyond


def headline(found: "Simulation") -> list[str]:
    """The rates of the whole verdict, a line each."""
    verdict = found.verdict
    if not verdict.trials:
        return ["Nothing could be simulated."]
    of = " and ".join(part.part for part in found.parts if part.verdict.trials)
    rows = f" at {found.rows:,} rows" if found.rows else ""
    lines = [
        f"A verdict on {of} refuses {rate_text(verdict)} of equally good models{rows}, at most {upper_text(verdict)} "
        f"(95 %, {found.trainings} trainings)."
    ]
    if found.worst_pass is not None:
        name, worst = found.worst_pass
        lines.append(
            f"A model exactly at a blocking threshold passes most often at {name}: {rate_text(worst)}, at most "
            f"{upper_text(worst)}."
        )
    return lines


def spread_lines(found: "Simulation") -> list[str]:
    """What to write into gates.yaml, and why."""
    lines = []
    for each in found.spreads:
        most = format_value(float(f"{each.upper:.2g}"))
        sd = format_value(float(f"{each.sd:.2g}"))
        of = f", of {each.slices} slices together" if each.slices > 1 else ""
        if not math.isfinite(each.error):
            continue
        if each.sd:
            told = f"retraining moves it by sd {sd} (at most {most}), the rows by {each.error:.2g}{of}"
            lines.append(f"{each.key}: {told}. Write: {each.line}")
        else:
            told = f"no more than the rows move it ({each.error:.2g}){of}; retraining at most {most}"
            lines.append(f"{each.key}: {told}.")
    return lines
