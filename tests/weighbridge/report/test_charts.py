import math
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.report.charts.features import rebin
from weighbridge.report.charts.intervals import Mark, interval_chart, threshold_bar
from weighbridge.report.charts.lines import line_chart, roc_chart, thin
from weighbridge.report.charts.scale import Axis, nice_step, tick_text
from weighbridge.report.charts.svg import element
from weighbridge.report.features import Bucket

NUMBERS = st.floats(-1e12, 1e12)
SVG = "http://www.w3.org/2000/svg"


@given(st.lists(NUMBERS, max_size=8))
def test_an_axis_shows_all_values_with_few_round_ticks(values):
    axis = Axis.of(values, 0, 100)
    assert axis.low < axis.high
    assert 2 <= len(axis.ticks) <= 12
    for value in values:
        # A millionth is less than a pixel, of the value where all are alike and else of the axis.
        slack = 1e-6 * max(abs(value), axis.high - axis.low)
        assert axis.low - slack <= value <= axis.high + slack
        assert 0 <= axis(value) <= 100
    assert len(axis.labels()) == len(axis.ticks)


@given(st.floats(1e-9, 1e9))
def test_a_step_is_round_and_not_much_larger(rough):
    step = nice_step(rough)
    assert rough * 0.999 <= step <= rough * 2.01
    assert round(step / 10 ** math.floor(math.log10(step) + 1e-9), 6) in (1, 2, 2.5, 5, 10)


@pytest.mark.parametrize("values", [[], [math.nan, math.inf], [0.0], [5e-324], [1e308, -1e308], [1e300, 1e300]])
def test_an_axis_stands_what_has_no_range(values):
    axis = Axis.of(values, 0, 100)
    assert all(math.isfinite(axis(value)) for value in values if math.isfinite(value))


@pytest.mark.parametrize(
    ("value", "step", "shown"),
    [(0.25, 0.25, "0.25"), (0.0, 0.1, "0"), (2000, 500, "2,000"), (1.5e6, 5e5, "1.5M"), (3e-9, 1e-9, "3e-09")],
)
def test_tick_labels(value, step, shown):
    assert tick_text(value, step) == shown


def test_attributes_and_text_are_escaped():
    assert str(element("text", '<a "b"', class_='x"y')) == '<text class="x&#34;y">&lt;a &#34;b&#34;</text>'
    assert str(element("line", x1=1 / 3, y1=None)) == '<line x1="0.33"></line>'


def test_thinning_keeps_both_ends_and_the_shape():
    points = [(place / 100, 0.0) for place in range(1001)]
    kept = thin(points)
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert len(kept) < 20
    assert thin([]) == []


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=12, unique=True).map(sorted), st.booleans())
def test_rebinned_shares_are_all_rows_where_the_bins_hold_all(ends, whole):
    if whole:
        ends = sorted({round(end) for end in ends})
    buckets = [Bucket(low, high, 3.0) for low, high in pairwise(ends)]
    edges = [-102.0 + 20.4 * place for place in range(11)]
    shares = rebin(buckets, edges, whole)
    assert all(share >= 0 for share in shares)
    assert sum(shares) == pytest.approx(1.0 if buckets else 0.0)


def test_a_frequent_value_stays_in_its_bin():
    assert rebin([Bucket(2.0, 2.0, 5.0)], [0.0, 1.0, 2.0, 3.0], whole=False) == [0.0, 0.0, 1.0]
    assert rebin([Bucket(3.0, 3.0, 5.0)], [0.0, 1.0, 2.0, 3.0], whole=False) == [0.0, 0.0, 1.0]


def test_gaps_and_single_epochs_are_drawn():
    chart = str(line_chart("loss", {"train": [None, 0.5, None], "eval": []}, {}, x_label="epoch"))
    assert chart.count("<circle") == 1
    assert "<path" not in chart


def test_empty_curves_are_frames():
    assert "<path" not in roc_chart({"candidate": [(None, 0.5)]}, {"candidate": "candidate"})


def test_intervals_without_ends_are_dots():
    chart = interval_chart("auc", [("all", Mark(0.5), None)], x_label="auc", labels={"candidate": "candidate"})
    assert chart.count("<circle") == 1
    assert 'class="line-candidate" stroke="#0072b2" stroke-width' not in chart


def places(chart, name, key):
    return [float(element.attrib[key]) for element in ET.fromstring(str(chart)).iter(f"{{{SVG}}}{name}")]


@pytest.mark.parametrize(("least", "tinted"), [(True, (66.0, 66.0)), (False, (0.0, 66.0))])
def test_a_bar_tints_what_is_allowed_and_draws_value_and_ends_in_place(least, tinted):
    chart = threshold_bar("t", Mark(0.75, 0.5, 1.0), 0.75, least=least, state="refused", told="d")
    assert [*places(chart, "rect", "x"), *places(chart, "rect", "width")] == list(tinted)
    [value] = places(chart, "circle", "cx")
    limit, interval, low, high = places(chart, "line", "x1")
    assert (limit, value) == (66.0, 66.0)
    assert (interval, low, high) == (12.0, 12.0, 120.0)


def test_an_end_that_is_not_known_reaches_to_the_edge_without_a_cap():
    chart = threshold_bar("t", Mark(0.75, None, 1.0), 0.5, least=True, state="warning", told="d")
    limit, interval, cap = places(chart, "line", "x1")
    assert (limit, interval, cap) == (12.0, 0.0, 120.0)


@given(NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS, NUMBERS, st.booleans())
def test_whatever_was_measured_a_bar_stays_in_its_cell(value, low, high, limit, least):
    chart = threshold_bar("<t>", Mark(value, low, high), limit, least=least, state="passed", told="&")
    for name, keys in (("line", ("x1", "x2")), ("circle", ("cx",)), ("rect", ("x", "width"))):
        for key in keys:
            assert all(0 <= place <= 132 for place in places(chart, name, key))
