import pytest

from weighbridge.report import render_prometheus
from weighbridge.verdict import Gate, Verdict


def families(verdict: Verdict):
    parser = pytest.importorskip("prometheus_client.parser")
    return {family.name: family.samples for family in parser.text_string_to_metric_families(render_prometheus(verdict))}


def test_what_prometheus_reads(refused):
    found = families(refused.verdict)
    [passed] = found["weighbridge_verdict_passed"]
    assert (passed.labels, passed.value) == ({"pipeline": "taxi"}, 0.0)
    [info] = found["weighbridge_verdict_info"]
    assert info.labels["model"] == refused.verdict.subject["model"]
    assert info.labels["run_id"] == refused.verdict.run_id
    assert len(found["weighbridge_gate_passed"]) == len(refused.verdict.gates)
    observed = {sample.labels["gate"]: sample.value for sample in found["weighbridge_gate_observed"]}
    assert observed["quality.auc.min"] == 0.8123
    assert "training.model.exported" not in observed


def test_text_from_data_cannot_add_a_line():
    evil = 'a"} 1\nforged_metric 1\\'
    gate = Gate(name=evil, passed=True, observed=1, message="m")
    verdict = Verdict.of([gate], pipeline=evil, run_id="r", subject={"a-b": "c"})
    found = families(verdict)
    assert "forged_metric" not in found
    assert found["weighbridge_gate_passed"][0].labels["gate"] == 'a"} 1 forged_metric 1\\'
    assert found["weighbridge_verdict_info"][0].labels["a_b"] == "c"
