"""`weighbridge gates`: the reference, and a pipeline's thresholds in force beside what its last run observed."""

import json
import sys
from pathlib import Path

import pytest

from tests.weighbridge.runs.histories import add_run
from weighbridge.common import files
from weighbridge.evidence.base import Interval
from weighbridge.evidence.metrics import Metric, Metrics
from weighbridge.runs.record import ArtifactReference
from weighbridge.runs.workspace import Workspace
from weighbridge.thresholds.reference import gates_schema, markdown_page
from weighbridge.verdict import Bounds, Gate

THRESHOLDS = """\
data:
  label: {feature: kept, max_missing_fraction: 0.1}
  drift:
    production: {amount: {jensen_shannon: {max: 0.1}}}
quality:
  metrics:
    auc: {min: 0.9, min_change: -0.01}
  slice_metrics:
    - slice: [region]
      metrics: {auc: {min: 0.8}}
    - slice: {region: north, kind: card}
      metrics: {auc: {min: 0.5}}
latency:
  batch_sizes:
    1:
      p99_ms: {max: 40, severity: warning}
      at_rate: {rate_rps: 9, p99_ms: {max: 60}}
      concurrency: {4: {p99_ms: {max: 9}}}
"""

# Its step's thresholds have a type of their own, which only building the pipeline tells.
MODULE = """import weighbridge
from pydantic import Field
from weighbridge.verdict import Bounds, Section, told


class CleanGates(Section):
    removed: dict[str, Bounds] = Field({}, description="Rows left out.", json_schema_extra=told(unit="share of rows"))
    kept: Bounds = Field(Bounds(min=1), description="Rows kept.", json_schema_extra=told(against="all rows kept"))


class Parameters(weighbridge.Parameters):
    data: str = "a.csv"


def create_pipeline(parameters, context):
    print("noise")
    context.gates.of_step("Clean", CleanGates)
    raise RuntimeError("its data are not here")
"""


@pytest.fixture
def pipeline(tmp_path):
    """A user's own pipeline outside the repository."""
    folder = tmp_path / "project" / "shop"
    folder.mkdir(parents=True)
    (folder / "pipeline.py").write_text(MODULE)
    (folder / "gates.yaml").write_text(THRESHOLDS)
    yield str(folder / "pipeline.py")
    sys.modules.pop("pipeline", None)


@pytest.fixture
def weighed(workdir, tmp_path):
    """A run of it that measured."""

    def auc(value, slice_name="", change=None):
        return Metric(
            name="auc", slice=slice_name, rows=99, value=value, low=value - 0.02, high=value + 0.02, change=change
        )

    evaluation = tmp_path / "evaluation"
    metrics = [
        auc(0.95, change=Interval(value=0.02, low=0.01, high=0.03)),
        auc(0.9, "region=north"),
        auc(0.82, "region=south,east"),
        auc(0.7, "region=north,kind=card"),
    ]
    evaluation.mkdir()
    Metrics(split="eval", rows=99, confidence=0.95, label="kept", metrics=metrics, plots={}).write(evaluation)
    gates = [
        *Bounds(min=0.9, min_change=-0.02).judge("quality.auc", 0.95, baseline=0.93),
        *Bounds(min=0.8).judge("quality.region=north.auc", 0.9),
        *Bounds(min=0.8).judge("quality.region=south,east.auc", 0.82),
        *Bounds(min=0.5).judge("quality.region=north,kind=card.auc", 0.7),
        *Bounds(max=0.1).judge("data.drift.production.amount.jensen_shannon", None),
        Gate(name="data.label.present", status="passed", observed=0.98, threshold=0.9, message="There."),
        *Bounds(max=40, severity="warning").judge("latency.batch_1.p99_ms", 50.0, unit="ms"),
        *Bounds(max=60).judge("latency.batch_1.at_rate.p99_ms", 50.0, unit="ms"),
        *Bounds(max=9).judge("latency.batch_1.concurrency_4.p99_ms", 8.0, unit="ms"),
    ]
    artifact = ArtifactReference(step="Evaluator", key="evaluation", type="ModelEvaluation", uri=str(evaluation))
    return add_run(Workspace(workdir, "shop"), 3, gates=gates, artifacts=[artifact])


@pytest.fixture
def keys(weighbridge, pipeline):
    def explain():
        shown = weighbridge("gates", pipeline, "--json")
        assert shown.code == 0, shown.err
        return {key["key"]: key for key in json.loads(shown.out)["keys"]}

    return explain


def test_the_reference_is_printed_and_written(weighbridge, tmp_path):
    assert weighbridge("gates", "--markdown").out.rstrip() == markdown_page().rstrip()
    path = tmp_path / "new" / "gates.schema.json"
    shown = weighbridge("gates", "--json-schema", "-o", path)
    assert (shown.code, shown.out.strip()) == (0, str(path))
    assert path.read_text() == files.json_text(gates_schema())
    assert json.loads(weighbridge("gates", "--json-schema").out) == gates_schema()
    assert "quality.min_slice_rows: whole number, rows, default 50" in weighbridge("gates").out
    assert {"path", "unit", "default", "missing"} <= json.loads(weighbridge("gates", "--json").out)["keys"][0].keys()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("taxi", "--markdown"), "the same for every pipeline"),
        (("--markdown", "--json-schema"), "exclude each other"),
        (("-o", "x.json"), "What is to be written to x.json"),
        (("taxy",), "There is no pipeline 'taxy'. Did you mean 'taxi'"),
        (("--json-schema", "-o", "/proc/none/x.json"), "/proc/none/x.json cannot be written"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(weighbridge, arguments, told):
    shown = weighbridge("gates", *arguments)
    assert shown.code == 2
    assert told in shown.err


def test_every_key_is_shown_with_its_value_and_line(weighbridge, pipeline, keys):
    found = keys()
    assert found["quality.metrics.auc.min"]["value"] == 0.9
    assert found["quality.metrics.auc.min"]["from"] == "line 7"
    assert found["quality.risk.false_pass"] | {"description": ""} == {
        "key": "quality.risk.false_pass",
        "value": 0.05,
        "from": "default",
        "line": None,
        "unit": "probability",
        "severity": None,
        "description": "",
        "compared_with": "",
        "missing_data": "",
        "last_run": [],
    }
    assert found["latency.peak_memory_bytes"]["value"] is None
    assert found["latency.batch_sizes.1.p99_ms.max"]["severity"] == "warning"
    assert found["quality.metrics.auc.min_change"]["compared_with"] == "the metric on all rows minus production's"
    drift = found["data.drift.production.amount.jensen_shannon.max"]
    assert drift["compared_with"] == "the divergence, against the data that production was trained on"
    assert "nothing in production yet: not compared" in drift["missing_data"]
    shown = weighbridge("gates", pipeline).out
    assert "nothing was weighed yet" in shown
    assert "latency, not set: batch_sizes.1.p50_ms" in shown


@pytest.mark.usefixtures("weighed")
def test_what_the_last_run_observed_stands_beside_the_value(weighbridge, pipeline, keys):
    found = keys()
    [auc] = found["quality.metrics.auc.min"]["last_run"]
    assert auc["interval"] == pytest.approx([0.93, 0.97])
    assert auc["margin"] == pytest.approx(0.05)
    [change] = found["quality.metrics.auc.min_change"]["last_run"]
    assert change["interval"] == [0.01, 0.03]
    assert change["threshold_then"] == -0.02
    assert change["margin"] == pytest.approx(0.03)  # to the value in force
    [drift] = found["data.drift.production.amount.jensen_shannon.max"]["last_run"]
    assert (drift["status"], drift["observed"], drift["margin"]) == ("unmeasured", "nan", None)
    [missing] = found["data.label.max_missing_fraction"]["last_run"]
    assert (missing["observed"], missing["margin"]) == (pytest.approx(0.02), pytest.approx(0.08))
    [slow] = found["latency.batch_sizes.1.p99_ms.max"]["last_run"]
    assert (slow["margin"], slow["unit"]) == (-10, "ms")
    [at_rate] = found["latency.batch_sizes.1.at_rate.p99_ms.max"]["last_run"]
    [at_once] = found["latency.batch_sizes.1.concurrency.4.p99_ms.max"]["last_run"]
    assert (at_rate["margin"], at_once["margin"]) == (10, 1)
    shown = weighbridge("gates", pipeline).out
    assert "refused" in shown.splitlines()[0]
    assert "50 ms, refused" in shown
    assert "Changed since that run" in shown
    assert "quality.metrics.auc.min_change" in shown.splitlines()[-1]
    details = weighbridge("gates", pipeline, "--details").out
    assert "Missing data: a metric that is not measured, or is NaN, refuses" in details
    assert "Last run: 0.95, interval 0.93 – 0.97, margin 0.05" in details


@pytest.mark.usefixtures("weighed")
def test_of_slices_the_closest_to_being_refused_is_shown(weighbridge, pipeline, keys):
    regions = keys()["quality.slice_metrics.0.metrics.auc.min"]["last_run"]
    assert [each["gate"] for each in regions] == ["quality.region=south,east.auc.min", "quality.region=north.auc.min"]
    [one] = keys()["quality.slice_metrics.1.metrics.auc.min"]["last_run"]
    assert one["observed"] == 0.7
    assert "0.82, closest of 2: quality.region=south,east.auc.min" in weighbridge("gates", pipeline).out


def test_a_step_of_ones_own_is_explained_by_its_type(pipeline, workdir, keys):
    path = Path(pipeline).with_name("gates.yaml")
    path.write_text(f"{THRESHOLDS}steps:\n  Clean:\n    removed: {{twice: {{max: 0.2}}}}\n")
    gates = [*Bounds(max=0.2).judge("clean.train.twice", 0.05), *Bounds(max=0.2).judge("clean.eval.twice", 0.15)]
    add_run(Workspace(workdir, "shop"), 3, gates=gates)
    found = keys()
    twice, kept = found["steps.Clean.removed.twice.max"], found["steps.Clean.kept.min"]
    assert (twice["line"], twice["unit"]) == (21, "share of rows")
    assert twice["description"].startswith("Rows left out.")
    assert [each["gate"] for each in twice["last_run"]] == ["clean.eval.twice.max", "clean.train.twice.max"]
    assert (kept["value"], kept["from"], kept["compared_with"]) == (1, "default", "all rows kept")


def test_a_step_whose_type_nobody_tells_is_shown_as_it_is_given(pipeline, keys):
    path = Path(pipeline)
    path.write_text(MODULE.replace("context.gates", "raise RuntimeError\n    context.gates"))
    path.with_name("gates.yaml").write_text(f"{THRESHOLDS}steps:\n  Clean:\n    kept: {{min: 5}}\n")
    assert (keys()["steps.Clean.kept.min"]["value"], keys()["steps.Clean.kept.min"]["line"]) == (5, 21)


def test_requests_that_a_live_canary_takes_are_told(weighbridge, pipeline):
    assert "canary, requests" not in weighbridge("gates", pipeline).out
    path = Path(pipeline).with_name("gates.yaml")
    path.write_text(f"{THRESHOLDS}canary:\n  steps: [{{percent: 10, requests: 500}}]\n  p50_ms: {{max_ratio: 1.0}}\n")
    shown = weighbridge("gates", pipeline).out
    assert "canary, requests" in shown
    assert "never!" in shown
    assert "the 99th percentile is 3.2 times the median" in " ".join(shown.split())
    told = {each["key"]: each for each in json.loads(weighbridge("gates", pipeline, "--json").out)["canary"]}
    assert told["canary.p50_ms.max_ratio"]["takes"] is None
    errors = told["canary.error_rate.max_change"]
    assert (errors["step"], errors["asked_for"], errors["enough"]) == (0, 500, False)
    assert errors["takes"] > 500
