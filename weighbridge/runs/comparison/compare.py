"""Compares two runs of any pipelines from their records, verdicts and measurements; nothing is computed anew.

What a run no longer keeps, or never came to, is a note and no error: a comparison is wanted most for a run that failed.
"""

from weighbridge.evidence.summary import ExamplesSummary
from weighbridge.report.comparison import RunComparison, Side
from weighbridge.report.evidence import Evidence
from weighbridge.runs.comparison import facts, features, measures
from weighbridge.runs.record import Run
from weighbridge.runs.run_evidence import evidence_of, kept_folders

_EVAL = "eval"


def compare_runs(before: Run, after: Run) -> RunComparison:
    """Two runs side by side.

    ```python
    from weighbridge.runs.comparison import compare_runs
    from weighbridge.runs.references import find_reference

    compared = compare_runs(find_reference("work", "taxi@-2"), find_reference("work", "latest"))
    [fact.name for fact in compared.changed_facts]
    ```

    Args:
        before: the run to compare with.
        after: the run that is compared.

    Returns:
        What both were made of, what they measured and how they ended; what cannot be compared is said in its notes.
    """
    ours, theirs = evidence_of(after), evidence_of(before)
    metrics, slices = measures.metrics(theirs, ours)
    distances, note = features.distances(kept_folders(before), kept_folders(after))
    return RunComparison(
        before=_side(before, theirs),
        after=_side(after, ours),
        data=facts.data(before.record, theirs, after.record, ours),
        features=distances,
        code=facts.code(before.record, after.record),
        parameters=facts.parameters(before.record, after.record),
        sections=facts.sections(before.record, after.record),
        gates=measures.gates(theirs.verdict, ours.verdict),
        metrics=metrics,
        slices=slices,
        latency=measures.latency(theirs, ours),
        notes=(
            *_pipelines(before, after),
            *facts.notes(before.record, after.record),
            *theirs.notes,
            *(each for each in ours.notes if each not in theirs.notes),
            *filter(None, [note]),
            *_rows_note(theirs, ours),
            *_times_note(theirs, ours),
        ),
    )


def _side(run: Run, evidence: Evidence) -> Side:
    record = run.record
    error = next(iter(record.error.strip().splitlines()), "")
    return Side(
        run_id=record.run_id,
        pipeline=record.pipeline,
        kind=record.display_kind,
        state=record.display_state,
        started=record.started,
        seconds=record.seconds,
        commit=record.commit,
        refused_by=tuple(gate.name for gate in evidence.verdict.refusals),
        error=error,
        folder=run.folder,
    )


def _pipelines(before: Run, after: Run) -> list[str]:
    if before.record.pipeline == after.record.pipeline:
        return []
    return [f"The runs are of two pipelines, {before.record.pipeline} and {after.record.pipeline}."]


def _rows_note(before: Evidence, after: Evidence) -> list[str]:
    """Whether the metrics of both were measured on the same rows."""
    if before.metrics is None or after.metrics is None:
        return []
    digests = [_rows_digest(each.examples, each.metrics.split if each.metrics else _EVAL) for each in (before, after)]
    if "" in digests or digests[0] == digests[1]:
        return []
    return ["The metrics were measured on different rows: part of any difference may be the data's."]


def _times_note(before: Evidence, after: Evidence) -> list[str]:
    """Whether latencies were measured side by side."""
    if before.latency is None or after.latency is None or measures.weighed_by(before.verdict, after.verdict):
        return []
    return ["The latencies were measured in two runs: part of any difference may be what else the machine did."]


def _rows_digest(examples: ExamplesSummary | None, split: str) -> str:
    found = examples.splits.get(split) if examples else None
    return found.content_digest if found else ""
