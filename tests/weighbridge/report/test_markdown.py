import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.report import Evidence, render_markdown
from weighbridge.report.markdown import escaped
from weighbridge.verdict import Gate, Verdict


def test_headline_then_what_to_do(refused):
    lines = render_markdown(refused).splitlines()
    assert lines[0] == "## ✗ REFUSED"
    assert "6 of 55 gates refused, 1 warning" in lines[2]
    assert lines[4].startswith("- **`quality.auc.min`**: auc is 0.8123, but must be at least 0.85.")


def test_refused_gates_come_first(refused):
    rows = [line for line in render_markdown(refused).splitlines() if re.match(r"\| [✗!✓○]", line)]
    marks = [row[2] for row in rows]
    assert marks == sorted(marks, key="✗!✓○".index)
    assert rows[0] == "| ✗ refused | `quality.auc.min` | 0.8123 | ≥ 0.85 | 0.9212 | – | – |"


def test_what_had_nothing_to_compare_with_is_said_and_comes_last(first_run):
    lines = render_markdown(first_run).splitlines()
    assert "52 gates weighed, 3 had nothing to compare with, 1 warning" in lines[2]
    rows = [line for line in lines if re.match(r"\| [✗!✓○]", line)]
    assert [row[:16] for row in rows[-3:]] == ["| ○ not compared"] * 3


def test_change_against_production(passed, first_run):
    assert "| auc | all rows | 4,990 | 0.9187 | 0.9227 | -0.004 (" in render_markdown(passed)
    assert "| auc | all rows | 4,990 | 0.9187 | – | – |" in render_markdown(first_run)


def test_a_run_without_metrics_and_with_notes(stopped):
    text = render_markdown(replace(stopped, notes=("metrics.json is broken",)))
    assert "Quality against production" not in text
    assert "- note: metrics.json is broken" in text


def test_markup_mentions_and_links_are_disarmed():
    shown = escaped("<b>*x* | [y](http://z) @team www.evil.com `c`\n# h")
    assert not re.search(r"[<>|*\[\]`\n]|@t|://|www\.", shown)
    assert escaped("trip_start_hour is 3.5") == "trip_start_hour is 3.5"


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_stays_in_its_cell(text):
    gate = Gate(
        name=f"room.{text}", status="refused", observed=text, threshold=text, baseline=text, unit=text, message=text
    )
    markdown = render_markdown(Evidence(Verdict.of([gate], pipeline="p", run_id="r", subject={text: text})))
    [row] = [line for line in markdown.split("\n") if line.startswith("| ✗")]
    assert row.count("|") == 6
    assert "<" not in re.sub(r"`[^`]*`", "", markdown)


def test_intervals_and_rates_stand_in_the_table_and_the_risks_of_all_above_it(undecided):
    text = render_markdown(undecided)
    assert (
        text.index("- warning `quality.trip_start_hour=3")
        < text.index("passes all 4 sampled gates")
        < text.index("### G")
    )
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert "|  | gate | observed | allowed | production | refuses equal | passes at limit |" in rows
    name = "`quality.payment_type=Credit Card.auc.min_change`"
    assert f"| ? undecided | {name} | -0.022 (-0.044 to 0.000) | ≥ -0.03 | 0.9212 | 27% | 5% |" in rows
    assert any(row.startswith("| ! undecided (warning) | `quality.trip_start_hour=3.auc.min_change` |") for row in rows)


def test_without_sampled_gates_the_table_has_no_rates(stopped):
    assert "|  | gate | observed | allowed | production |\n" in render_markdown(stopped)
