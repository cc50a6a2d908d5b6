"""One verdict: what every gate returns, how thresholds judge, and what a run ends in. Imports no tfx."""

from components.verdict.bounds import Bounds, Estimate, Section
from components.verdict.gate import Gate, Severity
from components.verdict.verdict import Verdict, read_gates, write_gates

__all__ = ["Bounds", "Estimate", "Gate", "Section", "Severity", "Verdict", "read_gates", "write_gates"]
