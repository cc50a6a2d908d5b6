"""The two charts that tell most of a run, and what they are as files."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from tests.weighbridge.report import sample
from weighbridge.report.evidence import Evidence
from weighbridge.report.telling import telling_features, telling_pictures
from weighbridge.verdict import Gate, Verdict

SVG = "{http://www.w3.org/2000/svg}"


def titles(evidence: Evidence) -> list[str]:
    return [ET.fromstring(picture.svg).findtext(f"{SVG}title") for picture in telling_pictures(evidence)]


def refusing(evidence: Evidence, *names: str) -> Evidence:
    gates = [
        gate.model_copy(update={"status": "refused" if gate.name in names else "passed"})
        for gate in evidence.verdict.gates
    ]
    gates += [
        Gate(name=name, status="refused", message="x")
        for name in names
        if name not in {gate.name for gate in evidence.verdict.gates}
    ]
    verdict = Verdict.of(gates, pipeline="taxi", run_id="1", subject={})
    return Evidence(**{**vars(evidence), "verdict": verdict})


def test_a_passed_run_shows_quality_beside_production_and_latency(passed):
    assert titles(passed) == ["auc, the 12 largest slices", "Latency of a batch of 1"]


@pytest.mark.parametrize(
    ("gate", "title"),
    [
        ("quality.accuracy.min", "accuracy"),
        ("quality.payment_type=Cash.accuracy.min", "accuracy"),
        ("latency.batch_32.p99_ms.max", "Latency of a batch of 32"),
        ("data.drift_production.payment_type.linf.max", "payment_type"),
        ("data.train.pickup_latitude.schema", "pickup_latitude"),
        ("data.skew.trip_start_hour.jensen_shannon.max", "trip_start_hour"),
        ("training.loss.finite", "loss"),
    ],
)
def test_what_refuses_comes_first(passed, gate, title):
    assert titles(refusing(passed, gate))[0].split(",")[0] == title


def test_refusals_come_in_the_order_of_the_gates_each_chart_once(passed):
    names = ["quality.auc.min", "quality.auc.min_change", "latency.batch_32.p99_ms.max", "data.train.fare.schema"]
    assert [title.split(",")[0] for title in titles(refusing(passed, *names))] == ["fare", "auc"]


def test_a_refused_slice_is_marked_and_never_left_out(passed):
    metrics = passed.metrics
    smallest = min((one for one in metrics.metrics if one.name == "auc" and one.slice), key=lambda one: one.rows)
    shown = telling_pictures(refusing(passed, f"quality.{smallest.slice}.auc.min"))[0].svg
    texts = [each.text for each in ET.fromstring(shown).iter(f"{SVG}text")]
    assert any(text.startswith("✗ ") and text.removeprefix("✗ ").split("…")[0] in smallest.slice for text in texts)
    assert not any("✗" in picture.svg for picture in telling_pictures(passed))


def test_a_refusal_that_no_chart_shows_leaves_the_place_to_others(passed):
    assert titles(refusing(passed, "latency.model_bytes.max", "data.rows.train.min", "push.verdict.passed")) == titles(
        passed
    )


def test_a_run_that_measured_nothing_has_no_pictures():
    verdict = Verdict.of([], pipeline="taxi", run_id="1", subject={})
    assert telling_pictures(Evidence(verdict)) == []


def test_a_picture_needs_nothing_around_it(evidence):
    for picture in telling_pictures(evidence):
        root = ET.fromstring(picture.svg)
        assert root.get("color"), "currentColor would be black on whatever lies behind"
        children = [child.tag.removeprefix(SVG) for child in root]
        assert children[:3] == ["title", "desc", "rect"]
        sheet = root[2]
        _, _, width, height = root.get("viewBox").split()
        assert (sheet.get("width"), sheet.get("height"), sheet.get("fill")) == (width, height, "#ffffff")
        assert not [word for word in ("var(", "url(", "href", "<script", "<style", "@import") if word in picture.svg]


def test_a_feature_alone_says_which_split_is_which(stopped):
    texts = [each.text for each in ET.fromstring(telling_pictures(stopped)[0].svg).iter(f"{SVG}text")]
    assert texts[-2:] == ["train", "eval"]


def test_names_of_files_come_from_no_data(tmp_path):
    runs = [make(tmp_path / name) for name, make in sample.RUNS.items()]
    names = [picture.name for evidence in runs for picture in telling_pictures(evidence)]
    assert {name.rpartition("-")[2] for name in names} <= {"quality", "latency", "data", "training"}


def test_features_that_refuse_come_before_those_furthest_apart(refused: Evidence) -> None:
    names = sorted(feature.name for feature in refused.statistics["train"])
    assert telling_features(refused, 1_000) == set(names)
    assert telling_features(refused, 0) == set()
    gate = Gate(name=f"data.eval.{names[-1]}.schema", status="refused", message="")
    verdict = refused.verdict.model_copy(update={"gates": [gate]})
    assert telling_features(replace(refused, verdict=verdict), 1) == {names[-1]}
