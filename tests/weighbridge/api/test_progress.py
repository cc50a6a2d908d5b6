"""What the cell of a notebook shows while a run goes on."""

import pytest

from tests.weighbridge.report.pages import Page
from tests.weighbridge.runs.pairs import make_run, workspace_of
from weighbridge.api import notebook
from weighbridge.runs.record import StepRecord


@pytest.fixture
def pages(monkeypatch):
    drawn = []
    monkeypatch.setattr(notebook.LiveOutput, "show", lambda self, page: drawn.append(Page(page)))
    return drawn


def test_steps_appear_as_they_end_and_the_end_is_told(tmp_path, pages):
    run = make_run(workspace_of(tmp_path), 1)
    run.record.state = "running"
    display = notebook.NotebookDisplay()
    display.started(run, ["ExampleGen", "Evaluator"])
    display.step_started("ExampleGen")
    assert "ExampleGen …" in pages[-1].text
    assert ("div", {"style": "width: 0%"}) in pages[-1].elements
    display.step_ended(StepRecord(name="ExampleGen", state="done", seconds=1.5, note="7 <b>rows</b>"))
    assert ("div", {"style": "width: 50%"}) in pages[-1].elements
    assert pages[-1].row("ExampleGen") == ["ExampleGen", "done", "1.5 s", "7 <b>rows</b>"]
    display.step_ended(StepRecord(name="Evaluator", state="refused", seconds=2.0, note="too slow"))
    run.record.state = "refused"
    display.ended()
    assert "REFUSED" in pages[-1].text
    assert str(run.folder / "report.html") in pages[-1].text
    assert not any("style" in attributes for name, attributes in pages[-1].elements if name == "div")
    assert [page.unbalanced for page in pages if page.unbalanced] == []


def test_what_changes_all_the_time_is_not_drawn_all_the_time(tmp_path, pages, monkeypatch):
    now = 100.0
    monkeypatch.setattr(notebook.time, "monotonic", lambda: now)
    display = notebook.NotebookDisplay()
    display.step_started("Trainer")
    drawn = len(pages)
    for number in range(50):
        display.step_progress(f"{number} rows")
    assert len(pages) == drawn
    now += 1
    display.step_progress("51 rows")
    assert "Trainer … 51 rows" in pages[-1].text
    assert len(pages) == drawn + 1


def test_only_a_kernel_is_a_notebook():
    assert not notebook.in_notebook()
