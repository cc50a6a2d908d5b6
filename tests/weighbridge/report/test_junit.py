from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.report import Evidence, render_junit
from weighbridge.verdict import Gate, Verdict

# The schema that Jenkins validates against allows these, and no others.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors", "disabled"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id"},
    "testcase": {"name", "assertions", "time", "classname", "status"},
    "failure": {"message", "type"},
    "skipped": {"message", "type"},
    "property": {"name", "value"},
    "properties": set(),
    "system-out": set(),
}


def parsed(evidence: Evidence) -> ET.Element:
    return ET.fromstring(render_junit(evidence).encode())


def test_every_kind_of_run_is_what_jenkins_reads(evidence):
    root = parsed(evidence)
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag]
    [suite] = root
    assert suite.tag == "testsuite"
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases) == len(evidence.verdict.gates)
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) == len(evidence.verdict.refusals)
    assert int(suite.get("skipped")) == len(suite.findall("testcase/skipped"))
    assert int(suite.get("skipped")) == len(evidence.verdict.warnings) + len(evidence.verdict.not_compared)
    assert root.get("failures") == suite.get("failures")


def test_a_refused_gate_fails_with_what_was_observed_and_allowed(refused):
    case = parsed(refused).find(".//testcase[@name='quality.auc.min']")
    assert case.get("classname") == "taxi.quality"
    failure = case.find("failure")
    assert "must be at least 0.85" in failure.get("message")
    for told in ("observed: 0.8123", "allowed: ≥ 0.85", "production: 0.9212"):
        assert told in failure.text


def test_a_warning_is_skipped_with_its_message(passed):
    [case] = [case for case in parsed(passed).iter("testcase") if case.find("skipped") is not None]
    assert case.find("skipped").get("message").startswith("warning: company=3201")
    assert parsed(passed).find("testsuite").get("failures") == "0"


def test_what_had_nothing_to_compare_with_is_skipped_and_says_so(first_run):
    skipped = parsed(first_run).find(".//testcase[@name='quality.auc.min_change']/skipped")
    assert skipped.get("message") == "not compared: auc: nothing is in production yet to compare with."


@pytest.mark.parametrize("status", ["refused", "inconclusive", "unmeasured"])
def test_a_failure_is_of_the_type_of_its_status(status):
    gates = [Gate(name="a.b.max", status=status, message="m")]
    suite = parsed(Evidence(Verdict.of(gates, pipeline="p", run_id="r", subject={}))).find("testsuite")
    assert [each.get("type") for each in suite.iter("failure")] == [status]


def test_a_run_that_compared_nothing_is_a_failure():
    gates = [Gate(name="a.b.max_ratio", status="not_compared", message="m")]
    suite = parsed(Evidence(Verdict.of(gates, pipeline="p", run_id="r", subject={}))).find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "1")


def test_nothing_weighed_is_a_failure():
    suite = parsed(Evidence(Verdict.of([], pipeline="p", run_id="r", subject={}))).find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert suite.find("testcase/failure") is not None


def test_digests_and_time_are_there(passed):
    suite = parsed(passed).find("testsuite")
    values = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert values["verdict"] == passed.verdict.digest
    assert values["model"] == passed.verdict.subject["model"]
    assert float(suite.get("time")) == pytest.approx(41.96)


@settings(max_examples=80, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_stays_well_formed(text):
    gates = [
        Gate(name=text, status="refused", observed=text, unit=text, message=text),
        Gate(name=text, status="refused", severity="warning", message=text),
        Gate(name=text, status="passed", message=text),
    ]
    root = parsed(Evidence(Verdict.of(gates, pipeline=text, run_id=text, subject={text: text})))
    assert len(list(root.iter("testcase"))) == 3
    assert {element.tag for element in root.iter()} <= set(ATTRIBUTES)


def test_what_a_sample_decided_has_its_interval_and_rates(undecided):
    suite = parsed(undecided).find("testsuite")
    values = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert "passes all 4 sampled gates in at least 41 of 100 weighings" in values["worth"]
    failure = suite.find("testcase[@name='quality.payment_type=Credit Card.auc.min_change']/failure")
    assert failure.get("type") == "inconclusive"
    for told in (
        "interval: -0.044 to 0.000",
        "would tell such a value from that",
        "Refuses 27% of equal models, passes 5% of those at the threshold.",
    ):
        assert told in failure.text
    skipped = suite.find("testcase[@name='quality.trip_start_hour=3.auc.min_change']/skipped")
    assert skipped.get("message").startswith("undecided (warning): trip_start_hour=3.auc is undecided: -0.018")
    counted = suite.find("testcase[@name='data.rows.train.min']/system-out").text
    assert "interval" not in counted
    assert "Refuses" not in counted
