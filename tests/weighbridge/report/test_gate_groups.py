import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.report import render_html
from weighbridge.report.evidence import Evidence
from weighbridge.report.gate_groups import counts_text, group_gates
from weighbridge.report.markdown import render_markdown
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.gate import STATUSES

NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)
GATES = st.lists(
    st.builds(lambda name, status: Gate(name=name, status=status, message="m"), NAMES, st.sampled_from(STATUSES))
)


def gate(name, status="passed", **values):
    return Gate(name=name, status=status, message="m", **values)


@given(GATES)
def test_no_gate_is_lost_and_none_refused_is_hidden(gates):
    found = [line for group in group_gates(gates) for line in group.lines]
    assert sorted(each.name for line in found for each in line.gates) == sorted(each.name for each in gates)
    assert all(len(line.gates) == 1 for line in found if line.state not in ("passed", "not_compared"))
    assert all(len({each.status for each in line.gates}) == 1 for line in found)


@pytest.mark.parametrize(
    ("status", "severity", "state", "word"),
    [
        ("passed", "blocking", "passed", "passed"),
        ("refused", "blocking", "refused", "refused"),
        ("inconclusive", "blocking", "refused", "undecided"),
        ("unmeasured", "blocking", "refused", "unmeasured"),
        ("not_compared", "blocking", "not_compared", "not compared"),
        ("refused", "warning", "warning", "warning"),
        ("inconclusive", "warning", "warning", "undecided (warning)"),
        ("unmeasured", "warning", "warning", "warning"),
        ("not_compared", "warning", "not_compared", "not compared"),
    ],
)
def test_each_status_has_its_place_and_word(status, severity, state, word):
    [group] = group_gates([gate("data.x.max", status, severity=severity)])
    assert (group.lines[0].state, group.lines[0].word, group.summary) == (state, word, f"1 {word}")


def test_a_summary_counts_each_word():
    statuses = ("passed", "unmeasured", "not_compared", "refused", "passed")
    [group] = group_gates([gate(f"data.f{place}.x.max", status) for place, status in enumerate(statuses)])
    assert group.summary == "1 unmeasured, 1 refused, 2 passed, 1 not compared"


def test_gates_of_a_kind_that_compared_nothing_are_one_line_apart_from_those_that_passed():
    gates = [gate(f"data.drift.f{place}.linf.max", "not_compared") for place in range(4)]
    gates += [gate(f"data.drift.g{place}.linf.max") for place in range(4)]
    [group] = group_gates(gates)
    assert [(line.state, line.name, len(line.gates)) for line in group.lines] == [
        ("passed", "drift.*.linf.max", 4),
        ("not_compared", "drift.*.linf.max", 4),
    ]


def test_a_group_that_compared_nothing_keeps_the_place_of_its_step():
    gates = [gate("data.x.min_change", "not_compared"), gate("training.x.min")]
    assert [group.name for group in group_gates(gates)] == ["data", "training"]


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ({"passed": 33, "not_compared": 19}, "33 gates weighed, 19 had nothing to compare with"),
        ({"passed": 1}, "1 gate weighed, none refused"),
        ({"passed": 50, "refused": 2}, "2 of 52 gates refused"),
        (
            {"passed": 30, "refused": 1, "inconclusive": 2, "unmeasured": 1, "not_compared": 18},
            "4 of 34 gates refused (2 undecided, 1 unmeasured), 18 had nothing to compare with",
        ),
        ({"not_compared": 19}, "no gate weighed anything: 19 had nothing to compare with"),
        ({}, "no gate weighed anything"),
    ],
)
def test_what_a_headline_says_of_the_gates(statuses, told):
    gates = [
        gate(f"data.{status}{place}.max", status) for status, number in statuses.items() for place in range(number)
    ]
    assert counts_text(Verdict.of(gates, pipeline="p", run_id="r", subject={})) == told


def test_three_are_listed_four_are_one_line():
    gates = [gate(f"data.f{place}.schema") for place in range(4)]
    assert [line.name for line in group_gates(gates[:3])[0].lines] == ["f0.schema", "f1.schema", "f2.schema"]
    assert [line.name for line in group_gates(gates)[0].lines] == ["*.schema"]
    assert len(group_gates(gates, collapse=False)[0].lines) == 4


def test_groups_that_refuse_come_first_others_in_the_order_of_steps():
    gates = [gate("data.x.min"), gate("training.x.min"), gate("quality.x.min", status="refused")]
    assert [group.name for group in group_gates(gates)] == ["quality", "data", "training"]


def test_a_line_of_several_tells_the_range_and_the_threshold_they_share():
    gates = [gate(f"data.skew.f{place}.max", observed=place / 10, threshold=0.5) for place in range(5)]
    [line] = group_gates(gates)[0].lines
    assert (line.observed, line.allowed) == ("0 – 0.4", "≤ 0.5")
    mixed = [*gates, gate("data.skew.g.max", observed="nan", threshold=0.7)]
    [line] = group_gates(mixed)[0].lines
    assert (line.observed, line.allowed) == ("various", "each its own")


def test_values_are_readable():
    [line] = group_gates([gate("latency.model_bytes.max", observed=3 << 20, threshold=5 << 20, unit="bytes")])[0].lines
    assert (line.observed, line.allowed) == ("3 MiB", "≤ 5 MiB")
    [line] = group_gates([gate("push.model_digest.equal", observed="sha256:" + "ab" * 32, threshold=True)])[0].lines
    assert (line.observed, line.allowed) == ("abababababab", "yes")


def test_of_thousands_of_gates_a_hundred_are_shown_and_all_are_counted() -> None:
    gates = [Gate(name=f"data.train.f{number:04}.schema", status="refused", message="no") for number in range(3_000)]
    verdict = Verdict(passed=False, pipeline="p", run_id="r", subject={}, gates=gates)
    [group] = group_gates(gates)
    assert (len(group.lines), group.summary) == (100, "3000 refused")
    assert group.more == "… and 2,900 more gates, all in verdict.json"
    evidence = Evidence(verdict)
    for text in (render_html(evidence), render_markdown(evidence)):
        assert group.more in text
        assert "… and 2,900 more, all in verdict.json" in text
        assert "f0099" in text
        assert "f0100" not in text
    assert not group_gates(gates[:100])[0].more
