"""The verdict that a run came to: the file in its folder, held against the run's record."""

from weighbridge.common.errors import UsageError
from weighbridge.runs.record import Run
from weighbridge.verdict import Verdict
from weighbridge.verdict.verdict import VERDICT_FILE


def read_verdict(run: Run) -> Verdict:
    """The verdict of a run, to be shown.

    Raises:
        UsageError: there is none, it cannot be read, or it is not the one that the run came to.
    """
    verdict = Verdict.read(run.folder / VERDICT_FILE)
    named = run.record.verdict_digest
    ended = run.record.state in ("passed", "refused")
    if (named and named != verdict.digest) or (ended and verdict.outcome != run.record.state):
        raise UsageError(
            f"{run.folder / VERDICT_FILE} is not the verdict that run {run.record.run_id} came to",
            f"It was changed since. Weigh again: weighbridge run {run.record.pipeline} --force",
        )
    return verdict


def standing_verdict(run: Run) -> Verdict | None:
    """The verdict of a run, to stand for one to come; None where that is not certain, as of an earlier version's."""
    try:
        return read_verdict(run) if run.record.verdict_digest else None
    except UsageError:
        return None
