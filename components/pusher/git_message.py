"""The message of a commit that puts a version into production: what, why it may, by whom, and where to read more."""

from collections.abc import Iterator

from weighbridge.common.text import clean
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.gate import format_value

_WIDTH = 72  # of a subject, as `git log --oneline` and GitHub show it
_SHOWN = 12  # quantities; all of them are in the verdict


def subject(record: ProductionRecord) -> str:
    """The first line: `Deliver taxi version 7`."""
    rollback = record.rollback
    if rollback is not None:
        line = f"Roll {record.pipeline} back to version {rollback.restores}, as version {record.version}"
    else:
        line = f"Deliver {record.pipeline} version {record.version}"
    return _line(line)[:_WIDTH]


def message(
    record: ProductionRecord,
    replaced: ProductionRecord | None,
    verdict: Verdict | None,
    report: str = "",
    build: str = "",
) -> str:
    """The whole message; what it says of gates is rendered from the verdict.

    Args:
        record: of the version that comes.
        replaced: of the version in production; None for nothing yet.
        verdict: that it was weighed to; None where that is not at hand.
        report: address of the run's page; empty for none.
        build: page of the build that pushes; empty for none.
    """
    parts = [subject(record)]
    rollback = record.rollback
    if rollback is not None and rollback.reason:
        parts.append(_line(rollback.reason))
    if verdict is not None:
        parts.append("\n".join(_weighed(verdict)))
    parts.append(
        "\n".join(f"{name}: {_line(value)}" for name, value in _trailers(record, replaced, report, build) if value)
    )
    return "\n\n".join(parts) + "\n"


def _weighed(verdict: Verdict) -> Iterator[str]:
    passed = sum(gate.status == "passed" for gate in verdict.gates)
    warned = sum(not gate.passed and not gate.refuses for gate in verdict.gates)
    yield f"{passed} gate{'s' * (passed != 1)} passed{f', {warned} warned' if warned else ''}."
    told: dict[str, list[Gate]] = {}
    for gate in filter(_is_key, verdict.gates):
        told.setdefault(gate.name.rpartition(".")[0], []).append(gate)
    for name, [first, *_] in list(told.items())[:_SHOWN]:
        before = [f"in production {format_value(first.baseline, first.unit)}"] if first.baseline is not None else []
        asked = ", ".join([*(gate.allowed for gate in told[name]), *before])
        yield _line(f"- {name} {format_value(first.observed, first.unit)} ({asked})")


def _is_key(gate: Gate) -> bool:
    """Quality on all rows and latency, each once."""
    group, *rest = gate.name.split(".")
    numeric = isinstance(gate.observed, int | float) and not isinstance(gate.observed, bool)
    quality = group in ("quality", "ranking") and "=" not in gate.name and len(rest) == 2
    return numeric and gate.rule in ("min", "max") and (quality or group == "latency")


def _trailers(
    record: ProductionRecord, replaced: ProductionRecord | None, report: str, build: str
) -> Iterator[tuple[str, str]]:
    yield "Model-digest", record.model_digest
    yield "Verdict-digest", record.verdict_digest
    yield "Run", record.run_id
    yield "Replaces", f"version {replaced.version}, {replaced.model_digest}" if replaced else "nothing"
    yield "Promoted-from", record.promoted_from
    yield "Approved-by", record.approved_by
    yield "Approved-in", record.approved_in
    yield "Model-signed-by", record.signed_by
    yield "Report", report
    yield "Build", build


def _line(text: str) -> str:
    """Text that ends no line, and so begins no trailer of its own."""
    return " ".join(clean(text).split())
