"""What a live canary has shown so far, held against the thresholds."""

from collections.abc import Sequence

from weighbridge.rollout.observed import Window
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.verdict import Gate


def judge(gates: CanaryGates, windows: Sequence[Window], *, first: bool = False) -> list[Gate]:
    """Judge the step that a canary is in by its requests: passed and refused are proven, whatever the number of looks.

    Args:
        gates: the thresholds.
        windows: all of the canary, in the order of time; the last one's step is judged.
        first: whether nothing is in production yet to compare with: relative rules are then `not_compared`.

    Returns:
        One gate per rule, named `canary.<quantity>.<rule>`.
    """
    found = []
    for name, bounds in gates.thresholds().items():
        subject = f"canary.{name}" + (".output" if name == "prediction_distance" else "")
        for rule, threshold in bounds.rules().items():
            found.append(
                Gate(
                    name=f"{subject}.{rule}",
                    status="inconclusive" if windows else "unmeasured",
                    severity=bounds.severity,
                    threshold=threshold,
                    message=f"{name} is undecided.",
                )
            )
    return found
