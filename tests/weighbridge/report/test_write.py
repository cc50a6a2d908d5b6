import json
import subprocess
import sys

from tests.weighbridge.report import sample
from weighbridge.report import write_reports
from weighbridge.verdict import Verdict


def test_all_files_are_there_and_the_verdict_is_the_one_given(evidence, tmp_path):
    paths = write_reports(tmp_path / "run", evidence)
    reports, charts = paths[:4], paths[4:]
    assert {path.name for path in reports} == {"verdict.json", "junit.xml", "report.md", "report.html"}
    assert len(charts) == 2
    assert {path for path in (tmp_path / "run").rglob("*") if path.is_file()} == {*paths}
    assert {path.parent.name for path in charts} == {"charts"}
    assert Verdict.read(tmp_path / "run/verdict.json") == evidence.verdict


def test_the_same_evidence_gives_the_same_bytes(tmp_path):
    first = write_reports(tmp_path / "1", sample.refused(tmp_path / "a"))
    second = write_reports(tmp_path / "2", sample.refused(tmp_path / "b"))
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_reporting_loads_no_tensorflow(tmp_path):
    script = (
        "import sys, json, pathlib\n"
        "from weighbridge.report import Evidence, write_reports\n"
        "from tests.weighbridge.report import sample\n"
        f"write_reports({str(tmp_path / 'run')!r}, sample.passed(pathlib.Path({str(tmp_path)!r})))\n"
        "sys.stdout.write(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(json.loads(done.stdout)) & {"tensorflow", "tfx", "apache_beam", "numpy", "pandas", "pyarrow"}


def test_charts_of_an_earlier_report_do_not_stay(tmp_path):
    write_reports(tmp_path / "run", sample.refused(tmp_path / "a"))
    paths = write_reports(tmp_path / "run", sample.stopped(tmp_path / "b"))
    assert sorted((tmp_path / "run/charts").iterdir()) == sorted(paths[4:])
