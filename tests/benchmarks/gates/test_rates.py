"""A small GateBench: the rates that the gates promise, with the tolerance that so few verdicts have."""

from dataclasses import replace

import pytest
from scipy.stats import binom

from benchmarks.gates import drift, latency, quality
from benchmarks.gates.outcomes import AT_MARGIN, EQUAL, TWICE, Cell, percent
from benchmarks.gates.run import Gate, Task, climb, fewest_rows, run, tasks

SURE = 0.999  # a promise that is kept fails the test so seldom, the other way round


def cells(gate: Gate, rule: str, truth: str, verdicts: int, texts: tuple[str, ...]) -> list[Cell]:
    """Those of one rule, on the streams that are shown with one of these texts."""
    wanted = [
        replace(task, verdicts=verdicts)
        for task in tasks(gate, 1, 1)
        if (task.rule, task.truth) == (rule, truth) and any(text in task.shown for text in texts)
    ]
    assert wanted
    return list(run(wanted))


def holds(cell: Cell, count: int, promised: float) -> bool:
    """Whether so many are no more than chance makes of a promise."""
    return count <= binom.ppf(SURE, cell.verdicts, promised)


FEW = ("1,000 rows", "350 rows", "500 rows")


@pytest.mark.parametrize("rows", [FEW, pytest.param(("5,000 rows", "1,750 rows"), marks=pytest.mark.slow)])
def test_quality_is_wrong_no_more_often_than_declared(rows: tuple[str, ...]) -> None:
    for cell in cells("quality", quality.OURS, AT_MARGIN, 120, rows):
        assert holds(cell, cell.passed, 0.05), cell
    for cell in cells("quality", quality.OURS, EQUAL, 60, rows):
        assert holds(cell, cell.refused, 0.005), cell
    for cell in cells("quality", quality.OURS, TWICE, 40, rows):
        assert holds(cell, cell.passed, 0.01), cell


def test_a_point_estimate_passes_every_other_model_at_the_margin() -> None:
    for cell in cells("quality", "TFMA", AT_MARGIN, 100, FEW):
        assert 0.25 < cell.passed / cell.verdicts < 0.75, cell


@pytest.mark.parametrize("rows", [FEW, pytest.param(("5,000 rows",), marks=pytest.mark.slow)])
def test_data_that_did_not_drift_are_refused_by_chance_at_most(rows: tuple[str, ...]) -> None:
    for cell in cells("drift", drift.OURS, EQUAL, 80, rows):
        assert holds(cell, cell.refused, 0.01), cell


def test_many_rows_that_drifted_by_twice_the_margin_are_found() -> None:
    for cell in cells("drift", drift.OURS, TWICE, 25, ("5,000 rows",)):
        assert holds(cell, cell.passed, 0.05), cell


def test_thresholds_alone_take_chance_for_drift_among_a_thousand_categories() -> None:
    for cell in cells("drift", "Evidently", EQUAL, 20, ("1,000 categories",)):
        assert cell.refused == cell.verdicts


@pytest.mark.slow
def test_equal_models_are_not_refused_for_their_latency_and_slow_ones_do_not_pass() -> None:
    for stream in ("quiet machine", "busy machine: load", "recorded"):
        for truth, verdicts in ((EQUAL, 25), (TWICE, 10)):
            for cell in cells("latency", latency.EVALUATOR, truth, verdicts, (stream,)):
                assert holds(cell, cell.wrong, 0.01), cell
        [cell] = cells("latency", latency.EVALUATOR, AT_MARGIN, 20, (stream,))
        assert holds(cell, cell.passed, 0.05), cell  # of the median, and of the p99 besides


@pytest.mark.slow
def test_a_machine_whose_tail_is_luck_leaves_the_canary_undecided_and_refuses_nobody() -> None:
    [cell] = cells("latency", latency.CANARY, EQUAL, 10, ("one call in a hundred",))
    assert holds(cell, cell.refused, 0.025), cell
    assert cell.undecided > cell.verdicts / 2


def test_two_processes_weigh_as_one_does() -> None:
    todo = [replace(task, verdicts=5) for task in tasks("quality", 1, 1)[:4]]
    assert list(run(todo, jobs=2)) == list(run(todo))


def test_all_rules_see_the_same_samples_and_another_seed_draws_others() -> None:
    task = Task("quality", "made-up rows, AUC", 500, "TFMA", AT_MARGIN, 80)
    assert task.run() == task.run()
    assert replace(task, seed=1).run() != task.run()


def test_the_rounds_are_shared_out_among_the_streams() -> None:
    todo = tasks("quality", 1000, 200)
    assert sum(task.verdicts for task in todo if (task.rule, task.truth) == (quality.OURS, EQUAL)) == 1000
    assert sum(task.verdicts for task in todo if (task.rule, task.truth) == (quality.OURS, TWICE)) == 200
    assert climb("latency", 10) == climb("quality", 0) == []


def test_the_fewest_rows_are_the_first_with_which_both_errors_are_rare() -> None:
    def cell(rows: str, truth: str, refused: int) -> Cell:
        return Cell("quality", f"a, b, {rows} rows", "rule", truth, 100, refused, 0, 1)

    few = [cell("500", EQUAL, 10), cell("500", TWICE, 100)]
    many = [cell("1,000", EQUAL, 5), cell("1,000", TWICE, 95)]
    assert fewest_rows([*many, *few]) == {("a, b", "rule"): 1000}
    assert fewest_rows(few) == {("a, b", "rule"): None}


@pytest.mark.parametrize(
    ("count", "of", "shown"),
    [(50, 100, "50 ± 5 %"), (1, 10_000, "0.01 ± 0.01 %"), (0, 1000, "< 0.3 %"), (250, 250, "> 98.8 %")],
)
def test_shares_are_shown_with_their_standard_error(count: int, of: int, shown: str) -> None:
    assert percent(count, of) == shown
