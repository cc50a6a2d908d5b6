"""What `weighbridge gates PIPELINE` prints of risks: what each gate can decide, and what to change where it cannot."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from weighbridge.common import invocation
from weighbridge.runs.gate_risks import GateRisk
from weighbridge.runs.thresholds_in_force import Explained
from weighbridge.verdict.decidable import looser
from weighbridge.verdict.gate import format_value

_HEADS = ("threshold", "rows, calls", "decides", "refuses equal", "passes at it")
_NAME, _CELL = 13, 11
_WIDE = 120  # a window that is narrower has no room for names beside the figures


def print_risks(out: Console, found: Explained) -> None:
    """Print how often each gate of the last run that judges by a sample errs, and what it can decide.

    Args:
        out: where to.
        found: what is to be shown.
    """
    out.print()
    if found.first_command:
        reached = (
            "No run was weighed yet" if found.run is None else "The last run was not measured as far as its quality"
        )
        out.print(Text(f"{reached}: what the gates can decide shows after {found.first_command}"))
        return
    if out.width < _WIDE:
        _print_narrow(out, found.risks.gates)
    else:
        table = Table(box=None, pad_edge=False)
        table.add_column("what they can decide", overflow="fold")
        for head in _HEADS:
            table.add_column(head, justify="right", overflow="fold")
        for risk in found.risks.gates:
            table.add_row(*map(Text, [risk.gate.name + _warns(risk), *_cells(risk)]))
        out.print(table)
    _say(out, "\n" + _verdict(found))
    changes = [(risk.gate.name, risk.advice) for risk in found.risks.gates if risk.advice]
    if found.risks.to_compare:
        _say(out, _to_compare(found))
    if changes:
        out.print(Text("\nTo change:", style="bold"))
    for name, advice in changes:
        _say(out, f"- {name}: {advice.rstrip('.')}.")


def _print_narrow(out: Console, risks: Sequence[GateRisk]) -> None:
    """What was measured on a line of its own, above its rules."""
    widths = [max(len(head), _CELL) for head in _HEADS]
    out.print(Text("what they can decide"))
    out.print(Text(_line("", _HEADS, widths), style="bold"))
    for subject, rules in groupby(risks, lambda risk: risk.gate.name.rpartition(".")[0]):
        out.print(Text(subject))
        for risk in rules:
            name = risk.gate.rule + ("!" if risk.severity == "warning" else "")
            out.print(Text(_line(f"  {name}", _cells(risk), widths)))
    if any(risk.severity == "warning" for risk in risks):
        out.print(Text("!: only warns", style="dim"))


def _line(name: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"{name:<{_NAME}}" + "".join(f" {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def _say(out: Console, text: str) -> None:
    """Print a paragraph, broken between words where it is read in a window."""
    if out.is_terminal:
        out.print(Text(text), width=out.width, soft_wrap=False)
    else:
        out.print(Text(text))


def _to_compare(found: Explained) -> str:
    several = len(found.risks.to_compare)
    return (
        f"≤: bounds of {several} gates that nothing was in production for, as if each model had rows of its own. "
        f"Beside production, row by row, they decide more; what, shows after another {invocation.command('run')}"
    )


def _warns(risk: GateRisk) -> str:
    return " (warning)" if risk.severity == "warning" else ""


def _cells(risk: GateRisk) -> list[str]:
    found = risk.found
    if risk.drift is not None and risk.rates is not None:
        least = risk.drift.least()
        return [
            f"≤ {risk.drift.limit:g}",
            f"{min(risk.drift.rows):,.0f}",
            format_value(float(f"{least:.2g}")) if least <= 1 else "–",
            percent(risk.rates.false_refusal),
            percent(risk.rates.false_pass),
        ]
    if found is None:
        return [risk.gate.allowed, "", "–", "always" if risk.never else "?", ""]
    sign = "≥ " if found.rule.sign > 0 else "≤ "
    return [
        sign + format_value(found.rule.threshold, found.rule.unit),
        f"{found.rows:,}" if found.rows else "",
        format_value(looser(found), found.rule.unit),
        ("≤ " if found.at_worst else "") + percent(found.rates.false_refusal),
        percent(found.rates.false_pass),
    ]


def _verdict(found: Explained) -> str:
    risks, gates = found.risks, found.thresholds.gates
    first = " Quality is judged as a first attempt on fresh evaluation data is." if found.counted else ""
    declared = sorted({gates.quality.risk.false_refusal, gates.latency.risk.false_refusal})
    seeds = (
        f" What another training moves is not in it: {risks.without_spread} of them have no retraining_sd."
        if risks.without_spread
        else ""
    )
    return (
        "decides: the tightest threshold that keeps the declared risk with these rows, or with the calls that budget_s "
        "allows; of data, the least distance that is found in 95 % of cases. refuses equal: a model as good as "
        "production, data that did not drift. passes at it: what lies exactly at the threshold.\n"
        f"The whole verdict refuses a model as good as production in at most {percent(risks.most_false_refusals)} of "
        f"runs: an upper bound, the {len(risks.blocking)} blocking gates added up; the worst alone does in "
        f"{percent(risks.least_false_refusals)}. Declared for each gate: {' and '.join(map(percent, declared))}."
        f"{first}{seeds}"
    )


def percent(share: float) -> str:
    """A probability as people read it."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.1f} %" if share < 0.995 and round(100 * share, 1) % 1 else f"{100 * share:.0f} %"
