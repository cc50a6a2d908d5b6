"""Gates and digests of a step's outputs, wherever they lie; what should be there and cannot be read refuses."""

from pathlib import Path

import pytest

from weighbridge.common.errors import InfrastructureError
from weighbridge.components.traits import ComponentTraits
from weighbridge.runs.gate_collector import (
    EXAMPLES_PROPERTY,
    GATES_PROPERTY,
    NO_FILE,
    PUSHED,
    VERDICT_PROPERTY,
    Contents,
    GateCollector,
    StepOutput,
    folder_reader,
    noted_properties,
)
from weighbridge.verdict import Bounds, Gate, Verdict, write_gates
from weighbridge.verdict.verdict import VERDICT_FILE

TRAITS = ComponentTraits(gates=("report",), verdict="evaluation", pushes="pushed_model", examples="rows")
GATE = Bounds(min=1).judge("own.rows", 3)


def output(folder: Path, key: str = "report", traits: ComponentTraits = TRAITS, **properties) -> StepOutput:
    contents = Contents.declared(traits, key, properties)
    return StepOutput("Own", key, str(folder), folder_reader(folder), contents, properties)


def only(collector: GateCollector) -> Gate:
    [gate] = collector.gates
    return gate


def test_declared_gates_are_taken_in(tmp_path):
    write_gates(tmp_path, GATE)
    collector = GateCollector()
    assert collector.take(output(tmp_path)) == collector.gates == list(GATE)
    assert collector.verdict("p", "r").passed


def test_gates_count_where_nobody_declared_them(tmp_path):
    write_gates(tmp_path, Bounds(min=9).judge("own.rows", 3))
    collector = GateCollector()
    collector.take(output(tmp_path, "other"))
    assert only(collector).refuses


@pytest.mark.parametrize(
    ("content", "why"), [(None, "there is no "), (b"{]", "is not valid"), (b'{"gates": [{}]}', "is not valid")]
)
def test_declared_gates_that_cannot_be_read_refuse(tmp_path, content, why):
    if content is not None:
        (tmp_path / "gates.json").write_bytes(content)
    collector = GateCollector()
    collector.take(output(tmp_path))
    gate = only(collector)
    assert (gate.name, gate.refuses, gate.status) == ("run.Own.report.gates_readable", True, "unmeasured")
    assert why in gate.message
    assert str(tmp_path) in gate.message
    assert not collector.verdict("p", "r").passed


def test_a_file_that_may_not_be_read_refuses_whoever_declared_it():
    def read(name: str) -> bytes | None:
        raise PermissionError(13, "Permission denied")

    collector = GateCollector()
    collector.take(StepOutput("Own", "other", "/x", read))
    assert "Permission denied" in collector.gates[0].message
    assert all(gate.refuses for gate in collector.gates)


def test_a_server_that_cannot_be_asked_is_no_refusal():
    def read(name: str) -> bytes | None:
        raise InfrastructureError("nobody answers")

    with pytest.raises(InfrastructureError):
        GateCollector().take(StepOutput("Own", "report", "/x", read))


def test_a_verdict_binds_the_run_and_a_missing_one_refuses(tmp_path):
    collector = GateCollector()
    collector.take(output(tmp_path, "evaluation"))
    assert only(collector).name == "run.Own.evaluation.verdict_readable"
    weighed = Verdict.of(GATE, pipeline="p", run_id="r", subject={"model": "sha256:m"})
    weighed.write(tmp_path / VERDICT_FILE)
    collector = GateCollector()
    collector.take(output(tmp_path, "evaluation"))
    assert collector.weighed == weighed
    assert collector.verdict("p", "r", {"package": "x"}).subject == {"model": "sha256:m", "package": "x"}


def test_a_run_that_no_verdict_ended_is_bound_to_what_was_trained(tmp_path):
    trained = {"code_digest": "sha256:c", "parameters_digest": "sha256:p", "model_digest": "sha256:m"}
    known = {"code": "sha256:c", "parameters": "sha256:p", "model": "sha256:m"}
    collector = GateCollector()
    collector.take(output(tmp_path, "model", **trained))
    assert collector.subject == known
    Verdict.of(GATE, pipeline="p", run_id="r", subject={"model": "sha256:weighed"}).write(tmp_path / VERDICT_FILE)
    collector.take(output(tmp_path, "evaluation"))
    collector.take(output(tmp_path, "other", **trained))
    assert collector.subject == known | {"model": "sha256:weighed"}


def test_a_model_that_was_only_looked_up_is_not_what_the_run_is_bound_to(tmp_path):
    collector = GateCollector()
    collector.take(output(tmp_path, "production", ComponentTraits(looked_up=("production",)), model_digest="sha256:m"))
    assert collector.subject == {}


@pytest.mark.parametrize("pushed", [0, 1, None])
def test_a_pusher_without_gates_says_by_its_property_whether_it_pushed(tmp_path, pushed):
    collector = GateCollector()
    collector.take(output(tmp_path, "pushed_model", **({} if pushed is None else {"pushed": pushed})))
    assert (only(collector).name, only(collector).passed) == ("push.model.pushed", pushed == 1)


def test_a_pusher_that_must_leave_gates_is_not_taken_at_its_word(tmp_path):
    collector = GateCollector()
    traits = ComponentTraits(gates=("pushed_model",), pushes="pushed_model")
    collector.take(output(tmp_path, "pushed_model", traits, pushed=1))
    assert only(collector).name == "run.Own.pushed_model.gates_readable"


def test_what_is_in_production_is_not_this_runs(tmp_path):
    write_gates(tmp_path, Bounds(min=9).judge("own.rows", 3))
    collector = GateCollector()
    collector.take(output(tmp_path, "model", ComponentTraits(looked_up=("model",))))
    assert collector.gates == []


def test_the_first_rows_are_the_data_until_a_verdict_says_otherwise(tmp_path):
    collector = GateCollector()
    collector.take(output(tmp_path, "rows", content_digest="sha256:1"))
    collector.take(output(tmp_path, "rows", content_digest="sha256:2"))
    assert collector.subject == {"data": "sha256:1"}


def test_a_run_without_gates_is_refused():
    assert [gate.name for gate in GateCollector().verdict("p", "r").refusals] == ["run.gates.present"]


def test_what_a_step_notes_is_what_a_client_finds(tmp_path):
    write_gates(tmp_path, GATE)
    Verdict.of(GATE, pipeline="p", run_id="r", subject={}).write(tmp_path / VERDICT_FILE)
    noted = noted_properties(output(tmp_path, "rows", content_digest="sha256:1"))
    assert noted[EXAMPLES_PROPERTY] == "sha256:1"
    contents = Contents.from_properties(noted)
    assert (contents.gates, contents.verdict, contents.skipped) == (True, True, False)
    seen = StepOutput("Own", "rows", "minio://x", folder_reader(tmp_path), contents)
    collector = GateCollector()
    collector.take(seen)
    assert collector.gates == list(GATE)
    write_gates(tmp_path, Bounds(min=0).judge("own.rows", 3))  # somebody lowers the threshold in the store
    collector = GateCollector()
    collector.take(seen)
    assert "is not what the step wrote" in only(collector).message


def test_what_a_step_notes_of_outputs_without_gates(tmp_path):
    empty = noted_properties(output(tmp_path, "other"))
    assert empty == {GATES_PROPERTY: NO_FILE}
    assert Contents.from_properties(empty).skipped
    pushed = noted_properties(output(tmp_path, "pushed_model", pushed=1))
    assert pushed == {GATES_PROPERTY: PUSHED}
    assert Contents.from_properties(pushed).pushed
    assert VERDICT_PROPERTY not in pushed
