"""One verdict: what every gate returns, how thresholds judge, and what a run ends in. Imports no tfx."""

from weighbridge.verdict.bounds import Bounds, Estimate, Section
from weighbridge.verdict.gate import Gate, Severity
from weighbridge.verdict.verdict import Verdict, read_gates, write_gates

__all__ = ["Bounds", "Estimate", "Gate", "Section", "Severity", "Verdict", "read_gates", "write_gates"]
