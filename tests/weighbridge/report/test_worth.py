"""What a verdict is worth, in words: never more than what its gates state."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.report.worth import ends_text, rate_text, rates_range, rates_text, worth_text
from weighbridge.verdict import Gate, Rates, Verdict

PROBABILITIES = st.floats(0, 1)


def gate(name: str, false_refusal: float | None = None, false_pass: float = 0.05, **values: object) -> Gate:
    rates = None if false_refusal is None else Rates(false_pass=false_pass, false_refusal=false_refusal)
    fields = {"status": "passed", "message": "m", "baseline": 0.9} | values
    return Gate(name=name, rates=rates, **fields)


def told(*gates: Gate) -> str:
    return worth_text(Verdict.of(gates, pipeline="p", run_id="r", subject={}))


def test_small_risks_are_added_up_and_said_in_one_number() -> None:
    text = told(*(gate(f"quality.m{place}.min", 0.003) for place in range(10)))
    assert text == (
        "A model as good as production passes all 10 sampled gates in at least 97 of 100 weighings; one exactly at a "
        "threshold passes that gate in at most 5."
    )


def test_large_risks_are_said_between_bounds_with_the_gate_that_stops_most() -> None:
    text = told(gate("quality.a.min", 0.3), gate("quality.b.min", 0.2), gate("latency.c.max", 0.1, 0.025))
    assert "in 40 to 70 of 100 weighings, stopped mostly by quality.a.min; one" in text
    hopeless = told(gate("quality.a.min", 0.3), gate("quality.b.min", 0.8))
    assert "in at most 20 of 100 weighings, stopped mostly by quality.b.min; one" in hopeless


def test_a_model_unlike_production_tells_little_of_one_that_is_as_good() -> None:
    far = [gate(f"quality.m{place}.min_change", 0.2, status="refused", observed=-0.4) for place in range(6)]
    assert told(gate("quality.a.min", 0.001), *far) == (
        "Beside a model so unlike production nobody can tell how often one as good passes all 7 sampled gates; one "
        "exactly at a threshold passes that gate in at most 5."
    )
    # What it bounds is said, and what is known of other gates.
    assert "all 3 sampled gates in at least 59 of 100 weighings; one" in told(gate("quality.a.min", 0.01), *far[:2])
    assert "in at most 40 of 100 weighings, stopped mostly by quality.a.min; one" in told(
        gate("quality.a.min", 0.6), *far
    )
    assert rates_text(far[0]).startswith("Refuses at most 20% of equal models, passes 5%")
    assert rates_range([far[0]], "false_refusal") == "≤ 20%"
    assert rates_range([far[0]], "false_pass") == "5%"


def test_one_gate_alone_is_said_as_it_is() -> None:
    assert told(gate("quality.a.min", 0.32)).startswith(
        "A model as good as production passes the sampled gate in about 68 of 100 weighings; one exactly"
    )
    assert "passes both sampled gates in" in told(gate("quality.a.min", 0.01), gate("quality.b.min", 0.02))


def test_where_nothing_is_in_production_the_model_is_held_against_itself() -> None:
    assert told(gate("quality.a.min", 0.01, baseline=None)).startswith("A model as good as this one passes")


def test_data_are_told_apart_from_models() -> None:
    text = told(gate("data.skew.a.linf.max", 0.01, 0.87), gate("quality.a.min", 0.01))
    assert text.startswith("A model as good as production passes the sampled gate in at least 99 of 100")
    assert text.endswith(
        "Data that did not drift pass the drift and skew gate in at least 99 of 100 weighings; data exactly as far "
        "apart as allowed pass that gate in at most 87."
    )


def test_what_is_not_known_what_is_exact_and_what_only_warns_is_counted() -> None:
    text = told(
        gate("quality.a.min", 0.01),
        gate("quality.b.min", interval=(None, None), status="inconclusive"),
        gate("quality.c.min", 0.9, interval=(0.1, 0.2), status="inconclusive", severity="warning"),
        gate("data.rows.min"),
        gate("data.present"),
        gate("quality.d.min_change", status="not_compared"),
    )
    assert text.endswith(
        "Of 1 gate it is not known. 1 undecided gate only warns. 2 other gates take values as they are."
    )
    assert "the sampled gate in at least 99" in text


@pytest.mark.parametrize("gates", [[], [gate("data.rows.min")], [gate("quality.a.min", 0.1, severity="warning")]])
def test_where_no_gate_that_blocks_states_a_risk_nothing_is_said(gates: list[Gate]) -> None:
    assert told(*gates) == ""


@given(st.lists(PROBABILITIES, min_size=1, max_size=12))
def test_gates_that_fail_independently_pass_within_what_is_said(risks: list[float]) -> None:
    text = told(*(gate(f"quality.m{place}.min", risk) for place, risk in enumerate(risks)))
    passes = 100 * math.prod(1 - risk for risk in risks)
    said = re.search(r"in (at least|at most|about)? ?(\d+)(?: to (\d+))? of 100", text)
    assert said is not None
    word, low, high = said.groups()
    if word == "at most":
        assert passes <= float(low) + 1e-6
    elif word == "about":
        assert abs(passes - float(low)) <= 1 + 1e-6
    else:
        assert float(low) <= passes + 1e-6
        assert high is None or passes <= float(high) + 1e-6


@pytest.mark.parametrize(
    ("rate", "shown"), [(None, "–"), (0.0, "<0.1%"), (0.025, "2.5%"), (0.05, "5%"), (0.1234, "12%"), (0.9999, ">99%")]
)
def test_rates_are_readable(rate: float | None, shown: str) -> None:
    assert rate_text(rate) == shown


def test_a_gate_says_how_often_it_is_wrong() -> None:
    assert (
        rates_text(gate("quality.a.min", 0.12)) == "Refuses 12% of equal models, passes 5% of those at the threshold."
    )
    assert "equal data" in rates_text(gate("data.skew.a.linf.max", 0.01))
    assert rates_text(gate("data.rows.min")) == ""
    only_warns = rates_text(gate("quality.a.min", 0.12, severity="warning"))
    assert only_warns.startswith("Does not pass 12% of equal models, passes 5%")


@pytest.mark.parametrize(
    ("interval", "threshold", "unit", "shown"),
    [
        ((-0.0741, -0.0301), -0.03, "", "-0.0741 to -0.0301"),  # -0.030 would look as if it were allowed
        ((-0.0741, -0.0231), -0.03, "", "-0.074 to -0.023"),
        ((18.21, 22.06), 20, "ms", "18.2 to 22.1 ms"),
        ((1.02, 1.139), 1.2, "x", "1.02 to 1.14x"),
        ((210e6, 214e6), 300e6, "bytes", "200.3 MiB to 204.1 MiB"),
        ((None, 0.96), 0.9, "", "unknown to 0.96"),
        ((None, None), 0.9, "", "unknown"),
        ((0.5, 0.5), 0.9, "", "0.5 to 0.5"),
        (None, 0.9, "", ""),
    ],
)
def test_an_interval_has_the_digits_it_needs(interval: object, threshold: float, unit: str, shown: str) -> None:
    assert ends_text(gate("quality.a.min", interval=interval, threshold=threshold, unit=unit)) == shown


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(-1e6, 1e6))
def test_an_interval_never_seems_to_lie_on_another_side_of_its_threshold(
    low: float, width: float, limit: float
) -> None:
    low, limit = round(low, 6), round(limit, 6)
    high = low + round(width, 6)
    shown = ends_text(gate("quality.a.min", interval=(low, high), threshold=limit)).replace(",", "")
    for end, text in zip((low, high), shown.split(" to "), strict=True):
        assert (end > limit, end < limit) == (float(text) > limit, float(text) < limit)
