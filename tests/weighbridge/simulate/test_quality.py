"""Models drawn as a taxi model's: how often the real gates refuse equal ones, and pass worse ones."""

import numpy as np
import pytest

from tests.command_line import ROOT
from tests.weighbridge.simulate.drawn import taxi_like
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.quality.kernels import KERNELS
from weighbridge.components.evaluator.quality.metrics_api import MetricRow, MetricsResponse, Predictions
from weighbridge.simulate.provider import weigh_as_it_is
from weighbridge.simulate.quality import drawn_rows, measured_spreads, targets, weigh_resampled
from weighbridge.simulate.simulation import as_judged_first
from weighbridge.simulate.spread import with_spreads
from weighbridge.thresholds.gates_file import load_gates
from weighbridge.verdict import Estimate, Gate
from weighbridge.verdict.outcome import Rule

CARD = {"slice": {"payment_type": "Credit Card"}, "metrics": {"auc": {"min_change": -0.045}}}


def gates_of(**given):
    return QualityGates.model_validate({"metrics": {"auc": {"min_change": -0.01}}, "slice_metrics": [CARD]} | given)


def weigh(gates, models, seed=0):
    return weigh_resampled(gates, models, np.random.default_rng(seed))


def test_a_model_at_a_threshold_passes_as_often_as_the_risk_says_and_one_twice_as_far_hardly_ever():
    tally, _ = weigh(gates_of(), taxi_like(2000, 12, 1))
    for name in ("quality.auc.min_change", "quality.payment_type=Credit Card.auc.min_change"):
        at = tally.gates[name].at_threshold.rate
        assert at.trials == 12 * 11
        assert at.share <= 0.05 + 3 * (0.05 * 0.95 / at.trials) ** 0.5  # of so many trials
        assert at.share > 0.005
        assert tally.gates[name].beyond.rate.share == 0


def test_a_margin_that_the_rows_cannot_decide_refuses_equal_models():
    tight = gates_of(metrics={"auc": {"min_change": -0.0001}})
    tally, _ = weigh(tight, taxi_like(1000, 6, 2))
    assert tally.verdict.share > 0.8
    assert tally.verdict.upper > tally.verdict.share
    assert tally.gates["quality.auc.min_change"].refused.share > 0.8


def test_the_spread_of_trainings_is_told_from_that_of_the_rows():
    def card_of(**given):
        found = [measured_spreads(gates_of(), taxi_like(2000, 20, seed, **given))[0] for seed in range(5)]
        return [next(each for each in spreads if "slice_metrics" in each.key) for spreads in found]

    by_rows = card_of(noise=0.4)
    # Rows alone: little is left of what they do.
    assert np.mean([each.sd**2 for each in by_rows]) < 0.3 * np.mean([each.error**2 for each in by_rows])
    assert sum(each.upper > 0 for each in by_rows) >= 3
    by_skill = card_of(noise=0.05, skill_sd=0.1)
    truth = _true_sd(0.1)
    assert np.sqrt(np.mean([each.sd**2 for each in by_skill])) == pytest.approx(truth, rel=0.3)
    assert sum(each.upper > truth for each in by_skill) >= 3
    assert "retraining_sd: 0.0" in by_skill[0].line


def _true_sd(skill_sd):
    """Of the change of the slice's AUC between two such models, on so many rows that these do nothing."""
    models = taxi_like(30_000, 30, 99, noise=0.05, skill_sd=skill_sd)
    card = models.rows.columns["payment_type"] == "Credit Card"
    compute, labels = KERNELS["auc"].compute, models.rows.labels[card]
    one = np.zeros(len(labels), int)
    return 2**0.5 * np.std([compute(labels, each[card], one, 1)[0] for each in models.predictions], ddof=1)


def test_the_same_seed_gives_the_same_and_another_does_not():
    models = taxi_like(1000, 4, 3)
    gates = gates_of(metrics={"auc": {"min_change": -0.002}})

    def of(seed):
        tally, spreads = weigh(gates, models, seed)
        return [each.document() for each in tally.gates.values()], spreads

    assert of(1) == of(1)
    assert of(1) != of(2)


def test_models_that_are_all_the_same_are_never_refused_and_have_no_spread():
    one = taxi_like(1000, 1, 4)
    same = type(one)(one.rows, [one.predictions[0]] * 3)
    tally, spreads = weigh(gates_of(), same)
    assert tally.verdict.share == 0
    assert {(each.sd, each.upper) for each in spreads} == {(0.0, 0.0)}


def test_rows_that_belong_together_are_drawn_together_and_twice_is_two_units():
    rows = taxi_like(600, 1, 8).rows
    customers = np.array([*np.repeat(np.arange(100), 5), *[None] * 100], object)
    numbered = Predictions(np.arange(600.0), rows.candidate, None, {"customer": customers})
    drawn = drawn_rows(numbered, "customer", np.random.default_rng(0))
    units, sizes = np.unique(drawn.columns["customer"].astype(int), return_counts=True)
    assert len(units) == 200  # as many as there were, those without a value included
    assert set(sizes) == {1, 5}
    for unit in units:
        originals = customers[drawn.labels[drawn.columns["customer"] == unit].astype(int)]
        assert len(set(originals)) == 1
    assert len(drawn_rows(numbered, None, np.random.default_rng(0)).labels) == 600


def test_the_first_attempt_is_judged_by_its_share_of_the_risk():
    gates = load_gates(ROOT / "pipelines/taxi/gates.yaml")
    assert as_judged_first(gates).quality.risk.false_pass == pytest.approx(0.05 * 6 / np.pi**2)
    ignoring = gates.model_copy(update={"quality": gates.quality.model_copy(update={"attempts": "ignore"})})
    assert as_judged_first(ignoring).quality.risk.false_pass == 0.05


def test_small_slices_and_gates_of_other_steps_belong_to_the_verdict():
    small = gates_of(slice_metrics=[CARD | {"min_rows": 10_000, "small": "blocking"}])
    tally, spreads = weigh(small, taxi_like(800, 3, 5))
    assert tally.verdict.share == 1
    assert [each.key for each in spreads] == ["quality.metrics.auc"]

    def others(candidate, production):
        return [Gate(name="training.loss.finite", status="refused" if candidate == 0 else "passed", message="m")]

    tally, _ = weigh_resampled(gates_of(), taxi_like(3000, 4, 6), np.random.default_rng(0), others)
    assert tally.gates["training.loss.finite"].refused.share == pytest.approx(1 / 4)
    assert tally.verdict.share == pytest.approx(1 / 4)


def test_what_only_warns_refuses_no_verdict():
    warns = gates_of(metrics={"auc": {"min_change": -0.0001, "severity": "warning"}}, slice_metrics=[])
    tally, _ = weigh(warns, taxi_like(1000, 4, 7))
    assert tally.gates["quality.auc.min_change"].refused.share > 0.5
    assert tally.verdict.share == 0


@pytest.mark.parametrize(
    ("rule", "threshold", "equal", "expected"),
    [
        ("min_change", -0.01, 0.0, (-0.01, -0.02)),
        ("min", 0.9, 0.95, (0.9, 0.85)),
        ("max", 40.0, 10.0, (40.0, 70.0)),
        ("max_ratio", 1.5, 1.0, (1.5, 2.25)),
        ("min_ratio", 0.5, 1.0, (0.5, 0.25)),
    ],
)
def test_twice_as_far_is_from_a_model_that_is_as_good(rule, threshold, equal, expected):
    assert targets(Rule(rule, threshold), equal) == pytest.approx(expected)


def test_a_provider_of_ones_own_is_asked_for_each_model_against_the_next():
    asked = []

    def ask(candidate, production):
        asked.append((candidate, production))
        value, other = 0.9 + 0.01 * candidate, 0.9 + 0.01 * production
        change = Estimate(value - other, value - other - 0.001, value - other + 0.001)
        row = MetricRow("recall", 100, Estimate(value, value - 0.1, value + 0.1), (), Estimate(other), change)
        return MetricsResponse(100, (row,))

    gates = QualityGates.model_validate({"metrics": {"recall": {"min_change": -0.015}}})
    tally, spreads = weigh_as_it_is(gates, 3, ask)
    assert asked == [(0, 1), (1, 2), (2, 0)]
    assert tally.verdict.trials == 3
    assert tally.gates["quality.recall.min_change"].gate.rates.false_pass == 0.05
    assert tally.gates["quality.recall.min_change"].at_threshold.trials == 0
    assert spreads[0].sd == pytest.approx(0.01 * 2**0.5, rel=0.01)
    assert "provider" in tally.notes[0]
    assert with_spreads(gates, spreads).metrics["recall"].retraining_sd == pytest.approx(spreads[0].sd)


@pytest.mark.slow
def test_taxis_gates_keep_both_risks_on_predictions_like_its_own():
    """The target: of equal models at 5,000 rows at most 5 % are refused, and of those at a margin at most 5 % pass."""
    gates = load_gates(ROOT / "pipelines/taxi/gates.yaml").quality
    # The levels are those of the drawn models; margins and slices are the pipeline's own.
    relative = {
        name: bounds.model_copy(update={"min": None, "max": None})
        for name, bounds in gates.metrics.items()
        if bounds.compares
    }
    entries = tuple(
        entry.model_copy(
            update={
                "metrics": {name: bounds.model_copy(update={"min": None}) for name, bounds in entry.metrics.items()}
            }
        )
        for entry in gates.slice_metrics
    )
    gates = gates.model_copy(update={"metrics": relative, "slice_metrics": entries})
    # As trainings of the taxi model on other rows: the card payers' AUC moves by sd 0.007, the rows tell it by 0.009.
    tally, spreads = weigh(gates, taxi_like(5000, 20, 11, noise=0.45, skill_sd=0.019))
    assert 0.004 < spreads[-1].sd < 0.010
    assert 0.007 < spreads[-1].error < 0.011
    assert tally.verdict.upper <= 0.05
    at = [each.at_threshold.rate for each in tally.gates.values()]
    assert all(rate.share <= 0.05 + 3 * (0.05 * 0.95 / rate.trials) ** 0.5 for rate in at)
    assert np.mean([rate.share for rate in at]) <= 0.06
    assert all(each.beyond.rate.share <= 0.006 for each in tally.gates.values())
