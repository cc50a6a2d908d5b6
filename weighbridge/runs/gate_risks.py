"""How often each gate errs with the rows at hand, what it can decide, and what to change where it cannot."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.components.data_validator.findable import Findable
from weighbridge.runs.drift_of_run import DriftOfRun
from weighbridge.runs.measured import Measured, Measurements
from weighbridge.thresholds.gates_file import Gates
from weighbridge.thresholds.in_force import KeyInForce, rule_sign
from weighbridge.verdict import Gate, Sampled
from weighbridge.verdict.decidable import Precision, looser, precision
from weighbridge.verdict.gate import format_value
from weighbridge.verdict.outcome import Rule
from weighbridge.verdict.risk import OnUndecided, Rates

if TYPE_CHECKING:
    from weighbridge.runs.thresholds_in_force import Reading

_CALLS_SHARE = 0.75 * 0.9  # of the budget for latency: what loading and warming up leave


@dataclass(frozen=True)
class GateRisk:
    """What one gate of the last run can decide.

    Attributes:
        key: path of the key that it is judged by.
        gate: as the run left it.
        severity: of the threshold that is in force.
        found: how surely it judges, with the value in force; None where `why` says what keeps that from being known.
        what: it was measured on: `rows`, or `calls`.
        of: the slice that the rows belong to; empty for all.
        why: why nothing is known.
        never: whether it can never pass with the data at hand.
        drift: what it can find, where it judges a distance.
    """

    key: str
    gate: Gate
    severity: str
    found: Precision | None
    what: str = "rows"
    of: str = ""
    why: str = ""
    never: bool = False
    drift: Findable | None = None

    @property
    def rates(self) -> Rates | None:
        """How often it refuses what is as good as production, or did not drift, and passes what is at the threshold."""
        if self.drift is not None:
            return Rates(false_pass=round(self.drift.false_pass, 6), false_refusal=round(self.drift.false_refusal, 6))
        return self.found.rates if self.found else None

    @property
    def known(self) -> bool:
        """Whether its rates are more than a bound."""
        return self.rates is not None and not (self.found is not None and self.found.at_worst)

    @property
    def advice(self) -> str:
        """What to change; empty where the gate decides what it is asked."""
        found = self.found
        if self.drift is not None:
            return _of_drift(self.drift)
        if found is None:
            return self.why
        if found.enough or found.at_worst:
            return ""
        unit, rule, instead = found.rule.unit, found.rule.name, looser(found)
        can, cannot = format_value(instead, unit), format_value(found.rule.threshold, unit)
        setting = f"set {rule}: {format_value(instead).replace(',', '')}"
        if found.room <= 0:
            equal = f"a model as good as {'production' if self.gate.baseline is not None else 'this one'}"
            return (
                f"{equal} has {format_value(found.equal, unit)}, and is refused whatever the {self.what}: it takes a "
                f"better one, or {setting}"
            )
        needed = found.rows_needed
        if needed is None:
            return f"can decide {can}, not {cannot}: {setting}"
        if math.isinf(needed):
            return f"can decide {can}, not {cannot}: retraining alone moves it too far for any {self.what}; {setting}"
        many = format_value(float(f"{needed:.2g}"))
        of = f" of {self.of}" if self.of else ""
        has = f"it has {found.rows:,}" if self.what == "rows" else f"budget_s has time for about {found.rows:,}"
        return f"can decide {can}, not {cannot}: needs about {many} {self.what}{of}, {has}; or {setting}"

    def document(self) -> dict[str, Any]:
        """For machines."""
        found: dict[str, Any] = self.found.document() if self.found else {"threshold": self.gate.threshold}
        if self.drift is not None:
            found = _document(self.drift)
        return {
            "gate": self.gate.name,
            "key": self.key,
            "severity": self.severity,
            "unit": self.gate.unit,
            "measured_on": self.what if self.rates else None,
            **found,
            "what_to_change": self.advice or None,
        }


@dataclass(frozen=True)
class Risks:
    """What the gates of the last run that judge by a sample can decide.

    Attributes:
        gates: in the order of the file.
        counted: names of those that judge what was counted, in which chance has no part.
    """

    gates: tuple[GateRisk, ...]
    counted: tuple[str, ...]

    @property
    def blocking(self) -> list[GateRisk]:
        """Those that may refuse a model by chance, and of which it is known how often."""
        return [each for each in self.gates if each.known and each.severity == "blocking"]

    @property
    def to_compare(self) -> list[GateRisk]:
        """Those that nothing was in production for: their errors are bounds."""
        return [each for each in self.gates if each.found is not None and each.found.at_worst]

    @property
    def without_spread(self) -> int:
        """Blocking gates on quality whose rates leave out what another training moves: `retraining_sd` is not given."""
        quality = (each.found for each in self.blocking if each.key.startswith("quality."))
        return sum(found is not None and not found.spread for found in quality)

    @property
    def most_false_refusals(self) -> float:
        """Bound on how often the whole verdict refuses a model as good as production: Boole's inequality.

        Gates that err together, as slices of the same rows do, make it less.
        """
        return min(1.0, math.fsum(each.rates.false_refusal for each in self.blocking if each.rates))

    @property
    def least_false_refusals(self) -> float:
        """What the worst gate alone makes of it."""
        return max((each.rates.false_refusal for each in self.blocking if each.rates), default=0.0)

    def document(self) -> dict[str, Any]:
        """For machines."""
        unknown = [each.gate.name for each in self.gates if each.rates is None]
        return {
            "gates": [each.document() for each in self.gates],
            "verdict": {
                "false_refusal_at_most": self.most_false_refusals,
                "false_refusal_at_least": self.least_false_refusals,
                "gates": len(self.blocking),
                "not_yet_compared": len(self.to_compare),
                "without_retraining_sd": self.without_spread,
                "method": "sum over the blocking gates (Boole's inequality)",
            },
            "counted": list(self.counted),
            "unknown": unknown,
        }


def _of_drift(found: Findable) -> str:
    if not found.drowned:
        return ""
    least = found.least()
    finds = f"finds distances of {format_value(_two(least))} or more" if least <= 1 else "finds nothing"
    return (
        f"chance alone brings {format_value(_two(found.expected))}, which is taken off: {finds}, not {found.limit:g}; "
        f"compare more rows, or set max: {format_value(_two(min(1.0, 2.1 * found.expected)))}"
    )


def _document(found: Findable) -> dict[str, Any]:
    least = found.least()
    return {
        "threshold": found.limit,
        "rows": int(min(found.rows)),
        "decides": least if least <= 1 else None,
        "by_chance": found.expected,
        "false_refusal": found.false_refusal,
        "false_pass": found.false_pass,
        "decidable": not found.drowned,
    }


def _two(value: float) -> float:
    return float(f"{value:.2g}")


def gate_risks(
    gates: Gates,
    keys: Sequence[KeyInForce],
    readings: "Mapping[str, Sequence[Reading]]",
    measured: Measurements,
    drift: DriftOfRun,
) -> Risks:
    """What the gates of a run can decide with the thresholds that are in force now.

    Args:
        gates: the thresholds.
        keys: of the file.
        readings: of the run, by path of the key.
        measured: by its evaluation.
        drift: what its statistics tell.
    """
    found, counted = list[GateRisk](), list[str]()
    for key, gate in _judged(keys, readings):
        distance = drift.findable(key)
        if distance is not None:
            found.append(GateRisk(key.path, gate, key.severity, None, drift=distance))
            continue
        risk = _risk(gates, key, gate, measured)
        if risk is None:
            counted.append(gate.name)
        else:
            found.append(risk)
    return Risks(tuple(found), tuple(counted))


def _judged(
    keys: Sequence[KeyInForce], readings: "Mapping[str, Sequence[Reading]]"
) -> Iterator[tuple[KeyInForce, Gate]]:
    for key in keys:
        if rule_sign(key):
            yield from ((key, reading.gate) for reading in readings.get(key.path, ()))


def _risk(gates: Gates, key: KeyInForce, gate: Gate, measured: Measurements) -> GateRisk | None:
    """Of one gate; None where it judges what was counted."""
    if key.location[0] not in ("quality", "latency"):
        return None
    subject, _, name = gate.name.rpartition(".")
    rule = Rule(name, float(key.value), gate.unit)
    section = gates.quality if key.location[0] == "quality" else gates.latency
    value, against = measured.of(subject, "value"), measured.of_gate(gate, section.risk)
    at_hand = against or value
    if at_hand is None:
        return None
    sampled = sampled_of(gates, key, at_hand)
    what = "calls" if at_hand.call_s else "rows"
    of = gate.name.removeprefix("quality.").removesuffix(f".{'.'.join(key.location[-2:])}") if what == "rows" else ""
    of = "" if "=" not in of else of
    if at_hand.interval.low is None or at_hand.interval.high is None:
        if gate.status != "inconclusive":
            return None  # of a provider that gives no interval: the value decides
        return GateRisk(key.path, gate, key.severity, None, what, of, gate.message, never=True)
    found = precise(rule, against, value, sampled)
    if found is None:
        return GateRisk(key.path, gate, key.severity, None, what, of, gate.message)
    affordable = _affordable(gates, key, at_hand)
    return GateRisk(
        key.path, gate, key.severity, found.with_rows(affordable) if affordable > found.rows else found, what, of
    )


def precise(rule: Rule, against: Measured | None, value: Measured | None, sampled: Sampled) -> Precision | None:
    """How surely a rule judges what a run measured; None where that has no interval that is known.

    Args:
        rule: with its threshold.
        against: what it judges; None where nothing was in production to compare with.
        value: the candidate's own.
        sampled: how it is judged now.
    """
    at_hand = against or value
    if at_hand is None:
        return None
    return precision(
        rule,
        against.of_an_equal(rule.kind) if against else None,
        candidate=value.estimate if value else None,
        production=at_hand.production,
        measured=at_hand.made,
        sampled=sampled,
    )


def sampled_of(gates: Gates, key: KeyInForce, found: Measured) -> Sampled:
    """How a threshold on quality or latency is judged by what was measured."""
    if key.location[0] == "latency":
        return Sampled(gates.latency.risk, found.looks, gates.latency.on_undecided, found.rows)
    bounds = gates.quality.metrics.get(key.location[-2])
    if key.location[1] == "slice_metrics":
        bounds = gates.quality.slice_metrics[int(key.location[2])].metrics[key.location[-2]]
    spread = bounds.retraining_sd if bounds and bounds.retraining_sd else 0.0
    undecided: OnUndecided = "warn" if gates.quality.on_undecided == "warn" else "refuse"
    return Sampled(gates.quality.risk, gates.quality.looks, undecided, found.rows, spread)


def _affordable(gates: Gates, key: KeyInForce, found: Measured) -> int:
    """Calls that the budget allows: while a threshold is undecided, more are made."""
    if not found.call_s:
        return 0
    latency = gates.latency
    if key.location[1] == "variants":
        parts = sum(each.parts for each in latency.variants[key.location[2]].batch_sizes.values())
        return int(0.9 * latency.budget_s / parts / found.call_s)
    parts = sum(each.parts for each in latency.batch_sizes.values())
    return int(_CALLS_SHARE * latency.budget_s / parts / found.call_s)
