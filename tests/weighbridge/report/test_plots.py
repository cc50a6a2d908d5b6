"""Plots of other metrics providers: drawn by their kind; one that is not as it should be is told, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.weighbridge.report import sample
from tests.weighbridge.report.pages import ELEMENTS, Page
from weighbridge.evidence.metrics import Metrics
from weighbridge.report import render_html
from weighbridge.report.charts.series import Curve, series_chart
from weighbridge.report.evidence import Evidence
from weighbridge.report.plots import MOST_PLOTS, MOST_ROWS, Undrawable, read_plots
from weighbridge.verdict import Verdict

VERDICT = Verdict.of([], pipeline="p", run_id="r", subject={})
LINES = {"kind": "lines", "title": "Over time", "series": [{"name": "candidate", "x": [1, 2, 3], "y": [0.1, 0.2, 0.3]}]}
BARS = {
    "kind": "bars",
    "title": "Against baselines",
    "rows": [{"name": "model", "value": 0.3, "low": 0.2, "high": 0.4}],
}
TABLE = {"kind": "table", "title": "Examples", "columns": ["who", "what"], "rows": [["a", ["x", "y"]], ["b", 3]]}


def with_plots(plots: Any) -> Metrics:
    return Metrics(split="eval", rows=3, confidence=0.95, label="", metrics=[], plots=plots)


def page(**plots: Any) -> Page:
    return Page(render_html(Evidence(VERDICT, metrics=with_plots(plots))))


def series(**changes: Any) -> dict[str, Any]:
    return {**LINES, "series": [{**LINES["series"][0], **changes}]}


def test_a_run_that_ranks_shows_its_metrics_slices_plots_and_variants(tmp_path):
    shown = Page(render_html(sample.ranked(tmp_path)))
    assert shown.row("recall@20")[1:4] == ["all rows", "812", "0.312 (0.292 to 0.332)"]
    assert "recall@20 per slice" in shown.text.replace(" with 95% intervals", "")
    assert shown.row("country=Germany")[0] == "recall@20"
    for title in ("Coverage of the catalogue", "recall@20 over time", "recall@20 against baselines", "Recommendations"):
        assert title in shown.text
    assert shown.row("items_10x")[1:5] == ["14.13 MiB", "1", "400", "5.23 (5.07 to 5.38)"]
    assert "with k = 20" in shown.text
    assert "label" not in shown.text.partition("Quality")[2].partition("Per slice")[0]
    assert "Plot odd cannot be drawn: its kind is 'pie'; known are lines, bars, table." in shown.text
    assert "script" not in shown.names


def test_lines_have_bands_and_the_models_their_colours():
    drawn = series_chart(
        "t",
        [
            Curve("production", [(1, 0.2, 0.1, 0.3), (2, 0.3, 0.2, 0.4)]),
            Curve("other", [(1, 0.1, None, None), (2, 0.2, None, None)]),
        ],
        x_label="x",
        y_label="y",
    )
    looks = [attributes.get("class", "") for name, attributes in Page(str(drawn)).elements if name == "path"]
    assert looks == ["area-production", "line-production", "line-train"]


def test_names_along_an_axis_are_thinned_where_they_would_cover_each_other():
    months = [f"2010-{month:02d}" for month in range(1, 13)]
    few, many = page(a=series(x=months[:3])), page(a=series(x=months, y=[0.5] * 12))
    assert "2010-02" in few.text
    assert "2010-01" in many.text
    assert "2010-02" not in many.text


def test_bars_show_production_where_there_is_one():
    alone = page(a=BARS)
    both = page(a={**BARS, "rows": [{**BARS["rows"][0], "production": 0.2}]})
    assert "area-production" not in str(alone.elements)
    assert "area-production" in str(both.elements)
    assert "model: 0.3" in alone.text


def test_a_table_shows_numbers_texts_and_lists():
    shown = page(a=TABLE)
    assert shown.row("b") == ["b", "3"]
    assert shown.row("a")[0] == "a"
    assert "xy" in shown.row("a")[1]
    assert [attributes["align"] for name, attributes in shown.elements if name == "th"][:2] == ["left", "left"]


def test_long_tables_bars_and_lists_are_cut_and_say_so():
    rows = [[str(number), [f"item {place}" for place in range(60)]] for number in range(MOST_ROWS + 1)]
    shown = page(a={**TABLE, "rows": rows}, b={**BARS, "rows": [{"name": str(n), "value": n} for n in range(70)]})
    assert "The first 50 of 51 rows." in shown.text
    assert "the first 50 of 70" in shown.text
    assert "… and 10 left out" in shown.text
    assert sum(row[:1] == ["50"] for row in shown.cells) == 0


@pytest.mark.parametrize(
    ("plot", "why"),
    [
        (None, "its kind is None; known are lines, bars, table"),
        ([[0, 1]], "its kind is None"),
        ({"kind": ["lines"]}, "its kind is ['lines']"),
        ({"kind": "lines"}, "title: Field required"),
        ({**LINES, "series": []}, "series: List should have at least 1 item"),
        ({**LINES, "series": LINES["series"] * 2}, "two series have one name"),
        (
            {**LINES, "series": [{"name": str(n), "x": [], "y": []} for n in range(7)]},
            "series: List should have at most 6",
        ),
        (series(y=[1, 2]), "series.0: y has 2 values for 3 of x"),
        (series(low=[0, 0, 0]), "series.0: low and high belong together"),
        (series(x=["a", 2, "c"]), "series.0.x.1: Input should be a valid string"),
        (series(x=[0.0] * 1001, y=[0.0] * 1001), "series.0.x: "),
        ({**BARS, "rows": [{"value": 1}]}, "rows.0.name: Field required"),
        ({**TABLE, "rows": [["a"]]}, "row 1 has 1 cells for 2 columns"),
        ({**TABLE, "rows": [["a", {"b": 1}]]}, "rows.0.1: "),
        ({**TABLE, "columns": []}, "columns: List should have at least 1 item"),
    ],
)
def test_a_plot_that_cannot_be_drawn_says_why_and_the_others_are_drawn(plot, why):
    found = read_plots({"bad": plot})["bad"]
    assert isinstance(found, Undrawable)
    assert why in found.why
    shown = page(bad=plot, good=LINES)
    assert "Plot bad cannot be drawn: " in shown.text
    assert "Over time" in shown.text


def test_x_is_of_one_kind_in_all_series():
    mixed = {**LINES, "series": [LINES["series"][0], {"name": "b", "x": ["a"], "y": [1]}]}
    assert read_plots({"a": mixed})["a"].why == "x is text in one series and numbers in another"


def test_a_broken_roc_leaves_the_rest_of_the_metrics(tmp_path):
    found = sample.metrics(0.9, False)
    found["plots"]["roc"] = {"candidate": [[0, "much"]]}
    sample.write(tmp_path, "metrics.json", found)
    shown = Page(render_html(Evidence.collect(VERDICT, {"evaluation": tmp_path})))
    assert shown.row("auc")[1] == "all rows"
    assert "Plot roc cannot be drawn: candidate.0.1: " in shown.text
    assert "mean prediction (bars: rows)" in shown.text


@pytest.mark.parametrize("plots", [None, [], 3, "plots"])
def test_plots_that_are_none_are_told(plots):
    shown = Page(render_html(Evidence(VERDICT, metrics=with_plots(plots))))
    assert "Plot plots cannot be drawn: they are not a name and a plot each." in shown.text


def test_more_plots_than_a_page_can_hold_are_told():
    shown = page(**{f"p{place:02d}": LINES for place in range(MOST_PLOTS + 1)})
    assert "Plot p20 cannot be drawn: a report shows 20 plots at most." in shown.text
    assert shown.text.count("Over time over x") == MOST_PLOTS


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NUMBERS = st.lists(SCALARS, max_size=4)
PLOTS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {
            "kind": st.just("lines"),
            "title": SCALARS,
            "series": st.lists(
                st.fixed_dictionaries(
                    {"name": SCALARS, "x": NUMBERS, "y": NUMBERS}, optional={"low": NUMBERS, "high": NUMBERS}
                ),
                max_size=3,
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("bars"),
            "title": SCALARS,
            "rows": st.lists(
                st.fixed_dictionaries({"name": SCALARS, "value": SCALARS}, optional={"production": JSON}), max_size=3
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("table"),
            "title": SCALARS,
            "columns": st.lists(SCALARS, min_size=1, max_size=2),
            "rows": st.lists(st.lists(SCALARS | st.lists(SCALARS, max_size=2), max_size=2), max_size=2),
        }
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plot=PLOTS, name=st.sampled_from(["roc", "calibration", "mine", "<b>"]))
def test_whatever_a_provider_leaves_the_page_stands(plot, name):
    text = json.dumps({**with_plots({}).model_dump(), "plots": {name: plot}})
    shown = Page(render_html(Evidence(VERDICT, metrics=Metrics.model_validate_json(text))))
    assert not shown.unbalanced
    assert shown.names <= ELEMENTS
    assert not [key for _, attributes in shown.elements for key in attributes if key == "style" or key.startswith("on")]


@pytest.mark.parametrize(
    "payload", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "</svg></title><b>", "\x1b[31m"]
)
def test_no_text_of_a_plot_becomes_markup(payload):
    lines = {"kind": "lines", "title": payload, "x_title": payload, "y_title": payload}
    lines |= {"series": [{"name": payload, "x": [payload, payload + "2"], "y": [1, 2]}]}
    bars = {"kind": "bars", "title": payload, "unit": payload, "rows": [{"name": payload * 3, "value": 1}]}
    table = {"kind": "table", "title": payload, "note": payload, "columns": [payload], "rows": [[payload], [[payload]]]}
    shown = page(**{payload: {"kind": payload}, "lines": lines, "bars": bars, "table": table})
    assert not shown.unbalanced
    assert shown.names <= ELEMENTS
    assert "cannot be drawn" in shown.text
    assert "\x1b" not in shown.text
