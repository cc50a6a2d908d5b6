"""What a report shows of a served model: responses, the knee with its limit, and what a cluster needs."""

import pytest

from tests.weighbridge.report.pages import ELEMENTS, Page
from weighbridge.evidence.base import Interval
from weighbridge.evidence.latency import Histogram
from weighbridge.evidence.served import Loaded, LoadRatio, Rate, ServedReport
from weighbridge.evidence.sizing import Sizing
from weighbridge.report import render_html
from weighbridge.report.evidence import Evidence
from weighbridge.report.served import capacity_rows, rate_rows, response_rows, served_charts, sizing_rows
from weighbridge.verdict import Verdict


def interval(value: float | None) -> Interval:
    return Interval(value=None) if value is None else Interval(value=value, low=0.9 * value, high=1.1 * value)


def model(scale: float = 1.0, knee: float | None = 310.0, measured: bool = True) -> Loaded:
    times = {
        name: interval(scale * value if measured else None)
        for name, value in (("p50_ms", 4.0), ("p95_ms", 9.0), ("p99_ms", 21.0), ("p999_ms", 48.0))
    }
    rates = [
        Rate(rate_rps=100, held=True, surely=True, limited=False, requests=800, p50_ms=4, p99_ms=20, error_rate=0),
        Rate(
            rate_rps=400, held=False, surely=True, limited=False, requests=3200, p50_ms=900, p99_ms=4000, error_rate=0.2
        ),
        Rate(rate_rps=310, held=True, surely=False, limited=False, requests=900, p50_ms=6, p99_ms=45, error_rate=0),
        Rate(rate_rps=350, held=False, surely=False, limited=True, requests=900, p50_ms=6, p99_ms=70, error_rate=0),
    ]
    return Loaded(
        requests=9600,
        **times,
        error_rate=Interval(value=0.002, low=0.001, high=0.004),
        errors={"503": 19},
        queued=0.01,
        lag_ms=0.3,
        lag_share=0.015,
        generator_cpu=0.03,
        histogram=Histogram(edges_ms=[1, 10, 100], counts=[9000, 600]),
        max_rate_rps=interval(knee) if knee else None,
        rates=rates if knee else [],
        cost_per_million=interval(0.42) if knee else None,
        cpu_ms=4.1,
        memory_bytes=734003200,
    )


def served(**changes: object) -> ServedReport:
    given: dict = {
        "server": "KServe's model server",
        "protocol": "v1",
        "rate_rps": 200,
        "rows": 1,
        "connections": 64,
        "seconds": 60,
        "segments": 30,
        "timeout_ms": 10_000,
        "confidence": 0.95,
        "limit_ms": 50,
        "candidate": model(),
        "production": model(0.8, 290),
        "ratio": LoadRatio(**dict.fromkeys(("p50_ms", "p95_ms", "p99_ms", "p999_ms"), interval(1.25))),
    }
    return ServedReport(**{**given, **changes})


SIZING = Sizing(cpu_millicores=900, memory_bytes=734003200, rate_rps=200, max_rps_per_replica=310, replicas=2)


def page(found: ServedReport, sizing: Sizing | None = SIZING) -> Page:
    verdict = Verdict.of((), pipeline="taxi", run_id="r", subject={})
    return Page(render_html(Evidence(verdict, served=found, sizing=sizing)))


def test_the_page_tells_responses_knee_and_sizing_and_is_well_formed() -> None:
    made = page(served())
    text = " ".join(made.text.split())
    assert not made.unbalanced
    assert made.names <= ELEMENTS
    for told in ("Served under load", "at 200 requests/s", "21.0 (18.9 to 23.1)", "1.25x", "0.20% (at most 0.40%)"):
        assert told in text, told
    for told in ("Limits hold up to candidate 310/s, production 290/s", "503: 19", "What a cluster needs", "900 m"):
        assert told in text, told


def test_a_run_without_a_served_model_has_no_such_part() -> None:
    verdict = Verdict.of((), pipeline="taxi", run_id="r", subject={})
    assert "Served under load" not in render_html(Evidence(verdict))


def test_what_the_generator_could_not_measure_is_said_to_be_no_number() -> None:
    found = served(candidate=model(measured=False), ratio=None)
    assert response_rows(found)[0][2:6] == ("not measured",) * 4
    assert page(found).text


def test_an_end_that_too_few_requests_tell_is_said_to_be_unknown() -> None:
    few = model().model_copy(update={"p999_ms": Interval(value=48.0, low=31.0)})
    assert response_rows(served(candidate=few))[0][5] == "48 (31 to unknown)"


def test_a_first_model_that_sought_no_knee_has_one_chart_and_no_rates() -> None:
    found = served(candidate=model(knee=None), production=None, ratio=None, limit_ms=None)
    assert len(served_charts(found)) == 1
    assert rate_rows(found) == []
    assert capacity_rows(found)[0][0].startswith("processor")
    assert not page(found, None).unbalanced


def test_a_knee_that_no_rate_broke_for_certain_is_a_least_one() -> None:
    found = model()
    found = found.model_copy(update={"max_rate_rps": Interval(value=160, low=80)})
    told = page(served(candidate=found, production=None)).text
    assert "Limits hold up to candidate at least 160/s" in told
    assert ("highest rate within the limits (requests/s)", "at least 160", "–") in capacity_rows(
        served(candidate=found, production=None)
    )


def test_rates_are_told_in_order_with_what_they_said() -> None:
    told = [(row[1], row[-1]) for row in rate_rows(served(production=None))]
    assert told == [
        ("100", "held, for certain"),
        ("310", "held"),
        ("350", "the generator could do no more"),
        ("400", "did not hold, for certain"),
    ]


def test_the_chart_of_the_knee_ends_where_a_server_only_piles_up() -> None:
    _, chart = served_charts(served(production=None))
    assert "limit ends at 50" in chart
    assert "candidate ends at 150" in chart  # three times the limit, where 4,000 ms were measured


@pytest.mark.parametrize(("cost", "rows"), [(None, 6), (0.42, 7)])
def test_a_price_is_told_where_there_is_one(cost: float | None, rows: int) -> None:
    assert len(sizing_rows(SIZING.model_copy(update={"cost_per_million": cost}))) == rows
