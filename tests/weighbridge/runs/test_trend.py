"""The trend of a pipeline's runs: which runs, which lines, and the page they make."""

import json
from pathlib import Path

import pytest

from tests.weighbridge.report.pages import ELEMENTS, Page
from tests.weighbridge.runs.histories import START, add_run, gates, history
from weighbridge.common.errors import UsageError
from weighbridge.report.trend import MOST_METRICS, latency_lines, metric_lines, most_refusing
from weighbridge.report.trend_page import render_trend
from weighbridge.runs.trend import copy_trend, trend_of, write_trend
from weighbridge.runs.workspace import Workspace
from weighbridge.verdict import Bounds


@pytest.fixture
def taxi(tmp_path: Path) -> Workspace:
    return history(tmp_path / "work")


def test_the_runs_stand_in_the_order_of_time(taxi: Workspace) -> None:
    trend = trend_of(taxi)
    assert "".join(run.outcome[0] for run in trend.runs) == "ppppfprprrpp"
    assert trend.runs[4].note == "Trainer failed: <ValueError>"
    assert (trend.earlier, trend.unreadable) == (0, 0)


def test_only_the_last_are_shown_and_the_others_counted(taxi: Workspace) -> None:
    trend = trend_of(taxi, last=5)
    assert [run.run_id[-4:] for run in trend.runs] == ["0007", "0008", "0009", "000a", "000b"]
    assert trend.earlier == 7
    assert "7 earlier runs not shown." in render_trend(trend)


def test_what_is_no_outcome_of_the_whole_is_left_out(taxi: Workspace) -> None:
    add_run(taxi, 20, to="DataValidator")
    add_run(taxi, 21, kind="promotion", delivered_to="canary")
    add_run(taxi, 22, "running", pid=1)
    add_run(Workspace(taxi.home.parent, "taxi", rehearsal=True), 23)
    assert len(trend_of(taxi).runs) == 12
    rehearsals = trend_of(Workspace(taxi.home.parent, "taxi", rehearsal=True))
    assert [run.started for run in rehearsals.runs] == [START.replace(day=25, hour=5, minute=41)]
    assert "1 rehearsal" in render_trend(rehearsals)


def test_a_killed_run_failed(taxi: Workspace) -> None:
    add_run(taxi, 20, "running", pid=2**22 + 1)
    assert (trend_of(taxi).runs[-1].outcome, trend_of(taxi).runs[-1].note) == ("failed", "killed")


def test_what_can_not_be_read_is_skipped_and_counted(taxi: Workspace) -> None:
    runs = sorted((taxi.folder / "runs").iterdir())
    (runs[0] / "run.json").write_text("{")
    (runs[1] / "verdict.json").write_text("{}")
    (runs[2] / "verdict.json").unlink()
    (runs[3] / "verdict.json").write_bytes((runs[6] / "verdict.json").read_bytes())  # refused, where the run passed
    (taxi.folder / "runs/.staged-x").mkdir()
    trend = trend_of(taxi)
    assert len(trend.runs) == 8
    assert trend.unreadable == 4
    assert "4 folders skipped that could not be read" in render_trend(trend)


def test_the_key_metrics_are_what_the_newest_verdict_blocks_for(taxi: Workspace) -> None:
    trend = trend_of(taxi)
    names = [line.name for line in metric_lines(trend)]
    assert names == [
        "auc",
        "binary_accuracy",
        "recall@20 against production",
        "payment_type=Cash.auc",
        "payment_type=Credit Card.auc",
    ]
    auc = metric_lines(trend)[0]
    assert auc.thresholds == {"min": tuple(None if n in (4, 9) else 0.93 if n < 6 else 0.935 for n in range(12))}
    assert [number for number, refused in enumerate(auc.refused) if refused] == [6, 8]
    assert [number for number, value in enumerate(auc.observed) if value is None] == [4, 9]
    assert auc.production[0] is None
    assert auc.production[1] == pytest.approx(0.942, abs=0.001)
    change = metric_lines(trend)[2]
    assert change.observed[1] == pytest.approx(0.01)
    assert not any(change.production)


def test_a_newest_run_that_stopped_early_does_not_hide_the_metrics(taxi: Workspace) -> None:
    before = [line.name for line in metric_lines(trend_of(taxi))]
    add_run(taxi, 20, gates=gates(20, drifted=True))
    assert [line.name for line in metric_lines(trend_of(taxi))] == before


def test_metrics_on_all_rows_come_before_slices_and_no_more_than_fit(tmp_path: Path) -> None:
    found = [gate for n in range(9) for gate in Bounds(min=0.1).judge(f"quality.a={n}.auc", 0.5)]
    found += Bounds(min=0.1).judge("quality.z", 0.5) + Bounds(min=5, severity="blocking").judge("quality.a=1.rows", 9)
    workspace = Workspace(tmp_path, "taxi")
    add_run(workspace, 0, gates=found)
    names = [line.name for line in metric_lines(trend_of(workspace))]
    assert names == ["z", *(f"a={n}.auc" for n in range(MOST_METRICS - 1))]


def test_latency_is_p99_and_beside_it_p50_by_batch_size(taxi: Workspace) -> None:
    lines = latency_lines(trend_of(taxi))
    assert [[line.name for line in both] for both in lines] == [
        ["batch_1.p99_ms", "batch_1.p50_ms"],
        ["batch_64.p99_ms", "batch_64.p50_ms"],
    ]
    assert lines[0][0].unit == "ms"
    assert lines[0][0].thresholds["max"][0] == 6


def test_latency_judged_by_its_ratio_alone_is_shown_as_one(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "taxi")
    judged = Bounds(max_ratio=2).judge("latency.batch_1.p99_ms", 4.0, baseline=2.0, unit="ms")
    add_run(workspace, 0, gates=judged + Bounds(max=9).judge("latency.batch_1.p50_ms", 1.0, unit="ms"))
    [[p99, _]] = latency_lines(trend_of(workspace))
    assert (p99.name, p99.unit, p99.observed) == ("batch_1.p99_ms / production", "x", (2.0,))
    assert render_trend(trend_of(workspace)).count("p50") == 0


def test_the_gates_that_refuse_most_come_first_with_their_last_day(taxi: Workspace) -> None:
    found = most_refusing(trend_of(taxi))
    assert [(each.name, each.runs, f"{each.last:%d}") for each in found][:3] == [
        ("quality.auc.min", 2, "10"),
        ("quality.auc.min_change", 2, "10"),
        ("data.drift.production.payment_type.linf.max", 1, "11"),
    ]


# The page


def test_the_page_has_everything_and_nothing_that_jenkins_blocks(taxi: Workspace, tmp_path: Path) -> None:
    write_trend(taxi, taxi.folder / "trend.html")
    page = Page((taxi.folder / "trend.html").read_text())
    assert page.unbalanced == []
    assert page.names <= ELEMENTS | {"a"}
    assert not [name for _, attributes in page.elements for name in attributes if name == "style" or name[:2] == "on"]
    assert "8 passed, 3 refused, 1 failed" in page.text
    assert "allowed ≥ 0.935" in page.text
    assert "2 of 12 runs, last 2026-03-10" in page.text
    links = {attributes["href"] for name, attributes in page.elements if name == "a"}
    assert len(links) == 11  # the run that failed has no report
    assert all((taxi.folder / link).is_file() for link in links)
    titles = [attributes for name, attributes in page.elements if name == "svg" and attributes.get("role") == "img"]
    assert len(titles) == 1 + 5 + 2 + 2


def test_the_same_runs_give_the_same_bytes(taxi: Workspace) -> None:
    assert render_trend(trend_of(taxi)) == render_trend(trend_of(taxi))


def test_text_from_data_stays_text(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "taxi")
    evil = "quality.</title><script>alert(1)</script>\x00"
    add_run(workspace, 0, gates=Bounds(min=0.9).judge(evil, 0.5))
    add_run(workspace, 1, "failed", error="<img src=x onerror=alert(1)>")
    page = Page(render_trend(trend_of(workspace)))
    assert page.names <= ELEMENTS | {"a"}
    assert "alert(1)" in page.text


def test_a_limit_that_is_far_away_does_not_flatten_the_line(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "taxi")
    for number in range(3):
        add_run(workspace, number, gates=Bounds(max=1000).judge("quality.mse", 1.0 + number / 10))
    text = Page(render_trend(trend_of(workspace))).text
    assert "allowed ≤ 1000 (outside of what is shown)" in text
    assert "1.20" in text


def test_many_runs_and_one_run_are_drawn(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "taxi")
    add_run(workspace, 0)
    assert Page(render_trend(trend_of(workspace))).unbalanced == []
    for number in range(1, 60):
        add_run(workspace, number)
    assert Page(render_trend(trend_of(workspace, last=60))).unbalanced == []


# Where it is written


def test_beside_the_copied_reports_it_links_those_that_are_there(taxi: Workspace, tmp_path: Path) -> None:
    last = trend_of(taxi).runs[-1].run_id
    (tmp_path / "kept" / last).mkdir(parents=True)
    (tmp_path / "kept" / last / "report.html").write_text("")
    assert copy_trend("taxi", tmp_path / "work", tmp_path / "kept") == ""
    page = Page((tmp_path / "kept/trend.html").read_text())
    assert {each["href"] for name, each in page.elements if name == "a"} == {f"{last}/report.html"}


def test_without_a_whole_run_or_a_folder_there_is_none(tmp_path: Path) -> None:
    assert copy_trend("taxi", tmp_path / "work", tmp_path / "kept") == ""
    assert copy_trend("taxi", tmp_path / "work", "") == ""
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="No whole run of taxi has ended"):
        write_trend(Workspace(tmp_path / "work", "taxi"), tmp_path / "trend.html")


def test_a_trend_that_can_not_be_written_is_a_warning(taxi: Workspace, tmp_path: Path) -> None:
    (tmp_path / "kept/trend.html").mkdir(parents=True)
    assert "could not be written: IsADirectoryError" in copy_trend("taxi", tmp_path / "work", tmp_path / "kept")


def test_the_command_writes_the_page(taxi: Workspace, weighbridge, tmp_path: Path) -> None:
    done = weighbridge("trend", "taxi")
    assert (done.code, done.out) == (0, f"{taxi.folder / 'trend.html'}\n"), done.err
    other = weighbridge("trend", "taxi", "-o", tmp_path / "pages/taxi.html", "--last", "3", "--json")
    document = json.loads(other.out)
    assert [run["outcome"] for run in document["runs"]] == ["refused", "passed", "passed"]
    assert document["runs"][0]["refused_by"] == ["data.drift.production.payment_type.linf.max"]
    assert document["most_refusing"][0]["runs"] == 1
    link = document["runs"][-1]["report"]
    assert link.startswith("../work/taxi/runs/")
    assert (tmp_path / "pages" / link).is_file()
    assert weighbridge("trend", "taxi", "--rehearsals").code == 2
    assert weighbridge("trend", "taxi", "-o", "/proc/x.html").code == 2
    assert weighbridge("trend", "taxy").code == 2
