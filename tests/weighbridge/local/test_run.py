"""`weighbridge run` as its user sees it, on a user's own pipeline of two small components."""

import json
from pathlib import Path

import pytest

from tests.weighbridge.local.tiny import CALLS
from tests.weighbridge.runs.histories import add_run
from tests.weighbridge.runs.hooked import install, seen
from weighbridge.definition import load
from weighbridge.evidence.delivered import Delivered
from weighbridge.runs.display import SilentDisplay
from weighbridge.runs.finish import run_to_end
from weighbridge.runs.log import read_log
from weighbridge.runs.record import StepRecord
from weighbridge.runs.workspace import Workspace, find_run

TINY = "tests.weighbridge.local.tiny"


@pytest.fixture(autouse=True)
def calls(tmp_path, monkeypatch):
    """The components that really ran, in order; asking empties the list."""
    path = tmp_path / "calls"
    path.touch()
    monkeypatch.setenv(CALLS, str(path))

    def take():
        names = path.read_text().split()
        path.write_text("")
        return names

    return take


def test_a_run_ends_in_a_verdict_and_leaves_one_folder(weighbridge, workdir, calls):
    done = weighbridge("run", TINY)
    assert done.code == 0, done.err
    assert calls() == ["Count", "Use"]
    assert "PASSED" in done.out
    assert "10 rows" not in done.err
    [folder] = (workdir / "tiny/runs").iterdir()
    assert {path.name for path in folder.iterdir()} >= {
        "verdict.json",
        "junit.xml",
        "report.html",
        "report.md",
        "run.json",
        "log.txt",
    }
    verdict = json.loads((folder / "verdict.json").read_text())
    assert [gate["name"] for gate in verdict["gates"]] == ["data.rows.min", "quality.size.min"]
    record = find_run(workdir).record
    assert [(step.name, step.state) for step in record.steps] == [("Count", "done"), ("Use", "done")]
    assert all(reference.digest.startswith("sha256:") for reference in record.artifacts)


def test_library_noise_goes_to_the_log(weighbridge, workdir):
    done = weighbridge("run", TINY)
    assert "INFO" not in done.out + done.err
    assert "tensorflow" not in done.err
    assert [part.step for part in read_log(find_run(workdir)) if part.step] == ["Count", "Use"]
    assert weighbridge("logs", "latest", "Use").out.startswith("--- Use (done)\n")


def test_a_second_run_says_that_nothing_changed_and_starts_nothing(weighbridge, workdir, calls):
    weighbridge("run", TINY)
    calls()
    again = weighbridge("run", TINY)
    assert again.code == 0
    assert "Nothing changed since run" in again.out
    assert calls() == []
    assert len(list((workdir / "tiny/runs").iterdir())) == 1


def test_forced_the_steps_come_from_the_cache(weighbridge, calls):
    weighbridge("run", TINY)
    calls()
    again = weighbridge("run", TINY, "--force")
    assert again.code == 0
    assert again.out.count("cached") >= 2
    assert calls() == []


def test_a_refusing_gate_stops_the_run_with_exit_1(weighbridge, workdir, calls):
    refused = weighbridge("run", TINY, "--set", "rows=3")
    assert refused.code == 1
    assert calls() == ["Count"]
    assert "REFUSED" in refused.out
    assert "rows is 3 rows, but must be at least 5 rows." in refused.out
    states = {step.name: step.state for step in find_run(workdir).record.steps}
    assert states == {"Count": "refused", "Use": "skipped"}
    again = weighbridge("run", TINY, "--set", "rows=3")
    assert (again.code, calls()) == (1, [])
    assert "Nothing changed" in again.out


def test_a_changed_parameter_runs_exactly_what_depends_on_it(weighbridge, calls):
    weighbridge("run", TINY)
    weighbridge("run", TINY, "--set", "rows=11")
    assert calls() == ["Count", "Use"] * 2


def test_an_output_that_did_not_change_keeps_later_steps_cached(weighbridge, workdir, calls):
    weighbridge("run", TINY)
    weighbridge("run", TINY, "--set", "threshold=4")
    weighbridge("run", TINY, "--set", "threshold=4", "--set", "note=irrelevant to what Count writes")
    assert calls() == ["Count", "Use", "Count", "Use", "Count"]
    assert [step.state for step in find_run(workdir).record.steps] == ["done", "cached"]


def test_user_code_that_raises_is_exit_2_with_its_first_line_and_the_log(weighbridge, workdir, calls):
    failed = weighbridge("run", TINY, "--set", "fail=Count")
    assert failed.code == 2
    assert "Count failed: ValueError: the first line" in failed.err
    assert "the second line" not in failed.err
    run = find_run(workdir)
    assert str(run.log) in failed.err
    assert "the second line" in run.log.read_text()
    assert "the second line" in weighbridge("logs", "latest", "Count").out
    assert calls() == ["Count"]
    assert weighbridge("run", TINY).code == 0


def test_a_full_disk_is_exit_3_and_finished_steps_are_kept(weighbridge, calls):
    failed = weighbridge("run", TINY, "--set", "fail=Use")
    assert failed.code == 3
    assert "No space left on device" in failed.err
    assert "finished steps are kept" in failed.err
    calls()
    assert weighbridge("run", TINY).code == 0
    assert calls() == ["Use"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such"], "There is no pipeline 'no_such'"),
        (["no.such.module"], "There is no pipeline 'no.such.module'"),
        (["json"], "Module 'json' is not a pipeline"),
        ([TINY, "--set", "rowz=3"], "tiny has no parameter 'rowz'. Did you mean 'rows'?"),
        ([TINY, "--set", "rows=many"], "--set rows='many'"),
        ([TINY, "--set", "rows"], "has no value"),
        ([TINY, "--unknown"], "No such option"),
    ],
)
def test_wrong_usage_is_exit_2_and_names_the_value(weighbridge, calls, arguments, message):
    wrong = weighbridge("run", *arguments)
    assert wrong.code == 2
    assert message in wrong.err
    assert calls() == []


def test_a_workdir_that_cannot_be_written_is_exit_2(weighbridge, tmp_path):
    (tmp_path / "file").touch()
    wrong = weighbridge("run", TINY, "--workdir", str(tmp_path / "file"))
    assert wrong.code == 2
    assert "cannot be written" in wrong.err
    assert "--workdir" in wrong.err


def test_two_runs_at_once_the_second_is_told_to_retry(weighbridge, workdir):
    with Workspace(workdir, "tiny").lock():
        second = weighbridge("run", TINY)
    assert second.code == 3
    assert "Another run of tiny" in second.err
    assert weighbridge("run", TINY).code == 0


def test_json_is_one_document_for_machines(weighbridge):
    document = json.loads(weighbridge("run", TINY, "--json").out)
    assert document["exit_code"] == 0
    assert document["verdict"]["passed"] is True
    assert document["unchanged"] is False
    assert json.loads(weighbridge("run", TINY, "--json").out)["unchanged"] is True


def test_verbose_shows_what_libraries_print_and_still_logs_it(weighbridge, workdir):
    done = weighbridge("run", TINY, "--verbose", "--set", "fail=Count")
    assert "the second line" in done.err
    assert "the second line" in find_run(workdir).log.read_text()


def test_earlier_runs_can_be_listed_and_shown(weighbridge, workdir):
    assert weighbridge("runs").code == 2
    weighbridge("run", TINY)
    weighbridge("run", TINY, "--set", "rows=3")
    passed, refused = (run.record.run_id for run in Workspace(workdir, "tiny").runs())
    listed = weighbridge("runs").out
    assert passed in listed
    assert "refused" in listed
    assert len(json.loads(weighbridge("runs", "--json").out)) == 2
    assert weighbridge("show", passed).code == 0
    shown = weighbridge("show")
    assert shown.code == 1
    assert "REFUSED" in shown.out
    assert "Use" in shown.out
    assert Path(weighbridge("report", refused).out.strip()).name == "report.html"
    assert weighbridge("show", "19990101").code == 2
    assert weighbridge("show", "20").code == 2


def test_a_run_whose_process_is_gone_is_shown_as_killed(weighbridge, workdir):
    run = Workspace(workdir, "tiny").new_run(load(TINY), {})
    run.record.pid = 2**22 - 1
    run.save()
    assert "killed" in weighbridge("runs").out
    assert weighbridge("show").code == 3
    reported = weighbridge("report")
    assert reported.code == 2
    assert f"Run {run.record.run_id} has no report: it was killed before any step ended" in reported.err
    assert f"run: weighbridge run {TINY}\n" in reported.err
    assert str(run.log) in reported.err
    run.record.steps.append(StepRecord(name="Count", state="done"))
    run.save()
    assert "it was killed after Count" in weighbridge("report").err


def test_a_verdict_beside_a_killed_run_is_not_shown_as_what_it_came_to(weighbridge, workdir):
    weighbridge("run", TINY)
    run = find_run(workdir)
    run.record.state, run.record.exit_code, run.record.pid = "running", None, 2**22 - 1
    run.record.delivered = Delivered(version="3", destination="/models", stage="production")
    run.save()
    shown = weighbridge("show")
    assert shown.code == 3
    assert "killed, no verdict." in shown.out
    assert "Its model is version 3 in /models. Finished steps are kept." in shown.out
    assert "PASSED" not in shown.out
    assert json.loads(weighbridge("show", "--json").out)["verdict"] is None


def test_what_a_killed_run_had_begun_to_write_is_removed_by_the_next(weighbridge, workdir):
    weighbridge("run", TINY)
    home = workdir / "tiny"
    begun = [find_run(workdir).folder / ".staged-run.json-0", home / ".staged-code.json-0"]
    brought = home / "runs/.staged-20260101-000000-0000-0"
    brought.mkdir()
    (brought / "run.json").write_bytes((find_run(workdir).folder / "run.json").read_bytes())
    for path in begun:
        path.touch()
    assert len(json.loads(weighbridge("runs", "--json").out)) == 1
    weighbridge("run", TINY)
    assert not any(path.exists() for path in begun)
    assert brought.exists()  # another command may be bringing it


def test_ids_of_runs_sort_by_time_within_a_second_too(workdir):
    space, definition = Workspace(workdir, "tiny"), load(TINY)
    ids = [space.new_run(definition, {}).record.run_id for _ in range(5)]
    assert ids == sorted(set(ids))


def test_a_killed_promotion_is_told_with_its_command(weighbridge, workdir):
    run = Workspace(workdir, "tiny").new_run(load(TINY), {"from": "staging", "to": "canary"}, kind="promotion")
    run.record.pid = 2**22 - 1
    run.save()
    assert f"run: weighbridge promote {TINY} --from staging --to canary\n" in weighbridge("report").err


def test_a_run_that_failed_has_a_report_that_says_why_and_how_far_it_came(weighbridge, workdir, tmp_path):
    failed = weighbridge("run", TINY, "--set", "fail=Use", "--reports", str(tmp_path / "kept"))
    assert failed.code == 3
    run = find_run(workdir)
    reported = weighbridge("report")
    assert (reported.code, reported.out.strip()) == (0, str(run.folder / "report.html"))
    page = (run.folder / "report.html").read_text()
    assert "<h1>" in page
    assert "FAILED" in page
    assert "No space left on device" in page
    assert "finished steps are kept" in page
    assert "<td>Count</td><td>done</td>" in page
    assert 'href="log.txt"' in page
    assert "<script" not in page
    assert " style=" not in page
    kept = {path.name for path in (tmp_path / "kept" / run.record.run_id).iterdir()}
    assert kept >= {"report.html", "log.txt", "run.json"}
    assert json.loads(weighbridge("report", "--json").out) == {"report.html": str(run.folder / "report.html")}
    assert f'href="{run.record.run_id}/report.html"' in (tmp_path / "kept/trend.html").read_text()


def test_what_an_error_quotes_of_data_is_text_in_the_report(weighbridge, workdir):
    run = add_run(Workspace(workdir, "taxi"), 1, "running")

    def work():
        raise ValueError("<script>alert(1)</script> at https://me:secret@host/x")

    run_to_end(run, SilentDisplay(), work, {})
    page = (run.folder / "report.html").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert "secret" not in page
    assert weighbridge("report").code == 0


def test_quiet_prints_the_verdict_alone_and_errors_all_the_same(weighbridge, workdir):
    passed = weighbridge("run", TINY, "--quiet")
    assert (passed.code, passed.err) == (0, "")
    lines = passed.out.splitlines()
    assert lines[0].startswith("✓ PASSED")
    assert lines[-1] == "✓ PASSED tiny · 2 gates weighed, none refused"
    assert "✓ Count" not in passed.out
    again = weighbridge("run", TINY, "-q")
    assert (again.code, again.out) == (0, passed.out)
    refused = weighbridge("run", TINY, "--quiet", "--set", "rows=3")
    assert refused.code == 1
    assert refused.out.startswith("✗ REFUSED")
    failed = weighbridge("run", TINY, "--quiet", "--set", "fail=Count")
    assert (failed.code, failed.out) == (2, "")
    assert "Count failed: ValueError: the first line" in failed.err


@pytest.mark.parametrize(("rows", "code"), [(10, 0), (3, 1)])
def test_a_hook_that_raises_is_a_warning_and_leaves_verdict_and_exit_code(
    weighbridge, workdir, tmp_path, monkeypatch, rows, code
):
    install(tmp_path / "site", monkeypatch, a="fail", b="leave", c="note")
    done = weighbridge("run", TINY, "--set", f"rows={rows}", "--reports", str(tmp_path / "kept"))
    assert done.code == code
    assert "warning: hook a failed: ConnectionError: nobody answers" in done.err
    assert "warning: hook b failed: SystemExit: 0" in done.err
    assert "noise of a hook" not in done.out + done.err
    run = find_run(workdir)
    assert "noise of a hook" in run.log.read_text()
    assert "the second line" in run.log.read_text()
    [given] = seen(tmp_path / "site")
    assert (given["exit_code"], given["steps"]) == (code, ["Count", "Use"])
    kept = {path.name for path in (tmp_path / "kept" / run.record.run_id).iterdir()}
    assert kept == {
        "verdict.json",
        "junit.xml",
        "report.html",
        "report.md",
        "run.json",
        "hooks.json",
        "log.txt",
    }
    assert f'href="{run.record.run_id}/report.html"' in (tmp_path / "kept/trend.html").read_text()
    shown = weighbridge("show")
    assert shown.code == code
    assert "warning: hook a failed" in shown.err
    again = weighbridge("run", TINY, "--set", f"rows={rows}", "--json")
    assert again.code == code
    assert json.loads(again.out)["warnings"] == []
    assert len(seen(tmp_path / "site")) == 1  # nothing ran, so nothing ended
