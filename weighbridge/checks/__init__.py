"""What shows to be wrong with a pipeline while nothing runs: `weighbridge check`."""

from weighbridge.checks.finding import Finding
from weighbridge.checks.look import check_pipeline

__all__ = ["Finding", "check_pipeline"]
