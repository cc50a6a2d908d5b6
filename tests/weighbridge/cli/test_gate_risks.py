"""`weighbridge gates PIPELINE`: what each gate can decide, how often it errs, and the calculator."""

import json
import math
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.weighbridge.runs.histories import add_run
from weighbridge.cli.gate_risks import print_risks
from weighbridge.components.data_validator.statistics import statistics_path, write_statistics
from weighbridge.definition import load
from weighbridge.evidence.base import Interval
from weighbridge.evidence.latency import Batch, Calls, Compared, Histogram, Latency, LatencyReport
from weighbridge.evidence.metrics import Metric, Metrics
from weighbridge.runs.record import ArtifactReference
from weighbridge.runs.thresholds_in_force import explain_thresholds
from weighbridge.runs.workspace import Workspace
from weighbridge.verdict import Bounds, Estimate, Gate, Risk, Sampled

THRESHOLDS = """\
data:
  rows: {eval: {min: 100}}
quality:
  metrics:
    auc: {min: 0.9, min_change: -0.01}
  slice_metrics:
    - slice: {payment_type: Credit Card}
      metrics: {auc: {min_change: -0.03, retraining_sd: 0.009}}
    - slice: {payment_type: Cheque}
      metrics: {auc: {min_change: -0.03, severity: warning}}
latency:
  budget_s: 10
  batch_sizes:
    1: {p99_ms: {max: 40, max_ratio: 1.05}}
  model_bytes: {max: 1000}
"""
MODULE = """import weighbridge


class Parameters(weighbridge.Parameters):
    data: str = "a.csv"


def create_pipeline(parameters, context):
    raise RuntimeError("its data are not here")
"""
CARD = "quality.payment_type=Credit Card.auc.min_change"


@pytest.fixture
def pipeline(tmp_path):
    folder = tmp_path / "project" / "shop"
    folder.mkdir(parents=True)
    (folder / "pipeline.py").write_text(MODULE)
    (folder / "gates.yaml").write_text(THRESHOLDS)
    yield str(folder / "pipeline.py")
    sys.modules.pop("pipeline", None)


def interval(value: float, half: float) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def auc(slice_name: str, rows: int, half: float, change: float | None) -> Metric:
    beside = {} if change is None else {"production": interval(0.95, half), "change": interval(-0.001, change)}
    return Metric(name="auc", slice=slice_name, rows=rows, value=0.95, low=0.95 - half, high=0.95 + half, **beside)


def estimate(found: Interval) -> Estimate:
    return Estimate(found.value, found.low, found.high)  # type: ignore[arg-type]


def weigh(workdir, folder, *, production: bool = True, latency: bool = True, counted: bool = False) -> None:
    """A run of it that measured."""
    folder.mkdir()
    metrics = [
        auc("", 10_000, 0.008, 0.004 if production else None),
        auc("payment_type=Credit Card", 4_900, 0.03, 0.02 if production else None),
    ]
    Metrics(split="eval", rows=10_000, confidence=0.9, label="tip", metrics=metrics, plots={}).write(folder)
    sampled = Sampled(Risk(), rows=10_000)
    gates: list[Gate] = [*Bounds(min=100).judge("data.rows.eval", 10_000, unit="rows")]
    for metric, bounds in zip(metrics, (Bounds(min=0.9, min_change=-0.01), Bounds(min_change=-0.03)), strict=True):
        subject = ".".join(filter(None, ("quality", metric.slice, "auc")))
        change = estimate(metric.change) if metric.change else None
        baseline = 0.95 if production else None
        gates += bounds.judge(subject, estimate(metric), baseline=baseline, change=change, sampled=sampled)
    gates += Bounds(min_change=-0.03, severity="warning").judge(
        "quality.payment_type=Cheque.auc", Estimate(0.9, float("nan"), float("nan")), baseline=0.9, sampled=sampled
    )
    if latency:
        calls = {name: interval(2.0, 0.2) for name in ("p50_ms", "p95_ms", "p99_ms")}
        calls["throughput_rows_s"] = Interval(value=500.0)
        both = Latency(**calls, histogram=Histogram(edges_ms=[1, 3], counts=[400]))
        ratio = Calls(**{name: Interval(value=1.0, low=0.9, high=1 / 0.9) for name in calls})
        batch = Batch(batch_size=1, calls=400, candidate=both, production=both, ratio=ratio)
        size = Compared[int](candidate=10)
        LatencyReport(
            signature="s",
            inputs={},
            confidence=0.95,
            model_bytes=size,
            load_ms=Compared[Interval](candidate=Interval(value=1.0)),
            peak_memory_bytes=Compared[Interval](candidate=Interval(value=1.0)),
            batches=[batch],
            variants=[],
        ).write(folder)
        gates += Bounds(max=40, max_ratio=1.05).judge("latency.batch_1.p99_ms", 2.0, baseline=2.0, unit="ms")
        gates += Bounds(max=1000).judge("latency.model_bytes", 10.0, unit="bytes")
    if counted:
        gates.append(Gate(name="quality.attempts", status="passed", severity="warning", observed=1, message=""))
    artifact = ArtifactReference(step="Evaluator", key="evaluation", type="ModelEvaluation", uri=str(folder))
    add_run(Workspace(workdir, "shop"), 3, gates=gates, artifacts=[artifact])


@pytest.fixture
def weighed(workdir, tmp_path):
    weigh(workdir, tmp_path / "evaluation")


@pytest.fixture
def risks(weighbridge, pipeline):
    def explain():
        shown = weighbridge("gates", pipeline, "--json")
        assert shown.code == 0, shown.err
        return json.loads(shown.out)

    return explain


def test_before_the_first_run_the_command_to_run_is_named(weighbridge, pipeline, risks):
    assert f"what the gates can decide shows after weighbridge run {pipeline}" in weighbridge("gates", pipeline).out
    assert risks()["risks"] is None
    assert risks()["run_first"].startswith(f"weighbridge run {pipeline}")
    shown = weighbridge("gates", pipeline, "--margin", "quality.metrics.auc=-0.005")
    assert shown.code == 2
    assert "nothing of shop was measured yet" in shown.err
    assert f"weighbridge run {pipeline}" in shown.err


@pytest.mark.usefixtures("weighed")
def test_each_gate_says_what_it_decides_and_what_to_change(weighbridge, pipeline, risks):
    found = risks()
    gates = {each["gate"]: each for each in found["risks"]["gates"]}
    card = gates[CARD]
    assert (card["rows"], card["decidable"], card["retraining_sd"]) == (4_900, False, 0.009)
    assert card["decides"] == pytest.approx(-0.0449, abs=1e-4)
    assert card["suggested"] == -0.045
    assert card["false_pass"] == 0.05
    assert 0.15 < card["false_refusal"] < 0.4
    assert card["rows_needed"] > 10_000
    assert gates["quality.auc.min"]["decidable"]
    assert gates["quality.auc.min"]["what_to_change"] is None
    assert found["risks"]["counted"] == ["data.rows.eval.min", "latency.model_bytes.max"]
    assert found["risk"]["latency"]["false_pass"] == 0.025
    shown = weighbridge("gates", pipeline).out
    line = next(line for line in shown.splitlines() if line.startswith(f"- {CARD}"))
    assert "can decide -0.045, not -0.03: needs about" in line
    assert "rows of payment_type=Credit Card, it has 4,900; or set min_change: -0.045." in line


def test_where_attempts_are_counted_a_first_one_is_foretold(weighbridge, pipeline, risks, workdir, tmp_path):
    weigh(workdir, tmp_path / "evaluation", counted=True)
    found = risks()
    card = next(each for each in found["risks"]["gates"] if each["gate"] == CARD)
    assert card["false_pass"] == pytest.approx(0.05 * 6 / math.pi**2)
    assert card["decides"] < -0.046
    assert found["judged_as"] == "the first attempt on fresh evaluation data"
    assert "Quality is judged as a first attempt on fresh evaluation data is." in weighbridge("gates", pipeline).out


@pytest.mark.usefixtures("weighed")
def test_a_narrow_window_has_room_for_all_of_it(pipeline, workdir):
    out = Console(file=StringIO(), width=80, soft_wrap=True)
    print_risks(out, explain_thresholds(load(pipeline), workdir))
    head, *lines = out.file.getvalue().split("\n\n")[0].strip().splitlines()
    assert (head, lines[1]) == ("what they can decide", "quality.auc")
    assert max(map(len, lines)) <= 80
    assert lines[2].split() == ["min", "≥", "0.9", "10,000", "0.934", "0", "%", "5", "%"]


@pytest.mark.usefixtures("weighed")
def test_the_verdict_errs_no_more_often_than_its_gates_together(weighbridge, pipeline, risks):
    verdict = risks()["risks"]["verdict"]
    blocking = [each for each in risks()["risks"]["gates"] if each["severity"] == "blocking"]
    rates = [each["false_refusal"] for each in blocking]
    assert verdict["gates"] == len(rates) == 5
    assert verdict["false_refusal_at_most"] == pytest.approx(min(1, sum(rates)))
    assert verdict["false_refusal_at_least"] == max(rates)
    shown = weighbridge("gates", pipeline).out
    assert "an upper bound, the 5 blocking gates added up" in shown
    assert verdict["without_retraining_sd"] == 2
    assert "2 of them have no retraining_sd" in shown


@pytest.mark.usefixtures("weighed")
def test_a_gate_without_an_interval_says_that_it_cannot_pass(weighbridge, pipeline, risks):
    cheque = next(each for each in risks()["risks"]["gates"] if "Cheque" in each["gate"])
    assert "decides" not in cheque
    assert "undecided" in cheque["what_to_change"]
    assert risks()["risks"]["unknown"] == ["quality.payment_type=Cheque.auc.min_change"]
    assert "always" in weighbridge("gates", pipeline).out


@pytest.mark.usefixtures("weighed")
def test_calls_are_those_that_the_budget_allows(weighbridge, pipeline, risks):
    ratio = next(each for each in risks()["risks"]["gates"] if each["gate"] == "latency.batch_1.p99_ms.max_ratio")
    assert ratio["measured_on"] == "calls"
    assert 1600 < ratio["rows"] < 1700  # 6.75 s for calls of 2 ms of both models
    assert "budget_s has time for about 1,6" in weighbridge("gates", pipeline).out


def test_nothing_in_production_gives_a_bound(weighbridge, pipeline, risks, workdir, tmp_path):
    weigh(workdir, tmp_path / "evaluation", production=False, latency=False)
    change = next(each for each in risks()["risks"]["gates"] if each["gate"] == "quality.auc.min_change")
    assert (change["at_worst"], change["what_to_change"]) == (True, None)
    assert risks()["risks"]["verdict"]["not_yet_compared"] == 2
    assert f"shows after another weighbridge run {pipeline}" in weighbridge("gates", pipeline).out


def statistics(folder, rows: int, values: int) -> None:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    for split in ("train", "eval"):
        found = statistics_pb2.DatasetFeatureStatisticsList()
        feature = found.datasets.add(num_examples=rows).features.add(type="STRING")
        feature.path.step.append("company")
        feature.string_stats.common_stats.tot_num_values = rows
        for value in range(values):
            feature.string_stats.rank_histogram.buckets.add(label=f"c{value}", sample_count=rows / values)
        write_statistics(statistics_path(folder, split), found)


def test_a_drift_that_drowns_in_chance_says_what_is_found(weighbridge, pipeline, risks, workdir, tmp_path):
    more = "data:\n  skew: {company: {jensen_shannon: {max: 0.02}}}\n  rows"
    (path := Path(pipeline).with_name("gates.yaml")).write_text(THRESHOLDS.replace("data:\n  rows", more))
    statistics(tmp_path / "statistics", 500, 30)
    gates = [*Bounds(max=0.02).judge("data.skew.company.jensen_shannon", 0.0)]
    artifact = ArtifactReference(
        step="DataValidator", key="statistics", type="ExampleStatistics", uri=str(tmp_path / "statistics")
    )
    add_run(Workspace(workdir, "shop"), 3, gates=gates, artifacts=[artifact])
    [skew] = risks()["risks"]["gates"]
    assert (skew["rows"], skew["decidable"], skew["threshold"]) == (500, False, 0.02)
    assert skew["by_chance"] == pytest.approx(0.0209, abs=1e-4)
    assert 0.03 < skew["decides"] < 0.06
    assert skew["false_refusal"] <= 0.01
    assert "chance alone brings 0.021, which is taken off: finds distances of 0.0" in skew["what_to_change"]
    assert "not measured as far as its quality" in weighbridge("gates", pipeline).out
    path.write_text(THRESHOLDS.replace("data:\n  rows", more.replace("0.02", "0.1")))
    assert risks()["risks"]["gates"][0]["what_to_change"] is None


@pytest.mark.usefixtures("weighed")
def test_the_calculator_tells_rows_of_a_margin_and_the_margin_of_rows(weighbridge, pipeline):
    shown = weighbridge("gates", pipeline, "--margin", "quality.metrics.auc=-0.004", "--rows", "quality.auc=40,000")
    assert (shown.code, shown.err) == (0, "")
    need, decide = shown.out.splitlines()
    assert need == ("quality.auc.min_change: -0.004 needs about 40,000 rows; there are 10,000, which decide -0.008.")
    assert decide == "quality.auc.min_change: 40,000 rows decide -0.004."
    asked = ("--margin", "quality.slice_metrics.0.metrics.auc=-0.1", "--margin", "latency.batch_sizes.1.p99_ms=1.5")
    card, slow = json.loads(weighbridge("gates", pipeline, *asked, "--json").out)["margins"]
    assert (card["gate"], slow["gate"]) == (CARD, "latency.batch_1.p99_ms.max_ratio")
    assert card["rows_needed"] < 4_900
    assert (slow["measured_on"], slow["threshold"]) == ("calls", 1.5)
    absolute = weighbridge("gates", pipeline, "--margin", "quality.auc.min=0.96").out
    assert "no rows suffice for 0.96: a model like production's has 0.95" in absolute
    noisy = weighbridge("gates", pipeline, "--margin", f"{CARD}=-0.01").out
    assert "retraining alone moves it too far" in noisy


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--margin", "quality.metrics.auk=-0.1"), "Did you mean 'quality.auc'?"),
        (("--margin", "quality.metrics.auc=little"), "does not end in a number"),
        (("--margin", "quality.metrics.auc"), "does not end in a number"),
        (("--margin", "quality.metrics.auc=0"), "0 is no margin"),
        (("--margin", "latency.batch_1.p99_ms=-2"), "compared as a ratio"),
        (("--rows", "quality.metrics.auc=2.5"), "does not end in a whole number of rows"),
        (("--rows", "quality.metrics.auc=0"), "0 is no number of rows"),
    ],
)
@pytest.mark.usefixtures("weighed")
def test_what_the_calculator_cannot_answer_is_a_usage_error(weighbridge, pipeline, asked, told):
    shown = weighbridge("gates", pipeline, *asked)
    assert shown.code == 2
    assert told in shown.err


def test_the_calculator_asks_about_a_pipeline(weighbridge):
    shown = weighbridge("gates", "--margin", "quality.auc=-0.1")
    assert shown.code == 2
    assert "weighbridge gates PIPELINE" in shown.err
