"""What thresholds foretell before anything is trained: what no model can pass, and what good ones fail by chance.

The thresholds alone tell some of it, the rows at hand more, and the last run's intervals the rest. What can never pass
is told apart from what is merely unlikely.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from weighbridge.common import invocation
from weighbridge.components.data_validator.distances import Floats
from weighbridge.components.data_validator.findable import Findable
from weighbridge.components.data_validator.gates import DataGates, Distances
from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.components.evaluator.latency.budget import too_short
from weighbridge.runs.gate_risks import GateRisk
from weighbridge.runs.thresholds_in_force import Explained
from weighbridge.verdict.gate import format_value

_MOST = 5  # gates that are told one by one


@dataclass(frozen=True)
class Foreseen:
    """One thing that will go wrong.

    Attributes:
        location: of the key in the thresholds file.
        message: what, naming the value.
        hint: what to change.
        never: whether no model, or no data, can pass; else good ones fail more often than declared.
    """

    location: tuple[str, ...]
    message: str
    hint: str
    never: bool = False


def of_latency(gates: LatencyGates) -> Iterator[Foreseen]:
    """Limits of latency that there is too little time to measure."""
    for found in too_short(gates):
        yield Foreseen(("latency", *found.location), found.message, found.hint, found.never)


def of_last_run(explained: Explained) -> Iterator[Foreseen]:
    """Thresholds that the rows, or calls, of the last run cannot decide: no more of them than people read.

    Args:
        explained: the thresholds, and the last run.
    """
    gates = [
        risk
        for risk in explained.risks.gates
        if risk.advice and risk.drift is None and risk.severity == "blocking" and not _does_its_work(risk)
    ]
    run = explained.run.record.run_id if explained.run else ""
    worst = sorted(gates, key=lambda risk: -risk.found.rates.false_refusal if risk.found else -2.0)
    for risk in worst[:_MOST]:
        location = tuple(next((key.location for key in explained.thresholds.keys if key.path == risk.key), ()))
        if risk.found is None:
            message = f"{risk.gate.name} had no interval in run {run}, and cannot pass without: {risk.advice}"
            hint = "A class with fewer than 20 rows gives none: weigh on more data, or let the threshold only warn."
        else:
            often = f"{100 * risk.found.rates.false_refusal:.0f} %"
            like = "production" if risk.gate.baseline is not None else "the last one"
            message = f"{risk.gate.name}: by run {run} it refuses a model as good as {like} in {often} of runs"
            hint = f"It {risk.advice}." if risk.found.room > 0 else f"{risk.advice[:1].upper()}{risk.advice[1:]}."
        yield Foreseen(location, message, hint)
    if len(worst) > _MOST:
        more = f"{len(worst) - _MOST} more gates are tighter than the rows of run {run} can tell"
        yield Foreseen(("quality",), more, f"All of them: {invocation.command('gates')}")


def _does_its_work(risk: GateRisk) -> bool:
    """Whether a gate refused a first model for what it was: nothing says that a good one would fail."""
    return risk.found is not None and risk.found.room <= 0 and risk.gate.baseline is None


def of_drift(
    gates: DataGates, shares: Mapping[str, Floats], rows: Mapping[str, float], source: str
) -> Iterator[Foreseen]:
    """Distances that chance alone exceeds half of the limit of.

    Args:
        gates: the thresholds.
        shares: of each feature's values, by feature; what is not known is left out.
        rows: by split.
        source: where rows and shares are from, as in `the data at hand`.
    """
    train, held_out = rows.get("train"), rows.get("eval")
    compared: tuple[tuple[tuple[str, ...], Mapping[str, Distances], float | None], ...] = (
        (("data", "skew"), gates.skew, held_out),
        (("data", "drift", "production"), gates.drift.production, train),
        (("data", "drift", "previous_span"), gates.drift.previous_span, train),
    )
    for location, thresholds, others in compared:
        for feature, distances in thresholds.items():
            for measure, bounds in distances.measures().items():
                if not train or not others or feature not in shares or bounds.max is None:
                    continue
                found = Findable(measure, bounds.max, shares[feature], (train, others))
                if found.drowned:
                    yield _drowned((*location, feature, measure), found, source)


def _drowned(location: tuple[str, ...], found: Findable, source: str) -> Foreseen:
    ours, theirs = (f"{rows:,.0f}" for rows in found.rows)
    least = found.least()
    finds = "finds no drift at all" if least > 1 else f"finds only distances of {format_value(_two(least))} or more"
    message = (
        f"{'.'.join(location)}: max {found.limit:g}: chance alone puts {ours} and {theirs} rows of {source}, of "
        f"{len(found.shares):,} values, {format_value(_two(found.expected))} apart, which is more than half of it: the "
        f"gate takes that off, and {finds} (in 95 % of cases)"
    )
    wider = f", or set max: {format_value(_two(2.1 * found.expected))}" if found.expected < 0.45 else ""
    return Foreseen(location, message, f"Compare more rows{wider}.")


def _two(value: float) -> float:
    return float(f"{value:.2g}")
