"""`weighbridge lineage`: what made a model, and what a file, a span or a commit touched."""

import json
from pathlib import Path

import pytest

from tests.weighbridge.cli.test_runs import in_window
from tests.weighbridge.lineage.family import SPANS, add_run, digest
from tests.weighbridge.report.pages import ELEMENTS, Page


@pytest.fixture
def family(workdir: Path) -> Path:
    """The runs of a family of models, nothing of which was pushed."""
    for name in SPANS:
        add_run(workdir, name)
    return workdir


def test_a_model_is_told_with_all_that_made_it(weighbridge, family):
    done = weighbridge("lineage", digest("c"))
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "taxi never pushed"
    told = {line.split()[0]: line.strip() for line in reversed(lines) if line.startswith("  ") and line[2] != " "}
    assert told["model"] == f"model {digest('c')}"
    assert told["weighed"] == "weighed passed by run run-c at 2026-11-03 03:00 UTC"
    assert told["data"] == "data 1,500 rows, 2 files, spans 16 to 17"
    assert told["code"] == f"code commit {'1' * 40} of https://example.org/taxi.git"
    assert told["parameters"] == "parameters data=/data/day-{SPAN}.csv, epochs=5"
    assert told["training"] == "training taxi.model.run_fn, seed 20, deterministic"
    assert told["software"].startswith("software Python 3.11.2, tensorflow 2.16.2, lock sha256:1010")
    assert told["thresholds"].endswith("latency, quality")
    assert any(line.startswith("    /data/day-17.csv span 17, 17 B, sha256:1111") for line in lines)
    assert "  weighed against never pushed, " + digest("b") in lines
    assert any("made of not recorded: it was weighed by a release" in line for line in lines)


@pytest.mark.parametrize(
    "asked", [digest("c"), digest("c")[:20], "c" * 12, "run-c", "run:run-c", f"model:{digest('c')}"]
)
def test_a_model_is_known_by_digest_or_run(weighbridge, family, asked):
    found = json.loads(weighbridge("lineage", asked, "--json").out)
    assert (found["kind"], found["digest"], found["exit_code"]) == ("model", digest("c"), 0)
    assert [model["digest"] for model in found["models"]] == [digest(name) for name in "cba"]
    assert found["unrecorded"] == [digest("a")]


def test_a_span_is_told_with_what_it_touched(weighbridge, family):
    done = weighbridge("lineage", "span:17")
    assert done.code == 0, done.err
    assert done.out.startswith("span 17 touched 3 models; none of them is in production now\n")
    assert f"    taxi run-e passed, never pushed: warm start from cccccccccccc, {digest('e')}\n" in done.out
    assert f"  refused and never pushed\n    taxi run-d refused, never pushed, {digest('d')}\n" in done.out
    assert "  weighed against a touched model, and not touched\n    taxi run-f " in done.out
    assert "  not recorded: these may have been\n    taxi run-a never pushed: it was weighed by" in done.out
    found = json.loads(weighbridge("lineage", "span:17", "--json").out)
    assert [(each["model"]["run_id"], each["how"]) for each in found["touched"]] == [
        ("run-c", "trained_on"),
        ("run-d", "trained_on"),
        ("run-e", "warm_start"),
    ]
    assert (found["in_production"], found["never_pushed"]) == ([], [digest("d")])
    assert [each["digest"] for each in found["unrecorded"]] == [digest("a")]


@pytest.mark.parametrize(
    ("asked", "kind", "runs"),
    [
        ("day-20.csv", "data", ["run-f"]),
        ("/data/day-15.csv", "data", ["run-b"]),
        (digest("2d"), "data", ["run-d"]),
        ("3" * 40, "commit", ["run-f"]),
        ("3333333", "commit", ["run-f"]),
        ("2222222", "commit", ["run-d", "run-e"]),
    ],
)
def test_data_and_commits_are_found_by_what_people_call_them(weighbridge, family, asked, kind, runs):
    found = json.loads(weighbridge("lineage", asked, "--json").out)
    assert (found["kind"], [each["model"]["run_id"] for each in found["touched"]]) == (kind, runs)


def test_what_matches_nothing_is_told_with_what_there_is(weighbridge, family):
    done = weighbridge("lineage", "days-17.csv")
    assert (done.code, done.out) == (2, "")
    told = " ".join(done.err.split())
    assert "'days-17.csv' is no model, data, span or commit of the 6 models that are known" in told
    assert "Did you mean 'day-17.csv'?" in told
    assert "pipelines: taxi; spans: span:15, span:16" in told
    assert "Of 1 of them it is not recorded what made them: run run-a." in told
    assert weighbridge("lineage", "span:99").code == 2
    assert "Did you mean 'span:19'?" in " ".join(weighbridge("lineage", "span:99").err.split())
    assert weighbridge("lineage", "f" * 40 + "0").code == 2


def test_a_pipeline_without_production_names_what_it_weighed_last(weighbridge, family):
    done = weighbridge("lineage", "taxi")
    assert done.code == 2
    assert "weighbridge lineage run:run-f" in done.err


def test_where_nothing_is_known_the_places_to_look_are_told(weighbridge, workdir):
    done = weighbridge("lineage", "span:17")
    assert done.code == 2
    assert "--destination" in done.err


def test_a_name_of_several_things_asks_which(weighbridge, workdir):
    add_run(workdir, "b")  # whose commit begins as the model's digest below does
    run = add_run(workdir, "c")
    path = run.folder / "verdict.json"
    path.write_text(path.read_text().replace(digest("c"), "sha256:" + "1" * 64))
    record = run.folder / "run.json"
    from weighbridge.verdict import Verdict

    document = json.loads(record.read_text())
    record.write_text(json.dumps(document | {"verdict_digest": Verdict.read(path).digest}))
    done = weighbridge("lineage", "1" * 12)
    assert done.code == 2
    assert f"commit:{'1' * 12} or data:{'1' * 12} or model:{'1' * 12}." in " ".join(done.err.split())
    for kind in ("commit", "data", "model"):
        found = json.loads(weighbridge("lineage", f"{kind}:{'1' * 12}", "--json").out)
        assert found["kind"] == kind


def test_data_can_be_read_again(weighbridge, workdir, tmp_path):
    import hashlib

    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "day-17.csv").write_text("changed")
    add_run(workdir, "c", folder=str(folder))
    done = weighbridge("lineage", "span:17", "--check")
    assert done.code == 1
    now = hashlib.sha256(b"changed").hexdigest()
    assert f"CHANGED since, it is sha256:{now}" in done.out
    found = json.loads(weighbridge("lineage", "run-c", "--check", "--json").out)
    assert {each["file"]["span"]: each["state"] for each in found["checked"]} == {16: "gone", 17: "changed"}
    assert found["exit_code"] == 1


def test_only_one_pipeline_may_be_asked(weighbridge, family, workdir):
    add_run(workdir, "f", pipeline="shop")
    both = json.loads(weighbridge("lineage", "span:20", "--json").out)
    assert len(both["touched"][0]["model"]["weighings"]) == 2
    one = json.loads(weighbridge("lineage", "span:20", "--pipeline", "shop", "--json").out)
    assert [each["pipeline"] for each in one["touched"][0]["model"]["weighings"]] == ["shop"]


def test_a_record_that_was_damaged_is_a_note_and_no_silence(weighbridge, family):
    path = family / "taxi/runs/run-c/provenance.json"
    path.write_text(path.read_text()[:100])
    done = weighbridge("lineage", "span:17")
    assert done.code == 0
    assert f"note: {path} is not a valid provenance.json" in done.out
    assert "taxi run-c never pushed: what was recorded of it cannot be read" in done.out
    assert "taxi run-e never pushed: this is not recorded of it, or of what it started from" in done.out


@pytest.mark.parametrize("asked", [digest("e"), "span:17"])
def test_a_page_shows_it_without_script_or_inline_style(weighbridge, family, tmp_path, asked):
    path = tmp_path / "page.html"
    assert weighbridge("lineage", asked, "--html", str(path)).code == 0
    page = Page(path.read_text())
    assert not page.unbalanced
    assert page.names <= ELEMENTS
    assert page.count("svg") == 1
    assert all("style" not in attributes for _, attributes in page.elements)
    assert "model cccccccccccc" in page.text
    again = tmp_path / "again.html"
    weighbridge("lineage", asked, "--html", str(again))
    assert again.read_bytes() == path.read_bytes()


def test_in_a_window_it_is_a_tree(family):
    shown = in_window(100, "lineage", "span:17", workdir=family)
    assert "├── models" in [line.rstrip() for line in shown]
    assert any(line.startswith("│   ├── taxi run-c") for line in shown)
