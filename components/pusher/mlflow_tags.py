"""What people and other programs read on a version in MLflow's registry; computes nothing. Imports no tfx."""

from collections.abc import Iterator

from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.verdict import Gate, Verdict

_GATES = 12  # shown; the others are in verdict.json


def lineage(record: ProductionRecord, commit: str) -> dict[str, str]:
    """Digests of all that a version came of, and who put it there, by the names of tags.

    Args:
        record: of the version.
        commit: of the code that it was made with; empty where that is not known.
    """
    tags = {f"digest.{name}": value for name, value in record.subject.items() if value.startswith("sha256:")}
    tags |= {f"subject.{name}": value for name, value in record.subject.items() if not value.startswith("sha256:")}
    tags |= {
        "digest.model": record.model_digest,
        "digest.verdict": record.verdict_digest,
        "commit": commit,
        "pipeline": record.pipeline,
        "run_id": record.run_id,
        "pushed_at": record.pushed_at.isoformat(timespec="seconds"),
        "promoted_from": record.promoted_from,
        "approved_by": record.approved_by,
        "approved_in": record.approved_in,
        "signed_by": record.signed_by,
    }
    if back := record.rollback:
        tags |= {"restores": str(back.restores), "rolled_back_from": str(back.replaces), "reason": back.reason}
    return {name: value for name, value in tags.items() if value}


def description(verdict: Verdict) -> str:
    """A verdict in few lines of Markdown."""
    lines = [f"**{'Passed' if verdict.passed else 'Refused'}** in run `{verdict.run_id}` of `{verdict.pipeline}`", ""]
    lines += ["| gate | observed | threshold | in production |", "| --- | --- | --- | --- |"]
    lines += list(_rows(verdict.gates[:_GATES]))
    if len(verdict.gates) > _GATES:
        lines += ["", f"and {len(verdict.gates) - _GATES} more, in `evidence/verdict.json`."]
    return "\n".join(lines)


def _rows(gates: tuple[Gate, ...]) -> Iterator[str]:
    for gate in gates:
        values = (gate.name, _text(gate.observed), _text(gate.threshold), _text(gate.baseline))
        yield f"| {' | '.join(value.replace('|', '/') for value in values)} |"


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:80]
