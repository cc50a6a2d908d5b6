"""Two runs side by side: `weighbridge diff`, and whoever compares runs in Python."""

from weighbridge.runs.comparison.compare import compare_runs

__all__ = ["compare_runs"]
