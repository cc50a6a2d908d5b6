"""What `weighbridge gates PIPELINE` prints of a live canary: requests that each step takes to prove each threshold."""

import math
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from weighbridge.thresholds.canary import CanaryGates


def print_steps(out: Console, gates: "CanaryGates") -> None:
    """Print the requests that each step takes, beside those that it asks for.

    Args:
        out: where to.
        gates: the section `canary`.
    """
    from weighbridge.rollout.sequential.planning import Usual, needed

    found = needed(gates)
    usual = Usual()
    paths = list(dict.fromkeys(each.path for each in found))
    table = Table(box=None, pad_edge=False)
    table.add_column("canary, requests", overflow="fold")
    table.add_column("asked for", justify="right")
    for path in paths:
        table.add_column(path, justify="right", overflow="fold")
    for position, step in enumerate(gates.steps):
        by_path = {each.path: each for each in found if each.step == position}
        cells = [by_path[path].requests if path in by_path else None for path in paths]
        table.add_row(*map(Text, [step.name, f"{step.requests:,}", *(_cell(each, step.requests) for each in cells)]))
    out.print()
    out.print(table)
    out.print(
        Text(
            "\nRequests that it takes to prove that a canary equal to production keeps the threshold; !: more than the "
            f"step asks for, so it lasts longer. At most {gates.risk.false_alarm:.0%} of canaries that keep all "
            f"thresholds are rolled back as worse, and {gates.risk.miss:.0%} of those that lie at one go on. Taken for "
            f"granted: {usual.errors:.1%} of requests fail, and the 99th percentile is "
            f"{math.exp(2.326 * usual.sd):.1f} times the median."
        )
    )


def steps_document(gates: "CanaryGates") -> list[dict[str, Any]]:
    """The same for machines; null requests where no number suffices.

    Args:
        gates: the section `canary`.
    """
    from weighbridge.rollout.sequential.planning import needed

    return [
        {
            "step": each.step,
            "key": f"canary.{each.path}",
            "threshold": each.threshold,
            "asked_for": each.planned,
            "takes": math.ceil(each.requests) if math.isfinite(each.requests) else None,
            "enough": each.enough,
        }
        for each in needed(gates)
    ]


def _cell(requests: float | None, planned: int) -> str:
    if requests is None:
        return ""
    if math.isinf(requests):
        return "never!"
    return f"{float(f'{requests:.2g}'):,.0f}" + "!" * (requests > planned)
