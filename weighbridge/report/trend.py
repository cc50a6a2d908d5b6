"""What a trend shows: runs in the order of time, and of their verdicts the gates that are worth a line.

Values and choices alone; `trend_page` draws them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from weighbridge.report.gate_groups import group_of
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.bounds import RULES

Outcome = Literal["passed", "refused", "failed"]

MOST_METRICS = 6
MOST_BATCHES = 3
MOST_REFUSING = 10


@dataclass(frozen=True)
class TrendRun:
    """One run.

    Attributes:
        run_id: its id.
        started: when it started.
        outcome: passed, refused by a gate, or failed, which is without a verdict.
        seconds: how long it took.
        verdict: what its gates found; None where it failed.
        note: why it failed; else empty.
        report: address of its report, relative to the page; empty where there is none.
    """

    run_id: str
    started: datetime
    outcome: Outcome
    seconds: float
    verdict: Verdict | None = None
    note: str = ""
    report: str = ""


@dataclass(frozen=True)
class Trend:
    """The runs of a pipeline, the oldest first.

    Attributes:
        pipeline: its name.
        kind: what they are: whole runs, or rehearsals.
        runs: those that are shown.
        earlier: how many earlier ones are not.
        unreadable: how many could not be read.
    """

    pipeline: str
    kind: Literal["run", "rehearsal"]
    runs: tuple[TrendRun, ...]
    earlier: int = 0
    unreadable: int = 0


@dataclass(frozen=True)
class Line:
    """A quantity over the runs of a trend, one value for each; None where it was not measured or not judged.

    Attributes:
        name: what was measured, e.g. `auc` or `latency of a batch of 1, p99`.
        unit: of all values.
        observed: of the candidate.
        thresholds: what was allowed, by rule.
        production: of the model then in production.
        refused: whether one of the gates refused.
    """

    name: str
    unit: str
    observed: tuple[float | None, ...]
    thresholds: dict[str, tuple[float | None, ...]]
    production: tuple[float | None, ...]
    refused: tuple[bool, ...]


@dataclass(frozen=True)
class Refusing:
    """A gate that refused: in how many runs, and when last."""

    name: str
    runs: int
    last: datetime


def metric_lines(trend: Trend) -> list[Line]:
    """The key metrics: what the newest verdict on quality judges and blocks for, all rows before slices."""
    newest = _newest(trend, "quality")
    subjects = _subjects(gate for gate in newest if gate.severity == "blocking" and not gate.name.endswith(".rows.min"))
    ordered = sorted(subjects, key=lambda subject: "=" in subject)
    lines = [_line(trend, subject, subject.partition(".")[2]) for subject in ordered]
    return [line for line in lines if any(value is not None for value in line.observed)][:MOST_METRICS]


def latency_lines(trend: Trend) -> list[list[Line]]:
    """For each batch size that the newest verdict on latency judges the lines of its percentiles, p99 first."""
    sizes: dict[str, list[str]] = {}
    for subject in _subjects(_newest(trend, "latency")):
        place, _, percentile = subject.rpartition(".")
        if percentile in ("p99_ms", "p50_ms"):
            sizes.setdefault(place, []).append(subject)
    judged = [sorted(found, reverse=True) for found in sizes.values() if any(each.endswith("p99_ms") for each in found)]
    return [[_line(trend, subject, subject.partition(".")[2]) for subject in found] for found in judged[:MOST_BATCHES]]


def most_refusing(trend: Trend) -> list[Refusing]:
    """The gates that refused most runs, the most frequent first; of as many runs the one that refused last."""
    dates: dict[str, list[datetime]] = {}
    for run in trend.runs:
        for name in {gate.name for gate in (run.verdict.refusals if run.verdict else ())}:
            dates.setdefault(name, []).append(run.started)
    found = [Refusing(name, len(when), max(when)) for name, when in dates.items()]
    return sorted(found, key=lambda each: (-each.runs, -each.last.timestamp(), each.name))[:MOST_REFUSING]


def as_document(trend: Trend) -> dict[str, Any]:
    """A trend as JSON has it: what the page shows."""
    return {
        "pipeline": trend.pipeline,
        "kind": trend.kind,
        "earlier": trend.earlier,
        "unreadable": trend.unreadable,
        "runs": [
            {
                "run_id": run.run_id,
                "started": run.started.isoformat(),
                "outcome": run.outcome,
                "seconds": run.seconds,
                "refused_by": [gate.name for gate in run.verdict.refusals] if run.verdict else [],
                "note": run.note,
                "report": run.report,
            }
            for run in trend.runs
        ],
        "metrics": [asdict(line) for line in metric_lines(trend)],
        "latency": [asdict(line) for lines in latency_lines(trend) for line in lines],
        "most_refusing": [
            {"gate": each.name, "runs": each.runs, "last": each.last.isoformat()} for each in most_refusing(trend)
        ],
    }


def _newest(trend: Trend, group: str) -> list[Gate]:
    """The measured gates of a group in the newest verdict that has some: a run may have stopped before them."""
    for run in reversed(trend.runs):
        gates = [gate for gate in (run.verdict.gates if run.verdict else ()) if group_of(gate) == group]
        if found := [gate for gate in gates if gate.rule in RULES and (gate.weighed or gate.status == "not_compared")]:
            return found
    return []


def _subjects(gates: Iterable[Gate]) -> list[str]:
    return list(dict.fromkeys(gate.name.rpartition(".")[0] for gate in gates))


def _line(trend: Trend, subject: str, name: str) -> Line:
    """A subject's values: by its absolute rules, else against production by the one rule that there is."""
    judged = [
        {gate.rule: gate for gate in run.verdict.gates if gate.name.rpartition(".")[0] == subject}
        if run.verdict
        else {}
        for run in trend.runs
    ]
    known = [rule for rule in RULES if any(rule in gates for gates in judged)]
    rules = [rule for rule in known if rule in ("min", "max")] or known[:1]
    against = {"change": " against production", "ratio": " / production"}.get(rules[0].partition("_")[2], "")
    first = [next((gates[rule] for rule in rules if rule in gates), None) for gates in judged]
    return Line(
        name=f"{name}{against}",
        unit=next((gate.unit for gate in first if gate), ""),
        observed=tuple(_number(gate.observed if gate else None) for gate in first),
        thresholds={rule: tuple(_number(_threshold(gates.get(rule))) for gates in judged) for rule in rules},
        production=tuple(_number(gate.baseline if gate and not against else None) for gate in first),
        refused=tuple(any(gate.refuses for gate in gates.values()) for gates in judged),
    )


def _threshold(gate: Gate | None) -> object:
    return gate.threshold if gate else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def counts(runs: Sequence[TrendRun]) -> dict[Outcome, int]:
    """How many runs ended how, those that never happened left out."""
    outcomes: tuple[Outcome, ...] = ("passed", "refused", "failed")
    found = {outcome: sum(run.outcome == outcome for run in runs) for outcome in outcomes}
    return {outcome: number for outcome, number in found.items() if number}
