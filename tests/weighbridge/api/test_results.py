"""What a run, and several, hold: frames, tables, comparisons; on runs that lie on disk."""

import pickle

import pandas as pd
import pytest

import weighbridge
from tests.weighbridge.report.pages import Page
from tests.weighbridge.runs.pairs import make_run, workspace_of
from weighbridge.api.frames import gates_frame
from weighbridge.common.errors import UsageError
from weighbridge.runs.record import Run as RunFolder
from weighbridge.verdict import Bounds, Estimate, Risk, Sampled, Verdict


@pytest.fixture
def runs(tmp_path):
    """Two runs of a shop: the second is worse, on other data, and refused."""
    workspace = workspace_of(tmp_path / "work")
    make_run(workspace, 1)
    make_run(workspace, 2, auc=0.8, ms=2.0, data="b", change=-0.1, parameters={"epochs": 6})
    return weighbridge.runs("shop", workdir=tmp_path / "work")


def shown(value):
    """The page of a value, well formed."""
    page = Page(value._repr_html_())
    assert not page.unbalanced
    assert "\x1b" not in page.text
    assert "script" not in page.names
    return page


def test_metrics_are_rows_with_intervals_and_production(runs):
    metrics = runs[-1].metrics
    assert isinstance(metrics, pd.DataFrame)
    assert list(metrics.columns[:6]) == ["metric", "slice", "rows", "value", "low", "high"]
    auc = metrics.query("metric == 'auc' and slice == ''").iloc[0]
    assert auc[["value", "low", "high", "production", "change"]].tolist() == pytest.approx([0.8, 0.79, 0.81, 0.9, -0.1])
    assert metrics.dtypes[["value", "production", "change_high"]].eq("float64").all()
    assert runs[0].metrics.production.isna().all()
    assert runs[-1].slices.slice.str.startswith("town=").all()
    assert len(runs[-1].slices) + 2 == len(metrics)


def test_latency_is_a_row_per_model_and_batch_size(runs):
    latency = runs[-1].latency
    assert list(latency.model) == ["candidate", "production", "ratio"]
    assert latency.set_index("model").p99_ms.round(6).to_dict() == {"candidate": 6.0, "production": 3.0, "ratio": 2.0}
    assert latency.p99_ms_low.lt(latency.p99_ms).all()


def test_gates_and_statistics_are_rows(runs):
    gates = runs[-1].gates.set_index("name")
    assert gates.loc["quality.auc.min", ["status", "observed", "threshold", "group"]].tolist() == [
        "refused",
        0.8,
        0.85,
        "quality",
    ]
    statistics = runs[-1].statistics.set_index("feature")
    assert statistics.loc["age", ["split", "type", "min", "max"]].tolist() == ["train", "number", 20.0, 59.0]


def test_what_a_gate_decided_by_and_how_often_it_is_wrong_are_columns_of_numbers():
    sampled = Sampled(Risk(), rows=100)
    gates = Bounds(min=0.8).judge("quality.auc", Estimate(0.82, 0.78, 0.86), sampled=sampled)
    gates += Bounds(min=3).judge("data.rows", 4)
    found = gates_frame(gates, lambda: "").set_index("name")
    assert found.loc["quality.auc.min", ["low", "high", "false_pass"]].tolist() == [0.78, 0.86, 0.05]
    assert 0 < found.loc["quality.auc.min", "false_refusal"] < 1
    assert found.loc["data.rows.min", ["low", "high", "false_pass", "false_refusal"]].isna().all()
    assert found.dtypes[["low", "false_refusal"]].eq("float64").all()


def test_a_verdict_in_a_notebook_says_what_it_is_worth():
    gates = Bounds(min=0.8).judge("quality.auc", Estimate(0.82, 0.78, 0.86), sampled=Sampled(Risk(), rows=100))
    page = shown(Verdict.of(gates, pipeline="p", run_id="r", subject={}))
    assert "A model as good as this one passes the sampled gate in about" in page.text
    assert page.row("auc.min")[0] == "undecided"
    assert "0.780 to 0.860" in page.row("auc.min")[5]


def test_what_is_made_of_a_frame_is_a_plain_one_and_so_is_a_changed_one(runs):
    metrics = runs[-1].metrics
    assert "weighbridge" in metrics._repr_html_()
    pickled = pickle.loads(pickle.dumps(metrics))
    for made in (metrics.query("slice == ''"), metrics[["metric"]], metrics.copy(), pickled):
        assert type(made) is pd.DataFrame
    metrics["twice"] = 2 * metrics.value
    assert "twice" in metrics._repr_html_()
    assert "twice" not in runs[-1].metrics.columns


@pytest.mark.parametrize("name", ["gates", "metrics", "slices", "latency", "statistics", "training", "verdict"])
def test_everything_shows_itself_with_all_that_came_from_data_escaped(runs, name):
    page = shown(getattr(runs[-1], name))
    wanted = {
        "gates": "auc.min",
        "metrics": "auc",
        "slices": "town=",
        "latency": "candidate",
        "statistics": "age",
        "training": "Nothing was noted",
        "verdict": "REFUSED",
    }
    assert wanted[name] in page.text


def test_a_run_shows_its_verdict_and_its_gates(runs):
    refused = runs[-1]
    page = shown(refused)
    assert "REFUSED" in page.text
    assert "1 of 2 gates refused" in page.text
    assert "auc is 0.8" in page.text
    assert repr(refused).splitlines()[0] == f"REFUSED  shop run {refused.id}: 1 of 2 gates refused"
    assert "PASSED" in shown(runs[0]).text
    assert (refused.passed, refused.exit_code, runs[0].passed) == (False, 1, True)


def test_a_gate_shows_itself(runs):
    assert "latency" in shown(runs[0].verdict.gates[-1]).text


def test_runs_are_a_list_and_a_table(runs):
    assert len(runs) == 2
    first, last = runs
    assert [first.id, last.id] == [runs[0].id, runs[-1].id] == [runs[first.id].id, runs[last.id[:8]].id]
    assert [run.id for run in runs[1:]] == [last.id]
    lines = repr(runs).splitlines()
    assert lines[0].split()[:4] == ["run", "pipeline", "kind", "state"]
    assert "quality.auc.min" in lines[2]
    assert list(runs.to_frame().state) == ["passed", "refused"]
    assert first.id in shown(runs).text
    with pytest.raises(UsageError, match="No run here begins with 'x'"):
        runs["x"]
    with pytest.raises(UsageError, match="2 runs here begin with '2'"):
        runs["2"]


def test_no_runs_are_no_error(tmp_path):
    none = weighbridge.runs(workdir=tmp_path)
    assert (len(none), repr(none)) == (0, "No runs.")
    assert "No runs." in shown(none).text


def test_a_run_is_compared_with_another_by_itself_or_by_name(runs):
    compared = runs[-1].compare(runs[0])
    assert {fact.name for fact in compared.parameters if fact.changed} == {"epochs"}
    assert (compared.before.run_id, compared.after.run_id) == (runs[0].id, runs[-1].id)
    assert runs[-1].compare(runs[0].id) == compared
    assert "epochs: 5 → 6" in repr(compared)
    assert str(compared) == repr(compared)
    page = shown(compared)
    assert "≠ epochs" in page.text
    with pytest.raises(UsageError, match="Nothing of shop is in production"):
        runs[-1].compare("production")


def test_what_is_not_here_is_said(runs):
    with pytest.raises(UsageError, match="has no model: it is refused after Evaluator"):
        _ = runs[-1].model
    with pytest.raises(UsageError, match="There are no examples of split 'test'"):
        runs[-1].examples("test")
    with pytest.raises(UsageError, match="has no report"):
        _ = runs[-1].report


def test_a_changed_verdict_is_not_shown(runs):
    run = runs[0]
    (run.folder / "verdict.json").write_bytes((runs[1].folder / "verdict.json").read_bytes())
    with pytest.raises(UsageError, match="is not the verdict that run"):
        _ = weighbridge.Run(RunFolder.read(run.folder)).verdict
