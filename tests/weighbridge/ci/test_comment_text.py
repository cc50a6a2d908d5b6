"""The text of a comment: what is in it, that it is never too long, and that data stay data."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.weighbridge.ci.builds import failed_run, refused_run, run
from weighbridge.ci.comment.reports import read_reports
from weighbridge.ci.comment.text import LIMIT, comment_text, marker
from weighbridge.report import Evidence, render_markdown
from weighbridge.verdict import Gate, Verdict


def text_of(reports: Path, *pictures: tuple[str, str], build: str = "") -> str:
    [runs] = read_reports(reports).values()
    return comment_text(runs, pictures, build)


def test_what_counts_comes_first_and_what_is_long_is_folded(tmp_path: Path) -> None:
    refused_run(tmp_path / "reports")
    text = text_of(tmp_path / "reports", ("auc [all]", "https://example.org/a?raw=true"), build="https://ci/1")
    order = [
        marker("taxi"),
        "## ✗ REFUSED",
        "auc is 0.5, but must be at least 0.9.",
        "run · 1 min 01 s · [build with the whole report](https://ci/1)",
        "### Quality against production",
        "| auc | all rows |",
        "![auc &#91;all&#93;](https://example.org/a?raw=true)",
        "<details><summary>Quality on slices</summary>",
        "| auc | payment_type=Cash |",
        "<details><summary>All gates</summary>",
        "| ✗ refused | `quality.auc.min` |",
        "Weighed: verdict",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    # GitHub reads a table inside HTML only between blank lines.
    assert text.count("</summary>\n\n| ") == text.count("|\n\n</details>") == 2


def test_earlier_runs_of_the_build_are_a_line_each(tmp_path: Path) -> None:
    for number in range(13):
        run(tmp_path / "reports", f"202601{number + 1:02d}-000000-aaaa", auc=0.95 if number % 2 else 0.5)
    failed_run(tmp_path / "reports", "20260120-000000-aaaa", "It broke")
    run(tmp_path / "reports", "20260121-000000-aaaa")
    text = text_of(tmp_path / "reports")
    lines = text.partition("Before, in the same build:\n\n")[2].splitlines()
    assert lines[:2] == ["- run: ✗ no verdict", "- run: ✗ 1 of 1 gate refused"]
    assert lines[-1] == "- and 4 earlier runs"


def test_a_verdict_without_its_report_is_told_all_the_same(tmp_path: Path) -> None:
    folder = refused_run(tmp_path / "reports")
    (folder / "report.md").unlink()
    (folder / "run.json").unlink()
    assert "auc is 0.5, but must be at least 0.9." in text_of(tmp_path / "reports")


def test_a_run_whose_reports_could_not_be_written_has_not_passed(tmp_path: Path) -> None:
    folder = run(tmp_path / "reports", "20260101-000000-aaaa")
    record = json.loads((folder / "run.json").read_text()) | {"state": "failed", "error": "The disk is full"}
    (folder / "run.json").write_text(json.dumps(record))
    text = text_of(tmp_path / "reports")
    assert "PASSED" not in text
    assert "FAILED\n\ntaxi: the run failed. The disk is full" in text


def test_a_killed_run_says_so(tmp_path: Path) -> None:
    failed_run(tmp_path / "reports", "20260101-000000-aaaa", "")
    path = tmp_path / "reports/20260101-000000-aaaa/run.json"
    path.write_text(path.read_text().replace('"failed"', '"running"'))
    assert "It was killed, or has not ended" in text_of(tmp_path / "reports")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    [
        "-->",
        "</details>",
        "<script>alert(1)</script>",
        "\n\n### Gates\n\n",
        "![x](y)",
        "Weighed: ",
        "| all rows |",
        "@ada",
    ]
)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from(["passed", "refused"])), max_size=8), TEXTS)
def test_no_text_from_data_becomes_markup(gates: list[tuple[str, str, str]], pipeline: str) -> None:
    listed = [Gate(name=f"data.{name}.max", status=status, message=message) for name, message, status in gates]
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "20260101-000000-aaaa")
        verdict = Verdict.of_run(listed, pipeline=pipeline or "x", run_id=written.name, subject={})
        written.mkdir()
        (written / "verdict.json").write_bytes(verdict.canonical())
        (written / "report.md").write_text(render_markdown(Evidence(verdict)), encoding="utf-8")
        text = text_of(Path(folder))
    first, rest = text.split("\n", 1)
    assert first == marker(verdict.pipeline)
    assert first.count("-->") == 1
    rest = "\n".join(line.split("`")[0] if "`" in line else line for line in rest.splitlines())
    assert "<script" not in rest
    assert rest.count("</details>") == text.count("<details>") == 1


def test_a_comment_is_never_longer_than_github_takes(tmp_path: Path) -> None:
    gates = [
        Gate(name=f"quality.slice={'n' * 600}{number}.auc.min", status="refused", message="m" * 400)
        for number in range(3000)
    ]
    folder = tmp_path / "reports/20260101-000000-aaaa"
    verdict = Verdict.of(gates, pipeline="taxi", run_id=folder.name, subject={})
    verdict.write(folder / "verdict.json")
    (folder / "report.md").write_text(render_markdown(Evidence(verdict)))
    text = text_of(tmp_path / "reports")
    assert LIMIT - 3000 < len(text) <= LIMIT
    assert text.count("The rest is in the HTML report of the build.") == 2
    assert text.count("<details>") == text.count("</details>") == 1
    assert "3,000 of 3,000 gates refused" in text
    # However it is cut, a row is whole.
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {6}


def test_a_report_of_another_version_is_cut_to_what_fits(tmp_path: Path) -> None:
    folder = refused_run(tmp_path / "reports")
    (folder / "report.md").write_text("x" * 200_000)
    assert len(text_of(tmp_path / "reports")) <= LIMIT
    (folder / "report.md").write_text("## A\n\n### Quality against production\n\n" + "| a | all rows | 1 |\n" * 9_000)
    assert len(text_of(tmp_path / "reports")) <= LIMIT
