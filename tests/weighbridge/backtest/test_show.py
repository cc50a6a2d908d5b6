from pathlib import Path

import pytest

from tests.weighbridge.backtest.records import backtest, metric, moved, span
from weighbridge.backtest import show
from weighbridge.backtest.pages import write_pages
from weighbridge.backtest.record import Backtest
from weighbridge.common.errors import UsageError


def test_a_row_tells_quality_drift_and_decision() -> None:
    found = backtest(
        span(
            "2010-09",
            metrics={"recall@20": metric(0.25, 0.24, low=0.002, high=0.02)},
            distances=[moved(0.158)],
            p99_ms={"1": 2.2},
            version=4,
        )
    )
    [row] = show.table(found)
    assert row["moved"] == "skew.StockCode.jensen_shannon 0.158 > 0.15"
    assert row["candidate"] == "0.2500 (0.2400 to 0.2600)"
    assert row["change"] == "+0.0100 better"
    assert row["decision"] == "pushed as version 4"


@pytest.mark.parametrize(
    ("low", "high", "told"), [(0.001, 0.1, "better"), (-0.1, -0.001, "worse"), (-0.1, 0.1, "equal")]
)
def test_only_an_interval_beyond_zero_is_better_or_worse(low: float, high: float, told: str) -> None:
    assert metric(0.2, 0.2, low=low, high=high).outcome == told


def test_nothing_in_production_is_neither() -> None:
    assert metric(0.2).outcome == ""
    assert "beat" not in show.summary(backtest(span("2010-06", metrics={"recall@20": metric(0.2)})))


def test_refused_and_failed_spans_say_why() -> None:
    refused = span("2010-07", decision="refused", refusals=["data.rows.eval.min_ratio"], message="too few")
    failed = span("2010-08", decision="failed", rows=None, message="Split 'eval' is empty")
    rows = show.table(backtest(refused, failed))
    assert rows[0]["decision"] == "refused: data.rows.eval.min_ratio"
    assert rows[1]["decision"] == "failed: Split 'eval' is empty"
    assert rows[1]["candidate"] == rows[1]["rows"] == "–"


def test_the_summary_counts_wins_and_names_what_moved() -> None:
    told = show.summary(
        backtest(
            span("2010-06", metrics={"recall@20": metric(0.2)}),
            span("2010-07", metrics={"recall@20": metric(0.3, 0.2, low=0.05, high=0.15)}, distances=[moved(0.2)]),
            span("2010-08", decision="refused", metrics={"recall@20": metric(0.2, 0.3, low=-0.15, high=-0.05)}),
            total=5,
        )
    )
    assert "3 of 5 spans: 2 pushed, 1 not" in told
    assert "in 1 of 2 spans and lost in 1" in told
    assert "changed by +0.0000 on average" in told
    assert "Data moved beyond a threshold in 2010-07." in told


def test_pages_stand_alone_and_escape_what_came_from_data(tmp_path: Path) -> None:
    bad = span("2010-06", decision="failed", message="<script>alert('|')</script>", metrics={"recall@20": metric(0.2)})
    page = write_pages(backtest(bad, span("2010-07", distances=[moved(0.1)])), tmp_path)
    html = page.read_text()
    assert "<script" not in html
    assert "style=" not in html
    assert html.count("<svg") == 2
    markdown = (tmp_path / "backtest.md").read_text()
    assert "<script" not in markdown
    assert r"\|" in markdown
    assert (tmp_path / "quality.svg").read_text().startswith("<svg xmlns=")


def test_a_backtest_without_any_measurement_has_no_charts(tmp_path: Path) -> None:
    page = write_pages(backtest(span("2010-06", decision="failed", message="no data")), tmp_path)
    assert "<svg" not in page.read_text()
    assert not (tmp_path / "quality.svg").exists()


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    found = backtest(span("2010-06", metrics={"recall@20": metric(0.2, 0.1)}, distances=[moved(0.2)]))
    found.write(tmp_path)
    assert Backtest.read(tmp_path) == found
    assert Backtest.read(tmp_path / "nowhere") is None


def test_a_damaged_record_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "backtest.json").write_text("{")
    with pytest.raises(UsageError, match="is not a backtest") as caught:
        Backtest.read(tmp_path)
    assert "--force" in caught.value.hint
