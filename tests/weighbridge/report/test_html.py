from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.weighbridge.report import sample
from tests.weighbridge.report.pages import ELEMENTS, Page
from weighbridge.evidence.comparison import Comparison, Distance
from weighbridge.evidence.latency import Batch
from weighbridge.evidence.metrics import Metric, Metrics
from weighbridge.report import render_html
from weighbridge.report.evidence import Evidence
from weighbridge.report.features import Feature, Words
from weighbridge.report.notebook import latency_html
from weighbridge.report.steps import StepOutcome
from weighbridge.verdict import Gate, Verdict


def measured(rows: list[Metric], text: str = "eval") -> Metrics:
    return Metrics(split=text, rows=9, confidence=0.95, label=text, metrics=rows, plots={})


def test_every_kind_of_run_is_well_formed_and_needs_no_script(evidence):
    page = Page(render_html(evidence))
    assert not page.unbalanced
    assert page.names <= ELEMENTS
    for name, attributes in page.elements:
        assert "style" not in attributes, name
        assert not [key for key in attributes if key.startswith("on") or key in ("href", "src")], name


def test_headline_says_refused_and_what_to_do(refused):
    page = Page(render_html(refused))
    assert "REFUSED" in page.text
    assert "6 of 55 gates refused" in " ".join(page.text.split())
    assert "Profile the serving signature, or take a smaller model." in page.text
    assert "stopped at Evaluator" in page.text


def test_headline_says_passed(passed):
    text = Page(render_html(passed)).text
    assert "PASSED" in text
    assert "REFUSED" not in text
    assert "stopped" not in text


def test_gates_show_observed_allowed_and_production(refused):
    row = Page(render_html(refused)).row("auc.min")
    assert row[:5] == ["refused", "auc.min", "0.8123", "≥ 0.85", "0.9212"]


def test_metrics_show_intervals_and_production(passed):
    row = Page(render_html(passed)).row("auc")
    assert row[1:5] == ["all rows", "4,990", "0.919 (0.911 to 0.926)", "0.923 (0.915 to 0.930)"]


def test_a_full_run_has_all_charts(refused):
    text = Page(render_html(refused)).text
    for title in ("ROC", "Calibration", "Latency of a batch of 1", "loss", "trip_miles", "false positive rate"):
        assert title in text
    assert text.count("Distribution of ") == 18


def test_every_chart_has_title_and_description(refused):
    page = Page(render_html(refused))
    charts = [attributes for name, attributes in page.elements if name == "svg" and "aria-hidden" not in attributes]
    assert len(charts) > 25
    assert page.count("desc") == len(charts)


def test_first_run_has_no_production_to_compare_with(first_run):
    page = Page(render_html(first_run))
    assert not [attributes for _, attributes in page.elements if "production" in (attributes.get("class") or "")]
    assert page.row("auc")[4] == "–"


def test_a_run_that_stopped_at_the_data_shows_what_there_is(stopped):
    page = Page(render_html(stopped))
    assert "stopped at DataValidator" in page.text
    assert "drift_production.payment_type.linf" in page.text
    assert "trip_miles" in page.text
    assert "Latency" not in page.text
    assert page.row("Trainer")[1:3] == ["skipped", "–"]


def test_nothing_weighed_is_refused():
    page = Page(render_html(Evidence(Verdict.of([], pipeline="p", run_id="r", subject={}))))
    assert "REFUSED" in page.text
    assert "no gate weighed anything" in page.text


def test_what_had_nothing_to_compare_with_is_said_first_and_in_its_row(first_run):
    page = Page(render_html(first_run))
    assert "52 gates weighed, 3 had nothing to compare with" in page.text
    assert page.row("auc.min_change")[0] == "not compared"


def test_notes_are_shown(passed):
    assert "latency.json is broken" in Page(render_html(replace(passed, notes=("latency.json is broken",)))).text


def test_same_evidence_same_bytes(tmp_path):
    assert render_html(sample.refused(tmp_path / "a")) == render_html(sample.refused(tmp_path / "b"))


def test_a_long_list_of_passed_gates_is_one_row_that_opens(passed):
    page = Page(render_html(passed))
    assert page.row("train.*.schema (18 gates)")[0] == "passed"
    assert "fare is as the schema says." in page.text


def test_what_has_no_interval_is_in_the_table_alone():
    rows = [Metric(name="example_count", slice=where, rows=9, value=9.0) for where in ("", "hour=1")]
    verdict = Verdict.of([], pipeline="p", run_id="r", subject={})
    page = Page(render_html(Evidence(verdict, metrics=measured(rows))))
    assert "per slice. " not in page.text
    assert page.row("hour=1")[0] == "example_count"


def test_hundreds_of_slices_make_a_small_chart_and_a_whole_table():
    rows = [Metric(name="auc", slice=f"hour={place}", rows=place, value=0.5, low=0.4, high=0.6) for place in range(300)]
    verdict = Verdict.of([], pipeline="p", run_id="r", subject={})
    page = Page(render_html(Evidence(verdict, metrics=measured(rows))))
    assert "the 30 largest slices" in page.text
    assert page.row("hour=7")[:3] == ["auc", "hour=7", "7"]


@pytest.mark.parametrize("edges", [[], [1.0], [2.0, 1.0, 3.0], [1.0, 1.0, 1.0]])
def test_a_histogram_that_cannot_be_drawn_is_left_out(passed, edges):
    histogram = {"edges_ms": edges, "counts": [1, 1]}
    one = {name: {"value": 3.0} for name in ("p50_ms", "p95_ms", "p99_ms", "throughput_rows_s")}
    batch = Batch.model_validate({"batch_size": 1, "calls": 2, "candidate": {**one, "histogram": histogram}})
    latency = passed.latency.model_copy(update={"batches": [batch]})
    page = Page(render_html(replace(passed, latency=latency)))
    assert "Histogram of" not in page.text
    assert page.row("1")[2:4] == ["candidate", "3"]


def test_load_is_shown_by_rate_and_by_threads(passed):
    calls = {name: {"value": 3.0} for name in ("p50_ms", "p95_ms", "p99_ms", "throughput_rows_s")}
    carried = {"p99_ms": {"value": 40.0, "low": 30.0, "high": 50.0}, "utilisation": 0.62, "capacity_rps": 261.4}
    batch = {
        "batch_size": 1,
        "calls": 2,
        "candidate": {**calls, "histogram": {"edges_ms": [1.0, 9.0], "counts": [2]}},
        "at_rate": {
            "rate_rps": 200,
            "servers": 2,
            "candidate": carried,
            "production": {"p99_ms": {"value": None}, "utilisation": 1.2, "capacity_rps": 0},
            "ratio": {"value": 0.0},
        },
        "at_once": [{"threads": 16, "calls": 900, "slices": 20, "candidate": calls, "ratio": calls}],
    }
    latency = passed.latency.model_copy(update={"batches": [Batch.model_validate(batch)]})
    page = Page(render_html(replace(passed, latency=latency)))
    rows = [[cell.strip() for cell in row] for row in page.cells]
    assert "At a declared rate" in page.text
    assert ["1", "200", "2", "candidate", "62%", "40 (30 to 50)", "about 261"] in rows
    assert ["1", "200", "2", "production", "120%", "without end", "none"] in rows
    assert "Called by several threads at once" in page.text
    assert ["1", "16", "900", "candidate", "3", "3", "3", "–", "3"] in rows
    in_notebook = [[cell.strip() for cell in row] for row in Page(latency_html(latency)).cells]
    assert ["1", "200", "2", "ratio", "", "0x", ""] in in_notebook
    assert ["1", "16", "900", "ratio", "3x", "3x", "3x", "–", "3x"] in in_notebook
    assert "At a declared rate" not in Page(render_html(passed)).text


PAYLOADS = st.one_of(
    st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=y>', "</svg></title><b>", "\0\x1b[31m"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=PAYLOADS)
def test_no_text_from_data_becomes_markup(text):
    gates = [
        Gate(
            name=f"room.{text}.max",
            status="refused",
            observed=text,
            threshold=text,
            baseline=text,
            unit=text,
            message=text,
        ),
        Gate(name=text, status="refused", severity="warning", message=text),
    ]
    feature = Feature(text, 10, 0.0, Words(1, ((text, 10.0),)))
    metrics = [Metric(name=text, slice=where, rows=9, value=0.5, low=0.4, high=0.6) for where in ("", f"x={text}")]
    evidence = Evidence(
        Verdict.of(gates, pipeline=text, run_id=text, subject={text: text}),
        metrics=measured(metrics, text),
        comparison=Comparison(distances=[Distance(feature=text, kind="skew", measure=text, value=0.1, threshold=None)]),
        statistics={"train": [feature], text: [feature]},
        steps=(StepOutcome(name=text, state=text, note=text, rows=text),),
        versions={text: text},
        notes=(text,),
    )
    page = Page(render_html(evidence))
    assert not page.unbalanced
    assert page.names <= ELEMENTS
    assert not [key for _, attributes in page.elements for key in attributes if key == "style" or key.startswith("on")]
    assert "\0" not in page.text
    assert "\x1b" not in page.text
    if text.strip().isalnum():
        assert text.strip() in page.text


def test_a_page_shows_the_hundred_most_telling_of_thousands_of_features(passed):
    features = [Feature(f"f{number:04}", 9, 0.0, Words(1, (("a", 9.0),))) for number in range(3_000)]
    apart = [
        Distance(feature=one.name, kind="skew", measure="linf", value=number / 10_000, threshold=None)
        for number, one in enumerate(features)
    ]
    wide = replace(passed, statistics={"train": features, "eval": features}, comparison=Comparison(distances=apart))
    html = render_html(wide)
    text = " ".join(Page(html).text.split())
    assert "100 of 3,000 features: those that refuse, then those whose distributions are furthest apart" in text
    assert "f2999" in text
    assert "f2900" in text
    assert "f2899" not in text
    assert len(html) < 2 * len(render_html(passed))
    assert "features: those that refuse" not in render_html(passed)


def test_gates_that_sample_show_their_interval_as_a_bar_and_both_rates(undecided):
    source = render_html(undecided)
    page = Page(source)
    row = page.row("payment_type=Credit Card.auc.min_change")
    assert row[0] == "undecided"
    assert row[2:5] == ["-0.022", "≥ -0.03", "0.9212"]
    assert row[5].endswith("Observed -0.022, interval -0.044 to 0.000, allowed ≥ -0.03.-0.044 to 0.000")
    assert row[6:8] == ["27%", "5%"]
    [warned] = [row for row in page.cells if "trip_start_hour=3.auc.min_change" in row]
    assert warned[0].split() == ["undecided", "(warning)"]
    assert page.row("skew.*.jensen_shannon.max (6 gates)")[5:7] == ["<0.1%", "≤ 53%"]
    assert page.row("quarantined_fraction.max")[5].startswith("quarantined_fraction is 0")  # counted: no such columns
    assert "passes all 4 sampled gates in at least 41 of 100 weighings" in " ".join(page.text.split())
    assert "Refuses equal: how often a model as good as production" in page.text


def test_without_sampled_gates_nothing_is_said_of_risks(stopped):
    assert "efuses equal" not in Page(render_html(stopped)).text
