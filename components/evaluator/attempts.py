"""Attempts on the same evaluation data: counted in the ledger, judged at their share of the risk, told by a gate."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from weighbridge.common.digests import tree_digest, value_digest
from weighbridge.components.artifacts.examples import read_summary, split_folder
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.ledger import Attempt, Entry, count
from weighbridge.components.evaluator.request import EvaluationRequest
from weighbridge.components.evaluator.spending import by_luck, share
from weighbridge.components.production_model.record import production_history
from weighbridge.storage.place import open_place
from weighbridge.verdict import Gate

GATE = "quality.attempts"
EXPERIMENT = "It is not counted, as nothing is pushed; but who chooses among experiments has looked as often."


def take(request: EvaluationRequest, model: str) -> Attempt | None:
    """The attempt that weighing a candidate's quality is.

    Args:
        request: what is weighed, and where attempts are counted.
        model: digest of the candidate's files.

    Returns:
        None where attempts are not counted: no ledger is named, the thresholds say so, or they let through what is
        undecided, so that stricter intervals would refuse less.

    Raises:
        UsageError: the ledger is broken, or may not be written.
        InfrastructureError: its place cannot be reached.
    """
    gates = request.quality
    if not request.ledger or not counts(gates):
        return None
    candidate = Entry(
        number=1,
        data=evaluation_data(request.examples, request.split),
        model=model,
        recipe=request.recipe,
        pipeline=request.pipeline,
        run_id=request.run_id,
        counted_at=datetime.now(UTC),
    )
    pushed = {record.model_digest for record in production_history(request.ledger)}
    return count(open_place(request.ledger), candidate, writes=not request.rehearsal, pushed=pushed)


def evaluation_data(examples: str, split: str) -> str:
    """Digest of the rows that models are weighed on, for attempts on them to be counted together.

    Features are often made anew while the rows stay the same, so the files that they come from count, and where the
    split begins and ends in time; not what was made of them. Where the step before names no files, the content counts.

    Args:
        examples: folder of the Examples artifact.
        split: that is weighed on.
    """
    summary = read_summary(examples)
    if summary is None or split not in summary.splits:
        return tree_digest(split_folder(examples, split))
    if not summary.files:
        return value_digest({"content": summary.splits[split].content_digest})
    return value_digest(
        {
            "files": sorted(file.sha256 for file in summary.files),
            "split": split,
            "time": [summary.time_splits, summary.time_end],
            "sample": summary.sample,
        }
    )


def at_attempt(gates: QualityGates, number: int) -> QualityGates:
    """The thresholds as attempt `number` is judged by: with its share of the declared risk."""
    spent = gates.risk.false_pass * share(number)
    return gates.model_copy(update={"risk": gates.risk.model_copy(update={"false_pass": spent})})


def at_first_attempt(gates: QualityGates) -> QualityGates:
    """The thresholds as a candidate is judged by on fresh evaluation data; as they are where nothing is counted."""
    return at_attempt(gates, 1) if counts(gates) else gates


def counts(gates: QualityGates) -> bool:
    """Whether thresholds have attempts counted, where there is a ledger.

    Not where they let through what is undecided: stricter intervals would refuse less there.
    """
    return gates.attempts == "spend" and gates.on_undecided != "warn"


def attempt_gate(declared: QualityGates, attempt: Attempt, judged: Iterable[Gate]) -> list[Gate]:
    """The gate that tells which attempt it is and what that costs; none where nothing was judged by it.

    It refuses nothing by itself. Where a threshold was left open, it says what helps.

    Args:
        declared: thresholds with the whole risk.
        attempt: of this candidate.
        judged: the other gates on quality.
    """
    judged = list(judged)
    if not any(gate.weighed for gate in judged):
        return []
    alpha, spent = declared.risk.false_pass, at_attempt(declared, attempt.number).risk.false_pass
    ordinal = f"{'Attempt' if attempt.written else 'This would be attempt'} {attempt.number:,}"
    message = (
        f"{ordinal} on these evaluation data: judged at a false_pass of {_percent(spent)} instead of "
        f"{_percent(alpha)}, so that all attempts together keep {_percent(alpha)}."
    )
    if not attempt.written:
        message = f"{message} {EXPERIMENT}"
    open_ones = [gate.name.partition(".")[2] for gate in judged if gate.status == "inconclusive" and gate.refuses]
    status: Literal["passed", "inconclusive"] = "passed"
    if open_ones and attempt.number > 1:
        status = "inconclusive"
        message = (
            f"{message} At that it is not decided by {', '.join(open_ones[:3])}. Judged at {_percent(alpha)} each, one "
            f"of {attempt.number:,} models at a threshold would pass by luck in up to "
            f"{_percent(by_luck(alpha, attempt.number))} of the cases. Weigh on fresh data, where attempts count from "
            "1 again."
        )
    return [
        Gate(
            name=GATE,
            status=status,
            severity="warning",
            observed=attempt.number,
            threshold=f"false_pass {_percent(spent)}",
            message=message,
        )
    ]


def _percent(probability: float) -> str:
    return f"{100 * probability:.2g} %"
