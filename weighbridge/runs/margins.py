"""The calculator: rows that a margin needs, and the margin that rows decide, by what the last run measured."""

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from weighbridge.common import invocation
from weighbridge.common.errors import UsageError
from weighbridge.runs.gate_risks import precise, sampled_of
from weighbridge.runs.measured import Measured
from weighbridge.runs.thresholds_in_force import Explained
from weighbridge.thresholds.in_force import KeyInForce
from weighbridge.verdict.bounds import RULES
from weighbridge.verdict.decidable import Precision, looser
from weighbridge.verdict.gate import format_value
from weighbridge.verdict.outcome import Rule, kind_of

_LISTED = 12


@dataclass(frozen=True)
class Margin:
    """One answer.

    Attributes:
        subject: what was measured, as gates are called: `quality.auc`.
        found: how surely it was measured, with the threshold or the rows that were asked for.
        at_hand: rows or calls of the last run.
        what: they are: `rows`, or `calls`.
        asked: `rows`, where a threshold was given; `margin`, where rows were.
    """

    subject: str
    found: Precision
    at_hand: int
    what: str
    asked: str

    @property
    def sentence(self) -> str:
        """For people."""
        rule = self.found.rule
        name = f"{self.subject}.{rule.name}"
        worst = " Nothing was in production: beside it, in pairs, fewer do." if self.found.at_worst else ""
        if self.asked == "margin":
            return f"{name}: {self.found.rows:,} {self.what} decide {_value(looser(self.found), rule)}.{worst}"
        needed, threshold = self.found.rows_needed, _value(rule.threshold, rule)
        now = f"there are {self.at_hand:,}, which decide {_value(looser(self.found), rule)}"
        if self.found.room <= 0:
            equal = _value(self.found.equal, rule)
            return f"{name}: no {self.what} suffice for {threshold}: a model like production's has {equal}; {now}."
        if needed is None or math.isinf(needed):
            return f"{name}: no {self.what} suffice for {threshold}: retraining alone moves it too far; {now}."
        many = format_value(float(f"{needed:.2g}"))
        return f"{name}: {threshold} needs about {many} {self.what}; {now}.{worst}"

    def document(self) -> dict[str, Any]:
        """For machines."""
        name = f"{self.subject}.{self.found.rule.name}"
        asked = {"asked": self.asked, "measured_on": self.what, "rows_at_hand": self.at_hand}
        return {"gate": name, **asked, **self.found.document()}


def rows_needed(explained: Explained, asked: str) -> list[Margin]:
    """Rows that a threshold needs.

    Args:
        explained: the pipeline's thresholds and its last run.
        asked: `quality.metrics.auc=-0.005`: a key of gates.yaml, or a gate, with its rule or without, and a threshold.

    Raises:
        UsageError: it names nothing that was measured, or is no number.
    """
    name, value = _parted(explained, asked, "--margin quality.metrics.auc=-0.005", float, "a number")
    found = []
    for subject, rule in _subjects(explained, name, value):
        measured = _precise(explained, subject, Rule(rule, value, _unit(explained, subject, rule)))
        if measured.room == 0 and rule != "min" and rule != "max":
            raise UsageError(
                f"{asked}: {value:g} is no margin", f"Give a number below or above it, e.g. {name}=-0.005."
            )
        found.append(_margin(explained, subject, measured, "rows"))
    return found


def margins_decided(explained: Explained, asked: str) -> list[Margin]:
    """The margin that rows decide.

    Args:
        explained: the pipeline's thresholds and its last run.
        asked: `quality.metrics.auc=20000`: likewise, and a number of rows, of calls where it is a latency.

    Raises:
        UsageError: it names nothing that was measured, or is no number of rows.
    """
    name, rows = _parted(explained, asked, "--rows quality.metrics.auc=20000", int, "a whole number of rows")
    if rows < 1:
        raise UsageError(f"{asked}: {rows} is no number of rows", "Give 1 or more.")
    found = []
    for subject, rule in _subjects(explained, name, None):
        measured = _precise(explained, subject, Rule(rule, 1.0 if kind_of(rule) == "ratio" else 0.0))
        found.append(_margin(explained, subject, measured.with_rows(rows), "margin"))
    return found


def _margin(explained: Explained, subject: str, found: Precision, asked: str) -> Margin:
    measured = _measured(explained, subject, kind_of(found.rule.name))
    return Margin(subject, found, measured.rows, "calls" if measured.call_s else "rows", asked)


def _parted(explained: Explained, asked: str, example: str, kind: Any, what: str) -> tuple[str, Any]:
    if explained.measured is None or not explained.measured.by_name:
        raise UsageError(
            f"{asked}: nothing of {explained.pipeline} was measured yet, so nobody knows what a row tells",
            f"Run it first: {invocation.command('run', pipeline=explained.pipeline)}",
        )
    name, _, given = asked.rpartition("=")
    try:
        value = kind(given.replace(",", "").replace("_", ""))
    except ValueError:
        value = math.nan
    if not name or not math.isfinite(value):
        raise UsageError(f"{asked!r} does not end in {what}", f"Write it as in: {example}")
    return name, value


def _subjects(explained: Explained, name: str, value: float | None) -> Iterator[tuple[str, str]]:
    """What was measured under a name, each with the rule that is asked for."""
    bare, _, rule = name.rpartition(".")
    if rule not in RULES:
        bare, rule = name, ""
    judged = {(risk.gate.name.rpartition(".")[0], risk.key) for risk in explained.risks.gates}
    known = _known(explained)
    found = [subject for subject, key in sorted(judged) if key.rpartition(".")[0] == bare]
    found = list(dict.fromkeys(found)) or [each for each in (bare, _as_gate(bare)) if each in known][:1]
    if not found:
        close = difflib.get_close_matches(_as_gate(bare), known, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        known.sort(key=lambda each: "=" in each)
        listed = ", ".join(known[:_LISTED]) + (f" and {len(known) - _LISTED} more" if len(known) > _LISTED else "")
        raise UsageError(f"The last run measured no {bare!r} with an interval.{guess}", f"It measured: {listed}.")
    for subject in found:
        yield subject, rule or _relative(explained, subject, value)


def _relative(explained: Explained, subject: str, value: float | None) -> str:
    """The rule that compares a quantity with production: as the file has it, else as its sign says."""
    kind, way = ("change", 0.0) if subject.startswith("quality.") else ("ratio", 1.0)
    given = {gate.gate.rule for gate in explained.risks.gates if gate.gate.name.rpartition(".")[0] == subject}
    rules = [rule for rule in (f"min_{kind}", f"max_{kind}") if rule in given]
    if value is not None:
        if kind == "ratio" and value <= 0:
            raise UsageError(f"{subject}={value:g}: a latency is compared as a ratio", "Give more than 0, such as 1.2.")
        return f"min_{kind}" if value < way else f"max_{kind}"
    more = kind == "change" or "throughput" in subject
    return rules[0] if rules else f"min_{kind}" if more else f"max_{kind}"


def _known(explained: Explained) -> list[str]:
    by_name = explained.measured.by_name if explained.measured else {}
    sure = (name.rpartition(" ")[0] for name, found in by_name.items() if found.rows and found.interval.low is not None)
    return list(dict.fromkeys(sure))


def _as_gate(name: str) -> str:
    """A key of the file as its gates are called."""
    name = re.sub(r"^quality\.metrics\.", "quality.", name)
    name = re.sub(r"^latency\.variants\.", "latency.", name)
    name = re.sub(r"(^latency\.(?:.+\.)?)batch_sizes\.(\d+)\.", r"\1batch_\2.", name)
    return re.sub(r"(^latency\..+\.)concurrency\.(\d+)\.", r"\1concurrency_\2.", name)


def _measured(explained: Explained, subject: str, kind: str) -> Measured:
    assert explained.measured is not None  # noqa: S101, `_parted` looks first
    found = explained.measured.of(subject, kind) or explained.measured.of(subject, "value")
    assert found is not None  # noqa: S101, `_subjects` looks first
    return found


def _precise(explained: Explained, subject: str, rule: Rule) -> Precision:
    assert explained.measured is not None  # noqa: S101
    against, value = explained.measured.of(subject, rule.kind), explained.measured.of(subject, "value")
    at_hand = _measured(explained, subject, rule.kind)
    found = precise(rule, against, value, sampled_of(explained.judged_by, _key(explained, subject), at_hand))
    if found is None:
        raise UsageError(f"{subject} has no interval in the last run", "Weigh on more data, then ask again.")
    return found


def _key(explained: Explained, subject: str) -> KeyInForce:
    """The key that judges a quantity; one that stands for it where none does."""
    paths: Iterable[str] = (each.key for each in explained.risks.gates if each.gate.name.startswith(f"{subject}."))
    path = next(iter(paths), None)
    found = next((key for key in explained.thresholds.keys if key.path == path), None)
    section, *rest = subject.split(".")
    return found or KeyInForce((section, *(["metrics"] if section == "quality" else []), *rest, ""), None, None)


def _unit(explained: Explained, subject: str, rule: str) -> str:
    if kind_of(rule) == "ratio":
        return "x"
    units = (each.gate.unit for each in explained.risks.gates if each.gate.name.startswith(f"{subject}."))
    return next((unit for unit in units if unit != "x"), "ms" if subject.endswith("_ms") else "")


def _value(value: float, rule: Rule) -> str:
    return format_value(value, rule.unit)
