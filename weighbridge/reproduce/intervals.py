"""Whether the metrics of a model made again stay within what the pushed one's verdict leaves open."""

import math
from collections.abc import Mapping
from typing import Any

from weighbridge.reproduce.result import MetricComparison
from weighbridge.verdict import Verdict

_GROUP = "quality."  # how fast a model answers differs from one minute to the next
_ABSOLUTE = ("min", "max")


def compare_metrics(verdict: Verdict, made_again: Mapping[str, Any]) -> tuple[MetricComparison, ...]:
    """Each metric with a confidence interval, and its value in the model that was made again, on the same examples.

    Args:
        verdict: of the pushed model.
        made_again: `verdict.json` of the other.

    Returns:
        One comparison per gate of quality that holds a value of the model itself, not a change, against a threshold.
    """
    found = {gate["name"]: gate["observed"] for gate in made_again.get("gates", [])}
    compared = []
    for gate in verdict.gates:
        told = gate.name.startswith(_GROUP) and gate.rule in _ABSOLUTE
        if not told or gate.interval is None or not isinstance(gate.observed, int | float):
            continue
        low, high = gate.interval
        value = found.get(gate.name)
        number = float(value) if value is not None and _is_number(value) else None
        compared.append(
            MetricComparison(
                gate=gate.name,
                pushed=float(gate.observed),
                low=low,
                high=high,
                made_again=number,
                inside=number is not None and (low is None or low <= number) and (high is None or number <= high),
            )
        )
    return tuple(compared)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
