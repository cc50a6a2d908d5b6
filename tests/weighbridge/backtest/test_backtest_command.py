"""The command, on the recommender's own default data: two spans of a year that a made-up shop lived.

The pipeline is the recommender without its larger twins, which would be most of the work and are no part of a backtest.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import ROOT
from tests.patience import PATIENCE_S, wait_until
from tests.pipelines.recommender import small_pipeline
from weighbridge.components.production_model.record import production_history

COMMAND = (sys.executable, "-m", "weighbridge", "backtest")
# Small and quick: what is shown here does not depend on how good the model is.
QUICK = ("--set", "dim=16", "--set", "epochs=1", "--set", f"run_fn={small_pipeline.__name__}.run_fn")
SPANS = ("--from", "2010-09", "--to", "2010-10")


def environment(workdir: Path) -> dict[str, str]:
    """Where a user's own pipeline in the work directory is found."""
    return os.environ | {"PYTHONPATH": f"{ROOT}:{workdir}"}


def run(*arguments: str, workdir: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments, "--workdir", str(workdir)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment(workdir),
    )


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backtest")


@pytest.fixture(scope="module")
def killed_first(workdir: Path) -> dict[str, Any]:
    """A backtest that is killed within its second span, and started again."""
    small = small_pipeline.write(workdir)
    process = subprocess.Popen(
        [*COMMAND, small, *SPANS, *QUICK, "--workdir", str(workdir)],
        stderr=subprocess.DEVNULL,
        env=environment(workdir),
    )
    wait_until(lambda: list(workdir.glob("recommender/backtests/*/backtest.json")) or process.poll() is not None)
    [kept] = workdir.glob("recommender/backtests/*/backtest.json")
    process.send_signal(signal.SIGINT)
    code = process.wait(PATIENCE_S)
    before = json.loads(kept.read_text())
    finished = run(small, *SPANS, *QUICK, "--json", workdir=workdir)
    assert finished.returncode == 0, finished.stderr
    return {"code": code, "before": before, "after": json.loads(finished.stdout)}


@pytest.mark.slow
def test_a_killed_backtest_goes_on_where_it_was(killed_first: dict[str, Any]) -> None:
    assert killed_first["code"] == 3
    assert [span["span"] for span in killed_first["before"]["spans"]] == ["2010-09"]
    assert killed_first["after"]["spans"][0] == killed_first["before"]["spans"][0]
    assert [span["span"] for span in killed_first["after"]["spans"]] == ["2010-09", "2010-10"]


@pytest.mark.slow
def test_each_model_meets_the_one_before_it_on_the_same_rows(killed_first: dict[str, Any]) -> None:
    first, second = killed_first["after"]["spans"]
    assert first["metrics"]["recall@20"]["production"] is None
    if first["decision"] == "pushed":
        assert second["metrics"]["recall@20"]["production"]["value"] > 0
        assert second["metrics"]["recall@20"]["change"]["low"] is not None
    assert {distance["gate"] for distance in first["distances"]} >= {"skew.StockCode.jensen_shannon"}


@pytest.mark.slow
def test_the_pipelines_own_production_is_not_touched(killed_first: dict[str, Any], workdir: Path) -> None:
    assert not (workdir / "recommender/production").exists()
    pushed = [span for span in killed_first["after"]["spans"] if span["decision"] == "pushed"]
    own = Path(killed_first["after"]["folder"], "recommender/production")
    assert len(production_history(own)) == len(pushed)


@pytest.mark.slow
def test_a_finished_backtest_is_only_shown_again(killed_first: dict[str, Any], workdir: Path) -> None:
    began = os.times()
    again = run("small_recommender", *SPANS, *QUICK, workdir=workdir)
    took = os.times()
    assert again.returncode == 0, again.stderr
    assert "2 of 2 spans were done before" in again.stderr
    assert "2010-10" in again.stdout
    assert took.children_user - began.children_user < killed_first["after"]["spans"][0]["seconds"]
    assert Path(killed_first["after"]["page"]).exists()


def test_a_pipeline_that_cannot_be_told_a_day_is_refused(tmp_path: Path) -> None:
    found = run("taxi", *SPANS, workdir=tmp_path)
    assert found.returncode == 2
    assert "no parameter 'evaluate_from'" in found.stderr
    assert "time_end" in found.stderr


def test_the_days_of_a_span_cannot_be_set_besides(tmp_path: Path) -> None:
    found = run("recommender", *SPANS, "--set", "until=2010-10-01", workdir=tmp_path)
    assert found.returncode == 2
    assert "Use --from and --to." in found.stderr


def test_an_unknown_span_is_refused(tmp_path: Path) -> None:
    found = run("recommender", "--from", "soon", "--to", "2010-10", workdir=tmp_path)
    assert found.returncode == 2
    assert "'soon' is neither a month nor a day" in found.stderr


@pytest.mark.slow
def test_a_span_without_orders_fails_alone(tmp_path: Path) -> None:
    found = run("recommender", "--from", "2011-06", "--to", "2011-06", "--json", workdir=tmp_path)
    assert found.returncode == 0, found.stderr
    [only] = json.loads(found.stdout)["spans"]
    assert only["decision"] == "failed"
    assert "'eval'" in only["message"]
