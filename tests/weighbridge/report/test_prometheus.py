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
    assert {sample.labels["status"]: sample.value for sample in found["weighbridge_verdict_gates"]} == {
        "passed": 48,
        "refused": 7,
        "inconclusive": 0,
        "unmeasured": 0,
        "not_compared": 0,
    }
    observed = {sample.labels["gate"]: sample.value for sample in found["weighbridge_gate_observed"]}
    assert observed["quality.auc.min"] == 0.8123
    assert "training.model.exported" not in observed


def test_each_gate_has_its_status(first_run):
    found = families(first_run.verdict)
    status = {sample.labels["gate"]: sample.labels["status"] for sample in found["weighbridge_gate_status"]}
    assert (status["quality.auc.min"], status["quality.auc.min_change"]) == ("passed", "not_compared")
    assert len(status) == len(first_run.verdict.gates)
    assert all(sample.value == 1 for sample in found["weighbridge_gate_status"])


def test_text_from_data_cannot_add_a_line():
    evil = 'a"} 1\nforged_metric 1\\'
    gate = Gate(name=evil, status="passed", observed=1, message="m")
    verdict = Verdict.of([gate], pipeline=evil, run_id="r", subject={"a-b": "c"})
    found = families(verdict)
    assert "forged_metric" not in found
    assert found["weighbridge_gate_passed"][0].labels["gate"] == 'a"} 1 forged_metric 1\\'
    assert found["weighbridge_verdict_info"][0].labels["a_b"] == "c"


def test_intervals_and_rates_are_numbers(undecided):
    found = families(undecided.verdict)
    name = "quality.payment_type=Cash.auc.min_change"
    ends = {
        each.labels["end"]: each.value for each in found["weighbridge_gate_interval"] if each.labels["gate"] == name
    }
    assert ends == {"low": -0.0741, "high": -0.0301}
    for family, rate in (("false_refusal", 0.28), ("false_pass", 0.05)):
        values = {each.labels["gate"]: each.value for each in found[f"weighbridge_gate_{family}"]}
        assert values[name] == pytest.approx(rate, abs=0.01)
        assert "data.rows.train.min" not in values


def test_an_end_that_is_not_known_is_no_number():
    gate = Gate(name="a.b.max", status="inconclusive", interval=(None, 2.0), message="m")
    found = families(Verdict.of([gate], pipeline="p", run_id="r", subject={}))
    assert [sample.labels["end"] for sample in found["weighbridge_gate_interval"]] == ["high"]
