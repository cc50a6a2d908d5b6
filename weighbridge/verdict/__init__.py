"""One verdict: what every gate returns, how thresholds judge, and what a run ends in. Imports no tfx."""

from weighbridge.verdict.bounds import Bounds
from weighbridge.verdict.decidable import margin_for, rows_for
from weighbridge.verdict.estimate import Estimate
from weighbridge.verdict.gate import Gate, Severity, Status, passed_if
from weighbridge.verdict.risk import Rates, Risk, Sampled
from weighbridge.verdict.section import Section, told
from weighbridge.verdict.verdict import NOTHING_WEIGHED, Verdict, read_gates, write_gates

__all__ = [
    "NOTHING_WEIGHED",
    "Bounds",
    "Estimate",
    "Gate",
    "Rates",
    "Risk",
    "Sampled",
    "Section",
    "Severity",
    "Status",
    "Verdict",
    "margin_for",
    "passed_if",
    "read_gates",
    "rows_for",
    "told",
    "write_gates",
]
