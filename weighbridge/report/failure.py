"""The page of a run that ended in an error and so has no verdict: why, how far it came, where its log is."""

from collections.abc import Sequence

from weighbridge.report import tables
from weighbridge.report.html import environment
from weighbridge.report.steps import StepOutcome


def render_failure(*, pipeline: str, run_id: str, kind: str, error: str, steps: Sequence[StepOutcome], log: str) -> str:
    """One HTML page, in the place and the look of a report.

    Args:
        pipeline: its name.
        run_id: the run.
        kind: what it was, e.g. `rehearsal`.
        error: the error; what to do about it in further lines.
        steps: those that ended, in order.
        log: the log's file, which lies beside the page.
    """
    said, *hints = error.strip().splitlines() or ["It is not known why"]
    return (
        environment()
        .get_template("failure.html.j2")
        .render(
            pipeline=pipeline,
            run_id=run_id,
            kind=kind,
            error=said,
            hints=hints,
            steps=steps,
            stopped=tables.stopped_at(steps),
            log=log,
        )
    )
