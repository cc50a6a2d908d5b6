"""`weighbridge check`: thresholds that nothing can pass with the rows and time there are, or good models by luck."""

import sys
from itertools import count
from pathlib import Path

import pytest

from tests.weighbridge.checks.shop import Shop
from tests.weighbridge.runs.histories import add_run
from weighbridge.checks import Finding, check_pipeline
from weighbridge.evidence.base import Interval
from weighbridge.evidence.metrics import Metric, Metrics
from weighbridge.runs.record import ArtifactReference
from weighbridge.runs.workspace import Workspace
from weighbridge.verdict import Bounds, Estimate, Sampled
from weighbridge.verdict.risk import Risk

_NUMBER = count(1)


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return Shop(tmp_path, f"risky{next(_NUMBER)}")


def told(shop: Shop, workdir: Path) -> list[Finding]:
    return check_pipeline(shop.reference, workdir=workdir)


def rows(shop: Shop, number: int, *, rare: int = 2) -> None:
    """Rows of which every second is of Ulm, where one in so many buys again."""
    lines = [
        f"{20 + row % 60},{'Ulm' if row % 2 else 'Kiel'},{int(row // 2 % rare == 0) if row % 2 else row // 2 % 2}\n"
        for row in range(number)
    ]
    shop.data.write_text("age,town,again\n" + "".join(lines))


def test_a_slice_that_lacks_a_class_can_never_pass(shop, workdir):
    rows(shop, 1000, rare=50)
    [found] = told(shop, workdir)
    assert (found.level, found.line) == ("error", shop.line("gates.yaml", "auc: {min: 0.7}"))
    assert "town=Ulm has" in found.message
    assert "positives and" in found.message
    assert "can never pass" in found.message
    assert "Weigh on more data" in found.hint
    shop.change("gates.yaml", ("auc: {min: 0.7}", "auc: {min: 0.7, severity: warning}"))
    assert [each.level for each in told(shop, workdir)] == ["warning"]
    rows(shop, 1000)
    assert told(shop, workdir) == []


def test_units_are_counted_where_rows_belong_together(shop, workdir):
    rows(shop, 1000)
    assert told(shop, workdir) == []
    shop.change("gates.yaml", ("quality:\n", "quality:\n  unit: town\n"))
    assert {each.level for each in told(shop, workdir)} == {"error"}
    assert "values of town counted, 2 positives and 2 negatives" in told(shop, workdir)[0].message


def test_what_is_not_judged_may_lack_a_class(shop, workdir):
    rows(shop, 1000, rare=50)
    shop.change("gates.yaml", ("auc: {min: 0.7}", "binary_accuracy: {min: 0.7}"))
    assert told(shop, workdir) == []
    shop.change("gates.yaml", ("binary_accuracy: {min: 0.7}", "auc: {min: 0.7}\n      min_rows: 5000"))
    assert told(shop, workdir) == []


def test_a_limit_without_the_time_to_be_measured(shop, workdir):
    shop.change("gates.yaml", ("p99_ms: {max: 20}", "p99_ms: {max: 2000}"), ("latency:\n", "latency:\n  budget_s: 5\n"))
    shop.change("gates.yaml", ("      p50_ms: {max: 10}\n", ""))
    [found] = told(shop, workdir)
    assert (found.level, found.line) == ("warning", shop.line("gates.yaml", "p99_ms"))
    assert "only where a call takes at most 13.6 ms on average" in found.message
    assert "Set latency.budget_s: 190, or a max of 54" in found.hint
    shop.change("gates.yaml", ("budget_s: 5", "budget_s: 0.001"))
    [found] = told(shop, workdir)
    assert (found.level, "none can pass" in found.message) == ("error", True)


def test_drift_that_drowns_in_what_chance_brings(shop, workdir):
    rows(shop, 200)
    shop.change("gates.yaml", ("town: {linf: {max: 0.1}}", "age: {jensen_shannon: {max: 0.01}}"))
    [found] = told(shop, workdir)
    assert (found.level, found.line) == ("warning", shop.line("gates.yaml", "age: {jens"))
    assert "rows of the data at hand, of 10 values" in found.message
    assert "more than half of it" in found.message
    assert "Compare more rows, or set max: 0.0" in found.hint
    rows(shop, 20_000)
    assert told(shop, workdir) == []


@pytest.fixture
def weighed(shop, workdir, tmp_path):
    folder = tmp_path / "evaluation"
    folder.mkdir()
    change = Interval(value=-0.001, low=-0.021, high=0.019)
    production = Interval(value=0.95, low=0.93, high=0.97)
    metric = Metric(
        name="auc", slice="", rows=900, value=0.95, low=0.94, high=0.96, production=production, change=change
    )
    Metrics(split="eval", rows=900, confidence=0.9, label="again", metrics=[metric], plots={}).write(folder)
    gates = Bounds(min=0.8, min_change=-0.01).judge(
        "quality.auc",
        Estimate(0.95, 0.94, 0.96),
        baseline=0.95,
        change=Estimate(-0.001, -0.021, 0.019),
        sampled=Sampled(Risk()),
    )
    shop.change("gates.yaml", ("auc: {min: 0.8}", "auc: {min: 0.8, min_change: -0.01}"))
    artifact = ArtifactReference(step="Evaluator", key="evaluation", type="ModelEvaluation", uri=str(folder))
    add_run(Workspace(workdir, shop.folder.name), 3, gates=gates, artifacts=[artifact])


@pytest.mark.usefixtures("weighed")
def test_a_margin_that_the_rows_of_the_last_run_do_not_decide(shop, workdir, weighbridge):
    [found] = told(shop, workdir)
    assert (found.level, found.line) == ("warning", shop.line("gates.yaml", "min_change: -0.01"))
    assert "quality.auc.min_change: by run" in found.message
    assert "refuses a model as good as production in 79 % of runs" in found.message
    assert found.hint.startswith("It can decide -0.04, not -0.01: needs about 14,000 rows, it has 900; or set")
    planned = weighbridge("plan", shop.reference)
    assert planned.code == 0, planned.err
    assert "warning: quality.auc.min_change: by run" in planned.out
    assert "set min_change: -0.04" in planned.out


@pytest.mark.usefixtures("weighed")
def test_a_run_says_so_before_it_does_anything(shop, workdir, weighbridge):
    rows(shop, 1000)
    ran = weighbridge("run", shop.reference, "--to", "ExampleGen")
    first, *others = ran.out.splitlines()
    assert first.startswith("warning: quality.auc.min_change: by run"), ran.out + ran.err
    assert any("ExampleGen" in line for line in others)
    assert "warning:" not in weighbridge("run", shop.reference, "--to", "ExampleGen", "--force", "--quiet").out


def test_a_canary_that_cannot_be_proven_by_so_many_requests(shop, workdir):
    rows(shop, 1000)
    path = shop.folder / "gates.yaml"
    path.write_text(path.read_text() + "canary:\n  steps:\n    - {percent: 1}\n    - {percent: 50, requests: 1000}\n")
    [found] = told(shop, workdir)
    assert (found.level, found.line) == ("warning", shop.line("gates.yaml", "percent: 50"))
    assert "canary.steps[1] asks for 1,000 requests, but prediction_distance.max 0.1 takes about" in found.message
    assert found.hint.startswith("Write requests: ")
    enough = found.hint.split()[2].rstrip(",")
    shop.change("gates.yaml", ("requests: 1000", f"requests: {enough}"))
    assert told(shop, workdir) == []
    shop.change("gates.yaml", ("canary:\n", "canary:\n  p50_ms: {max_ratio: 1.0}\n"))
    [found] = told(shop, workdir)
    assert found.line == shop.line("gates.yaml", "p50_ms: {max_ratio: 1.0}")
    assert "no number of requests proves it" in found.message
