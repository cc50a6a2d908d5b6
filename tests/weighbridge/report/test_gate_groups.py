from hypothesis import given
from hypothesis import strategies as st

from weighbridge.report.gate_groups import group_gates
from weighbridge.verdict import Gate

NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)
GATES = st.lists(st.builds(lambda name, passed: Gate(name=name, passed=passed, message="m"), NAMES, st.booleans()))


def gate(name, passed=True, **values):
    return Gate(name=name, passed=passed, message="m", **values)


@given(GATES)
def test_no_gate_is_lost_and_none_refused_is_hidden(gates):
    found = [line for room in group_gates(gates) for line in room.lines]
    assert sorted(each.name for line in found for each in line.gates) == sorted(each.name for each in gates)
    assert all(len(line.gates) == 1 for line in found if line.state != "passed")


def test_three_are_listed_four_are_one_line():
    gates = [gate(f"data.f{place}.schema") for place in range(4)]
    assert [line.name for line in group_gates(gates[:3])[0].lines] == ["f0.schema", "f1.schema", "f2.schema"]
    assert [line.name for line in group_gates(gates)[0].lines] == ["*.schema"]
    assert len(group_gates(gates, collapse=False)[0].lines) == 4


def test_rooms_that_refuse_come_first_others_in_the_order_of_steps():
    gates = [gate("data.x.min"), gate("training.x.min"), gate("quality.x.min", passed=False)]
    assert [room.name for room in group_gates(gates)] == ["quality", "data", "training"]


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
