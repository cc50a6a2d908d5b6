"""What a pipeline's thresholds let through: each key in force, beside what its last run observed."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from weighbridge.common import invocation
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.attempts import GATE as ATTEMPTS_GATE
from weighbridge.components.evaluator.attempts import at_first_attempt
from weighbridge.definition import Definition
from weighbridge.runs.drift_of_run import DriftOfRun
from weighbridge.runs.gate_risks import Risks, gate_risks
from weighbridge.runs.measured import Measurements
from weighbridge.runs.own_verdict import read_verdict
from weighbridge.runs.record import Run
from weighbridge.runs.workspace import Workspace
from weighbridge.thresholds.gate_names import LABEL_MISSING, gate_names
from weighbridge.thresholds.gates_file import THRESHOLDS_FILE, Gates, sections_of_steps
from weighbridge.thresholds.in_force import KeyInForce, ThresholdsInForce, rule_sign, thresholds_in_force
from weighbridge.verdict import Gate, Section, Verdict
from weighbridge.verdict.verdict import VERDICT_FILE


@dataclass(frozen=True)
class Reading:
    """What one gate of a run found, for one key.

    Attributes:
        gate: the gate.
        observed: what it observed, as the key counts it.
        interval: confidence interval of that; None where it has none.
        margin: how far it lies on the allowed side of the value in force, in the gate's unit; negative on the other
            side, None for what is no number.
    """

    gate: Gate
    observed: Any
    interval: tuple[float, float] | None
    margin: float | None

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {
            "gate": self.gate.name,
            "status": self.gate.status,
            "observed": self.observed,
            "production": self.gate.baseline,
            "unit": self.gate.unit,
            "interval": None if self.interval is None else list(self.interval),
            "margin": self.margin,
            "threshold_then": self.gate.threshold,
        }


@dataclass(frozen=True)
class Explained:
    """A pipeline's thresholds, and what its last run observed.

    Attributes:
        pipeline: its name.
        thresholds: the keys in force.
        run: the last run that came to a verdict; None for none.
        readings: by path of the key; what is closest to being refused comes first.
        measured: by the run's evaluation; None where there was no run.
        counted: whether the run was counted as an attempt on its evaluation data.
    """

    pipeline: str
    thresholds: ThresholdsInForce
    run: Run | None
    readings: dict[str, list[Reading]]
    measured: Measurements | None = None
    counted: bool = False

    @property
    def judged_by(self) -> Gates:
        """The thresholds as a candidate is judged by on fresh evaluation data."""
        gates = self.thresholds.gates
        return gates.model_copy(update={"quality": at_first_attempt(gates.quality)}) if self.counted else gates

    @cached_property
    def risks(self) -> Risks:
        """What the gates can decide with the rows that the run had."""
        if self.measured is None or self.run is None:
            return Risks((), ())
        thresholds, drift = self.thresholds, DriftOfRun(self.run)
        return gate_risks(self.judged_by, thresholds.keys, self.readings, self.measured, drift)

    @property
    def first_command(self) -> str:
        """What to run for what the gates can decide to be known; empty where it is."""
        if any(risk.key.startswith(("quality.", "latency.")) for risk in self.risks.gates):
            return ""
        return invocation.command("run")

    @property
    def changed(self) -> list[KeyInForce]:
        """The rules that had another value when the run was weighed."""
        return [
            key
            for key in self.thresholds.keys
            if key.is_rule and any(each.gate.threshold != key.value for each in self.readings.get(key.path, ()))
        ]

    def document(self) -> dict[str, Any]:
        """For machines."""
        record = self.run.record if self.run else None
        return {
            "pipeline": self.pipeline,
            "file": str(self.thresholds.file),
            "run": {"run_id": record.run_id, "state": record.state} if record else None,
            "keys": [
                {
                    "key": key.path,
                    "value": key.value,
                    "from": "default" if key.line is None else f"line {key.line}",
                    "line": key.line,
                    "unit": key.unit,
                    "severity": key.severity or None,
                    "description": key.description,
                    "compared_with": key.against,
                    "missing_data": key.missing,
                    "last_run": [reading.document() for reading in self.readings.get(key.path, [])],
                }
                for key in self.thresholds.keys
            ],
            "risk": {name: getattr(self.thresholds.gates, name).risk.model_dump() for name in ("quality", "latency")},
            "judged_as": "the first attempt on fresh evaluation data" if self.counted else None,
            "risks": self.risks.document() if self.run else None,
            "run_first": self.first_command or None,
        }


def explain_thresholds(definition: Definition, workdir: str | Path, *, own_steps: bool = True) -> Explained:
    """Explain the thresholds beside a pipeline.

    Args:
        definition: the pipeline.
        workdir: folder that keeps its runs.
        own_steps: whether to build the pipeline where sections of its own steps are given, for their types to be told.

    Raises:
        UsageError: the thresholds cannot be read.
    """
    path = definition.folder / THRESHOLDS_FILE
    thresholds = thresholds_in_force(path)
    if own_steps and thresholds.gates.steps:
        thresholds = thresholds_in_force(path, _sections(definition, workdir))
    found = _last_weighed(Workspace(workdir, definition.name))
    if found is None:
        return Explained(definition.name, thresholds, None, {})
    run, verdict = found
    measured = Measurements(run)
    counted = any(gate.name == ATTEMPTS_GATE for gate in verdict.gates)
    readings = _readings(thresholds, verdict, measured)
    return Explained(definition.name, thresholds, run, readings, measured, counted)


def _sections(definition: Definition, workdir: str | Path) -> dict[str, Section]:
    """The sections of the pipeline's own steps, as far as building it with its own parameters tells their types."""
    with sections_of_steps() as found:
        try:
            context = Workspace(workdir, definition.name).context(definition)
            definition.create_pipeline(definition.parameters(), context)
        except UsageError:
            raise
        except Exception:  # noqa: S110, a pipeline that needs data or a setting: what is given is shown as it is
            pass
    return found


def _last_weighed(workspace: Workspace) -> tuple[Run, Verdict] | None:
    """The last run, of the whole or of its first steps, whose verdict is its own, and that verdict."""
    for run in workspace.newest_first():
        if run.record.kind == "run" and (run.folder / VERDICT_FILE).exists():
            try:
                return run, read_verdict(run)
            except UsageError:
                continue
    return None


def _readings(thresholds: ThresholdsInForce, verdict: Verdict, measured: Measurements) -> dict[str, list[Reading]]:
    found: dict[str, list[Reading]] = {}
    for key in thresholds.keys:
        pattern = gate_names(key, thresholds.gates)
        read = [
            Reading(gate, _observed(key, gate), measured.interval(gate.name), margin(key, gate))
            for gate in verdict.gates
            if pattern is not None and pattern.fullmatch(gate.name)
        ]
        if read:
            found[key.path] = sorted(read, key=lambda each: (each.gate.passed, each.margin is None, each.margin or 0.0))
    return found


def _observed(key: KeyInForce, gate: Gate) -> Any:
    """What a gate observed; the label's counts the rows that have it, its key those that lack it."""
    if key.path == LABEL_MISSING and isinstance(gate.observed, float):
        return 1.0 - gate.observed
    return gate.observed


def margin(key: KeyInForce, gate: Gate) -> float | None:
    """How far what a gate observed lies on the allowed side of the value in force; of what is no rule, of its own."""
    threshold, sign = (key.value, rule_sign(key)) if key.is_rule else (gate.threshold, 1)
    if not key.is_rule and gate.rule.startswith("max"):
        sign = -1
    numbers = [value for value in (gate.observed, threshold) if isinstance(value, int | float)]
    if len(numbers) < 2 or any(isinstance(value, bool) for value in numbers) or not sign:
        return None
    return float(sign * (numbers[0] - numbers[1])) + 0.0  # no -0
