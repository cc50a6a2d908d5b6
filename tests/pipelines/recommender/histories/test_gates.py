"""The thresholds of Histories: each passes, refuses, and refuses what it cannot read."""

import json
from pathlib import Path

import pytest
import yaml

from weighbridge.common.errors import UsageError
from weighbridge.pipelines.recommender.histories.clean import REASONS
from weighbridge.pipelines.recommender.histories.gates import HistoriesGates, judge, lines_gate
from weighbridge.thresholds.gates_file import load_gates
from weighbridge.verdict import Bounds, Gate, write_gates

GATES_FILE = Path(__file__).parents[4] / "pipelines/recommender/gates.yaml"
FINE = {"lines": 100, **dict.fromkeys(REASONS, 0), "top_customer_share": 0.1, "known_items": 0.9, "customers": 50}
GATES = HistoriesGates(
    removed={"returned": Bounds(max=0.1)},
    top_customer_share=Bounds(max=0.2),
    known_items=Bounds(min=0.8),
    customers=Bounds(min=40),
)


def refused(**changes: float | None) -> list[str]:
    return [gate.name for gate in judge(GATES, {"eval": FINE | changes}) if not gate.passed]


def test_what_is_within_the_thresholds_passes():
    judged = judge(GATES, {"train": FINE, "eval": FINE | {"returned": 10, "customers": 40}})
    assert judged
    assert all(gate.passed for gate in judged)
    for split in ("train", "eval"):
        for name in (*REASONS, "top_customer_share", "known_items", "customers"):
            assert any(gate.name.startswith(f"histories.{split}.{name}.") for gate in judged), name


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"returned": 11}, "histories.eval.returned.max"),
        ({"top_customer_share": 0.21}, "histories.eval.top_customer_share.max"),
        ({"known_items": 0.7}, "histories.eval.known_items.min"),
        ({"customers": 39}, "histories.eval.customers.min"),
        *(({reason: 1}, f"histories.eval.{reason}.max") for reason in REASONS if reason != "returned"),
    ],
)
def test_what_is_beyond_a_threshold_is_refused_by_its_gate_alone(changes, name):
    assert refused(**changes) == [name]


@pytest.mark.parametrize("name", ["top_customer_share", "known_items", "customers"])
def test_what_is_not_a_number_is_refused(name):
    assert len(refused(**{name: float("nan")})) == 1
    assert len(refused(**{name: None})) == 1


def test_a_split_without_lines_is_refused():
    assert {f"histories.eval.{reason}.max" for reason in REASONS} <= set(refused(lines=0))


def test_a_refusal_says_how_many_lines_and_why():
    gate = next(gate for gate in judge(GATES, {"eval": FINE | {"no_price": 7}}) if not gate.passed)
    assert "7 of 100 lines" in gate.message
    assert REASONS["no_price"] in gate.message


def test_lines_that_passed_vouch_for_histories(tmp_path):
    write_gates(tmp_path, [Gate(name="examples.quarantined_fraction.max", status="passed", message="")])
    assert lines_gate(str(tmp_path)).passed


def test_lines_without_gates_of_their_own_are_not_vouched_for(tmp_path):
    gate = lines_gate(str(tmp_path))
    assert (gate.status, gate.refuses) == ("unmeasured", True)


def test_refused_lines_refuse_histories_by_name(tmp_path):
    write_gates(tmp_path, [Gate(name="examples.quarantined_fraction.max", status="refused", message="text")])
    gate = lines_gate(str(tmp_path))
    assert gate.refuses
    assert "examples.quarantined_fraction.max" in gate.message


def test_a_warning_of_lines_does_not_refuse(tmp_path):
    write_gates(tmp_path, [Gate(name="a.b", status="refused", severity="warning", message="")])
    assert lines_gate(str(tmp_path)).passed


@pytest.mark.parametrize("content", [None, "{", json.dumps({"gates": 3})])
def test_lines_that_nothing_vouches_for_are_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "gates.json").write_text(content)
    assert lines_gate(str(tmp_path)).refuses


def test_the_shipped_thresholds_are_read():
    gates = load_gates(GATES_FILE).of_step("Histories", HistoriesGates)
    assert set(gates.removed) == set(REASONS)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda section: section.update(known_item={"min": 0.5}), r"steps\.Histories\.known_item"),
        (lambda section: section["removed"].update(refunded={"max": 0.1}), r"'refunded' is not a reason.*cancelled"),
        (lambda section: section["customers"].update(minn=3), r"steps\.Histories\.customers\.minn"),
        (lambda section: section.update(customers={"min": "many"}), r"steps\.Histories\.customers"),
    ],
)
def test_a_typo_is_named_with_what_is_allowed(tmp_path, edit, told):
    content = yaml.safe_load(GATES_FILE.read_text())
    edit(content["steps"]["Histories"])
    (tmp_path / "gates.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UsageError, match=told) as caught:
        load_gates(tmp_path / "gates.yaml").of_step("Histories", HistoriesGates)
    assert "known_items" in caught.value.hint


def test_a_mistyped_step_is_refused_by_its_name(tmp_path):
    text = GATES_FILE.read_text().replace("  Histories:", "  Historis:")
    (tmp_path / "gates.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"steps\.Historis is not known; did you mean 'Histories'"):
        load_gates(tmp_path / "gates.yaml").of_step("Histories", HistoriesGates)
