"""The verdict as JUnit XML, as Jenkins and its relatives read it: a gate is a test case."""

from xml.etree import ElementTree as ET

from weighbridge.report.evidence import Evidence
from weighbridge.report.gate_groups import Line, group_of, state_of
from weighbridge.report.text import clean
from weighbridge.report.worth import worth_text
from weighbridge.verdict import NOTHING_WEIGHED, Gate


def render_junit(evidence: Evidence) -> str:
    """The evidence's verdict as an XML document.

    The class of a test case is `<pipeline>.<group>`, so that Jenkins shows the pipeline as the package and the group as
    the class. A gate that does not let the model through is a failure, its type the gate's status: refused,
    inconclusive or unmeasured. One that only warns, or that had nothing to compare with, is a skipped test, which
    Jenkins shows with its message without failing the build. The output of every test case has observed, allowed and
    production's value, and where a sample decided the interval and how often such a gate is wrong.
    """
    verdict = evidence.verdict
    # A document of no test case, or of none but skipped ones, looks like success to most of its readers.
    gates = verdict.gates if verdict.passed or verdict.refusals else (*verdict.gates, NOTHING_WEIGHED)
    counts = {
        "tests": str(len(gates)),
        "failures": str(sum(gate.refuses for gate in gates)),
        "errors": "0",
        "skipped": str(len(verdict.warnings) + len(verdict.not_compared)),
        "time": f"{sum(step.seconds for step in evidence.steps):.3f}",
    }
    root = ET.Element("testsuites", {"name": "weighbridge"} | {key: counts[key] for key in counts if key != "skipped"})
    suite = ET.SubElement(root, "testsuite", {"name": clean(verdict.pipeline) or "weighbridge"} | counts)
    properties = ET.SubElement(suite, "properties")
    if worth := worth_text(verdict):
        ET.SubElement(properties, "property", {"name": "worth", "value": clean(worth)})
    bound = {"run_id": verdict.run_id, "verdict": verdict.digest, **dict(sorted(verdict.subject.items()))}
    for name, value in bound.items():
        ET.SubElement(properties, "property", {"name": clean(name), "value": clean(value)})
    for gate in gates:
        suite.append(_case(gate, verdict.pipeline))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(gate: Gate, pipeline: str) -> ET.Element:
    group = group_of(gate)
    # A dot would make Jenkins cut the package in two.
    package = clean(pipeline).replace(".", "_") or "weighbridge"
    case = ET.Element(
        "testcase", {"classname": f"{package}.{clean(group)}", "name": clean(gate.name) or "gate", "time": "0"}
    )
    line = Line(state_of(gate), gate.name, (gate,))
    output = "\n".join([*_values(line), *filter(None, (gate.message, line.rates))])
    if line.state == "refused":
        failure = ET.SubElement(case, "failure", {"message": clean(gate.message), "type": gate.status})
        failure.text = clean(output)
    elif line.state != "passed":
        ET.SubElement(case, "skipped", {"message": clean(f"{line.word}: {gate.message}")})
    ET.SubElement(case, "system-out").text = clean(output)
    return case


def _values(line: Line) -> list[str]:
    values = {
        "observed": line.observed,
        "interval": line.interval,
        "allowed": line.allowed,
        "production": line.production,
    }
    return [f"{name}: {value}" for name, value in values.items() if value]
