"""The verdict as Prometheus text, for node_exporter's text files or a push gateway."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from weighbridge.report.text import one_line
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.gate import STATUSES

Sample = tuple[Mapping[str, str], float]
Family = tuple[str, str, Iterable[Sample]]

_LABEL = re.compile(r"[^a-zA-Z0-9_]")


def render_prometheus(verdict: Verdict) -> str:
    """The verdict in Prometheus' text format.

    The run and the digests are labels of `weighbridge_verdict_info` alone: as labels of every gate they would make
    a new series of each with every run. `weighbridge_gate_status` has one sample per gate, always 1, whose label
    `status` says how the gate ended; `weighbridge_gate_passed` is 1 also for gates that had nothing to compare with.
    """
    own = {"pipeline": verdict.pipeline}
    info = {_LABEL.sub("_", name): value for name, value in sorted(verdict.subject.items())}
    ended = Counter(gate.status for gate in verdict.gates)
    gates = [(own | {"gate": gate.name, "severity": gate.severity}, gate) for gate in verdict.gates]
    families: list[Family] = [
        ("verdict_passed", "Whether the last verdict lets the model through.", [(own, float(verdict.passed))]),
        ("verdict_info", "What the last verdict was measured on.", [(info | own | {"run_id": verdict.run_id}, 1.0)]),
        (
            "verdict_gates",
            "How many gates of the last verdict ended in a status.",
            [(own | {"status": status}, float(ended[status])) for status in STATUSES],
        ),
        ("gate_status", "How a gate ended.", [(one | {"status": gate.status}, 1.0) for one, gate in gates]),
        ("gate_passed", "Whether a gate lets the model through.", [(one, float(gate.passed)) for one, gate in gates]),
    ]
    for value, what in (("observed", "was measured"), ("threshold", "is allowed"), ("baseline", "production has")):
        numbers = [
            (labels | {"unit": gate.unit}, float(number))
            for labels, gate in gates
            if isinstance(number := getattr(gate, value), int | float) and not isinstance(number, bool)
        ]
        families.append((f"gate_{value}", f"What {what}, in the unit of the gate.", numbers))
    families += [_intervals(gates), *_rates(gates)]
    return "".join(_family(f"weighbridge_{name}", help_text, samples) for name, help_text, samples in families)


def _intervals(gates: Iterable[tuple[dict[str, str], Gate]]) -> Family:
    ends: list[Sample] = [
        (labels | {"unit": gate.unit, "end": end}, value)
        for labels, gate in gates
        for end, value in zip(("low", "high"), gate.interval or (), strict=False)
        if value is not None
    ]
    return "gate_interval", "The ends of the interval that decided, in the unit of the gate.", ends


def _rates(gates: Iterable[tuple[dict[str, str], Gate]]) -> list[Family]:
    stated = [(labels, gate.rates) for labels, gate in gates if gate.rates is not None]
    refusals = [(labels, rates.false_refusal) for labels, rates in stated]
    passes = [(labels, rates.false_pass) for labels, rates in stated]
    return [
        ("gate_false_refusal", "Probability that a gate does not pass a model as good as production.", refusals),
        ("gate_false_pass", "Probability that a gate passes a model exactly at its threshold.", passes),
    ]


def _family(name: str, help_text: str, samples: Iterable[Sample]) -> str:
    lines = [f"{name}{{{_labels(labels)}}} {value:.17g}\n" for labels, value in samples]
    return f"# HELP {name} {help_text}\n# TYPE {name} gauge\n{''.join(lines)}"


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return one_line(value).replace("\\", "\\\\").replace('"', '\\"')
