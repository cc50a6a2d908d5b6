"""How a run ended."""

from dataclasses import dataclass

from weighbridge.common.errors import ExitCode, WeighbridgeError
from weighbridge.runs.record import Run
from weighbridge.verdict import Verdict


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        run: its folder.
        verdict: its verdict; None where it ended in an error.
        unchanged: nothing had changed since this earlier run, so none was started.
        error: the error it ended in.
        warnings: one line for each hook that failed after the run ended, and for MLflow where it was not reached; they
            change neither verdict nor exit code.
        tracking: a line on what MLflow is being sent; empty for nothing.
    """

    run: Run
    verdict: Verdict | None
    unchanged: bool = False
    error: WeighbridgeError | None = None
    warnings: tuple[str, ...] = ()
    tracking: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of the command."""
        if self.error:
            return self.error.exit_code
        return self.verdict.exit_code if self.verdict else ExitCode.REFUSED
