"""What a verdict of many gates is said to err, against verdicts that are drawn."""

import math

import numpy as np
import pytest

from weighbridge.evidence.base import Interval
from weighbridge.runs.gate_risks import GateRisk, Risks, precise
from weighbridge.runs.measured import Measured
from weighbridge.verdict import Gate, Risk, Sampled
from weighbridge.verdict.decidable import Precision
from weighbridge.verdict.outcome import Rule
from weighbridge.verdict.risk import NORMAL


def risk(error: float, spread: float = 0.0, severity: str = "blocking") -> GateRisk:
    sampled = Sampled(Risk(), rows=1000, spread=spread)
    found = Precision(Rule("min_change", -0.03), error, 0.0, 1000, sampled)
    gate = Gate(name="quality.auc.min_change", status="passed", message="")
    return GateRisk("quality.metrics.auc.min_change", gate, severity, found)


@pytest.mark.parametrize("shared", [0.0, 0.7])
def test_equal_models_are_refused_within_the_bounds(shared: float) -> None:
    gates = [risk(0.008), risk(0.009), risk(0.01, spread=0.005), risk(0.012), risk(0.05, severity="warning")]
    risks = Risks(tuple(gates), ())
    rng = np.random.default_rng(0)
    rounds = 20_000
    common = rng.normal(size=rounds)
    refused = np.zeros(rounds, bool)
    for each in risks.blocking:
        assert each.found is not None
        luck = math.sqrt(shared) * common + math.sqrt(1 - shared) * rng.normal(size=rounds)
        change = luck * each.found.error + rng.normal(size=rounds) * each.found.spread
        refused |= change - NORMAL.inv_cdf(0.95) * each.found.error < -0.03
    slack = 4 * math.sqrt(0.25 / rounds)
    assert risks.least_false_refusals - slack <= refused.mean() <= risks.most_false_refusals + slack
    if not shared:
        kept = math.prod(1 - each.rates.false_refusal for each in risks.blocking if each.rates)
        assert refused.mean() == pytest.approx(1 - kept, abs=slack)


def test_a_verdict_never_errs_more_often_than_always() -> None:
    risks = Risks(tuple(risk(1.0) for _ in range(5)), ())
    assert risks.most_false_refusals == 1.0
    assert Risks((), ()).least_false_refusals == 0.0


def test_how_sure_an_equal_model_is_measured_is_not_told_by_a_bad_one() -> None:
    bad = Measured(
        Interval(value=0.5, low=0.4, high=0.6), 0.9, rows=500, in_production=Interval(value=0.95, low=0.94, high=0.96)
    )
    found = precise(Rule("min", 0.9), bad, bad, Sampled(Risk()))
    assert found is not None
    assert found.error == pytest.approx(0.01 / 1.645, rel=1e-3)
    assert found.enough
