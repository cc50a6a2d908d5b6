"""`weighbridge diff`: two runs side by side, in a window, in a pipe, as a page and for machines."""

import json

import pytest

from tests.weighbridge.cli.test_runs import in_window
from tests.weighbridge.runs.pairs import digest, make_run, workspace_of
from weighbridge.components.production_model.record import ProductionRecord, record_bytes
from weighbridge.runs.workspace import Workspace


@pytest.fixture
def space(workdir):
    """Three runs: the third was trained for one epoch, and is refused."""
    space = workspace_of(workdir)
    make_run(space, 1)
    make_run(space, 2, parameters={"seed": 7}, ages=(20, 60))
    make_run(space, 3, auc=0.8, ms=2.0, parameters={"epochs": 1, "seed": 7}, data="b", ages=(45, 85))
    return space


def ids(space) -> list[str]:
    return [run.record.run_id for run in space.runs()]


def put_in_production(space, run) -> None:
    """A version with the record that a Pusher leaves."""
    home = space.home / "production"
    (home / "1").mkdir(parents=True)
    record = ProductionRecord(
        version=1,
        model_digest=digest("a"),
        verdict_digest=digest("b"),
        run_id=run.record.run_id,
        pipeline=space.pipeline,
        pushed_at=run.record.started,
        subject={},
    )
    (home / "production.json").write_bytes(record_bytes(record))


def test_the_last_two_are_compared_where_none_is_named(weighbridge, space):
    done = weighbridge("diff")
    assert done.code == 0
    _, second, third = ids(space)
    lines = done.out.splitlines()
    assert [line.split() for line in lines if line.lstrip().startswith("run ")] == [["run", second, third]]
    changed = [line.split()[1] for line in lines if line.startswith("*") and "changed;" not in line]
    for name in ("input", "age", "epochs", "quality.auc.min", "auc", "batch_1.p50_ms"):
        assert name in changed
    assert "seed" not in changed
    assert "refused: quality.auc.min" in done.out
    assert "difference" in done.out
    assert "data, epochs changed; auc -0.1" in done.out


def test_a_pipe_gets_a_line_for_each_thing(weighbridge, space):
    out = weighbridge("diff").out
    age = next(line for line in out.splitlines() if line.startswith("*  age"))
    assert "median" in age
    assert "\x1b" not in out


@pytest.mark.parametrize("columns", [80, 120])
def test_a_window_breaks_no_id_and_no_name(space, workdir, columns):
    lines = in_window(columns, "diff", workdir=workdir)
    assert max(map(len, lines)) <= columns
    text = "\n".join(lines)
    for word in (*ids(space)[1:], "quality.auc.min", "batch_1.throughput_rows_s"):
        assert word in text
    assert "\x1b" not in text  # in the name of a slice


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        (("shop@-3",), (0, 2)),
        (("shop@-3", "shop@-2"), (0, 1)),
        (("production",), (0, 2)),
        (("production", "shop@-2"), (0, 1)),
        (("shop@production", "latest"), (0, 2)),
        (("latest",), (1, 2)),
        (("latest", "shop@-2"), (2, 1)),
    ],
)
def test_runs_are_named_by_where_they_stand(weighbridge, space, named, wanted):
    put_in_production(space, space.runs()[0])
    found = json.loads(weighbridge("diff", *named, "--json").out)
    assert (found["before"]["run_id"], found["after"]["run_id"]) == tuple(ids(space)[place] for place in wanted)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (("shop",), "shop is a pipeline, and no run\n       Its latest run is shop@latest."),
        (("lates",), "Did you mean 'latest'?"),
        (("shopp@-1",), "Did you mean 'shop'?"),
        (("shop@-9",), "none is the 9th from the end"),
        (("shop@first",), "is neither latest, production nor a number such as -1"),
        (("production",), "Nothing of shop is in production"),
        (("shop@-1", "shop@-1"), "Both are run"),
        (("20260303", "nowhere"), "No run nowhere"),
    ],
)
def test_a_run_that_is_not_there_is_a_usage_error_that_says_how_to_name_one(weighbridge, space, named, said):
    done = weighbridge("diff", *named)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_one_run_alone_has_nothing_to_be_compared_with(weighbridge, workdir):
    make_run(workspace_of(workdir), 1)
    done = weighbridge("diff")
    assert (done.code, "There is no run of shop before" in done.err) == (2, True)
    empty = weighbridge("diff", "--workdir", str(workdir / "none"))
    assert (empty.code, "There is no run in" in empty.err) == (2, True)


def test_a_run_that_failed_before_it_measured_differs_in_no_metric(weighbridge, workdir):
    space = workspace_of(workdir)
    make_run(space, 1)
    failed = make_run(space, 2)
    failed.record.state, failed.record.error, failed.record.artifacts = "failed", "Trainer failed: OSError", []
    failed.record.verdict_digest = ""
    failed.save()
    (failed.folder / "verdict.json").unlink()
    out = weighbridge("diff").out
    assert "failed: Trainer failed: OSError" in out
    assert "by more than chance\n" not in out
    assert "values on slices" not in out
    assert "in the first run alone" in out


def test_a_run_of_another_pipeline_in_production_is_asked_for(weighbridge, space, workdir):
    make_run(Workspace(workdir, "bank"), 4)
    done = weighbridge("diff", "production", "--json")
    assert done.code == 2
    assert "bank@production, shop@production" in done.err
    put_in_production(space, space.runs()[0])
    found = json.loads(weighbridge("diff", "production", "shop@latest", "--json").out)
    assert found["after"]["run_id"] == ids(space)[2]


def test_json_has_all_with_intervals(weighbridge, space):
    found = json.loads(weighbridge("diff", "--json").out)
    assert found["metrics"][0]["before"].keys() == {"value", "low", "high"}
    assert found["metrics"][0]["apart"] is True
    assert {fact["name"]: fact["changed"] for fact in found["parameters"]} == {"epochs": True, "seed": False}
    assert found["slices"][0]["slice"] == "town=\x1b[31mUlm"


def test_all_shows_also_what_is_the_same(weighbridge, space):
    assert "code of Evaluator" not in weighbridge("diff").out
    assert "code of Evaluator" in weighbridge("diff", "--all").out


def test_a_page_and_markdown_are_written_with_all_that_came_from_data_escaped(weighbridge, space, tmp_path):
    make_run(space, 4, parameters={"epochs": 1, "note": "<script>alert(1)</script>|"})
    page, comment = tmp_path / "diff.html", tmp_path / "diff.md"
    done = weighbridge("diff", "--html", page, "--markdown", comment)
    assert done.code == 0
    html, text = page.read_text(), comment.read_text()
    assert "<script" not in html
    assert " style=" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "\x1b" not in html + text
    assert "<script" not in text
    assert "**note**" in text
    assert weighbridge("diff", "--html", tmp_path / "no" / "\0").code == 2


def test_show_and_report_take_the_same_names(weighbridge, space):
    assert ids(space)[0] in weighbridge("show", "shop@-3").out
    assert weighbridge("show", "shop@-1").code == 1
