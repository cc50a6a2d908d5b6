"""What of a canary is judged by a sample, and how many proofs share what may go wrong."""

from weighbridge.thresholds.canary import CanaryGates

QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
_COUNTED = ("memory_ratio",)  # in which chance has no part


def shares_of_risk(gates: CanaryGates) -> int:
    """How many proofs of something worse share `risk.false_alarm`: each blocking rule that a sample decides, each step.

    Outputs whose predictions are compared share what is theirs.
    """
    rules = sum(
        len(bounds.rules())
        for name, bounds in gates.thresholds().items()
        if bounds.severity == "blocking" and name not in _COUNTED
    )
    return max(rules, 1) * len(gates.steps)
