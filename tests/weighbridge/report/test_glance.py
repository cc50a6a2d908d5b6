"""What every report says of a run first, and where its model went."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from rich.console import Console

from tests.weighbridge.report.pages import Page
from weighbridge.evidence.delivered import Delivered
from weighbridge.report import print_card, render_html, render_markdown
from weighbridge.report.evidence import Evidence
from weighbridge.verdict import Verdict

PUSHED = Delivered.at("/models/production/3", 3, "production", already=False)
STAGED = Delivered.at("gs://models/staging/2", 2, "staging", already=False)
ALREADY = Delivered.at("/models/production/3", 3, "production", already=True)
COMMIT = "0123456789abcdef0123456789abcdef01234567+changes"


def card(verdict: Verdict, delivered: Delivered | None, width: int | None = None) -> list[str]:
    file = io.StringIO()
    options = {"width": width, "force_terminal": True, "color_system": None} if width else {"width": 400}
    print_card(Console(file=file, soft_wrap=True, **options), verdict, delivered)
    return file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("delivered", "words", "address"),
    [
        (PUSHED, "version 3 in", "/models/production"),
        (STAGED, "version 2 at staging", "gs://models/staging"),
        (ALREADY, "already in production as version 3, in", "/models/production"),
    ],
)
def test_card_html_and_markdown_say_where_the_model_went(passed, delivered, words, address):
    shown = replace(passed, delivered=delivered)
    assert f"model: {words} {address}" in card(passed.verdict, delivered)
    assert Page(render_html(shown)).row("model") == ["model", f"{words} {address}"]
    assert f"Model: {words} `{address}`\n" in render_markdown(shown)


def test_a_refused_model_went_nowhere(refused):
    shown = replace(refused, delivered=Delivered())
    assert "model: nowhere: refused" in card(refused.verdict, Delivered())
    assert Page(render_html(shown)).row("model") == ["model", "nowhere: refused"]
    assert "Model: nowhere: refused\n" in render_markdown(shown)


def test_nothing_is_said_where_it_is_not_known(passed):
    assert not [line for line in card(passed.verdict, None) if line.startswith("model:")]
    assert "Model:" not in render_markdown(passed)
    header = render_html(passed).partition("</header>")[0]
    assert [name for name in ("ran", "commit", "data", "key metrics", "model") if f">{name}</th>" in header] == [
        "data",
        "key metrics",
    ]
    bare = Evidence(Verdict.of([], pipeline="p", run_id="r", subject={}))
    assert "<table" not in render_html(bare).partition("</header>")[0]


def test_an_address_is_whole_in_a_narrow_window(passed):
    long = "gs://models-of-everybody/" + "a-long-name/" * 8 + "production"
    lines = card(passed.verdict, Delivered.at(f"{long}/3", 3, "production", already=False), width=80)
    assert lines[lines.index("model: version 3 in") + 1] == long


def test_a_hostile_address_is_text(passed):
    hostile = Delivered.at("/a`|<b>\u202e/3", 3, "production", already=False)
    shown = replace(passed, delivered=hostile)
    assert "<b>" not in render_html(shown)
    assert "<b>" not in render_markdown(shown)
    assert "\u202e" not in render_html(shown) + render_markdown(shown)


def test_the_page_begins_with_when_what_and_how_good(refused):
    started = datetime(2026, 3, 14, 11, 26, tzinfo=timezone(timedelta(hours=2)))
    shown = replace(refused, started=started, commit=COMMIT, delivered=Delivered())
    page = Page(render_html(shown))
    assert page.row("ran")[1] == "2026-03-14 09:26 UTC"
    assert page.row("commit")[1] == COMMIT
    assert page.row("data")[1] == "15,002 rows of /data/taxi/data.csv"
    assert page.row("key metrics")[1].startswith("auc 0.8123 (production 0.8163), ")
    assert page.text.index("key metrics") < page.text.index("What to do")


def test_at_most_four_metrics_that_block_are_key(passed):
    assert passed.metrics is not None
    [auc] = [metric for metric in passed.metrics.overall() if metric.name == "auc"]
    names = ["a.b", "shown_only", "b", "c", "d", "e"]
    metrics = [auc.model_copy(update={"name": name, "production": None}) for name in names]
    metrics += [auc.model_copy(update={"slice": "day=1"})]
    [gate, *_] = [gate for gate in passed.verdict.gates if gate.name == "quality.auc.min"]
    gates = [gate.model_copy(update={"name": f"quality.{name}.min"}) for name in ("day=1.auc", *names)]
    gates = [each.model_copy(update={"severity": "warning"}) if "shown_only" in each.name else each for each in gates]
    verdict = Verdict.of(gates, pipeline="p", run_id="r", subject={})
    measured = passed.metrics.model_copy(update={"metrics": metrics, "plots": {}})
    row = Page(render_html(Evidence(verdict, metrics=measured))).row("key metrics")
    assert row[1] == "a.b 0.9187, b 0.9187, c 0.9187, d 0.9187"


def test_data_without_a_summary_are_their_digest():
    verdict = Verdict.of([], pipeline="p", run_id="r", subject={"data": f"sha256:{'ab' * 32}"})
    page = Page(render_html(Evidence(verdict, started=datetime(2026, 3, 14, tzinfo=UTC))))
    assert page.row("data")[1] == "abababababab"
