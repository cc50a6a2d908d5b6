"""The audit of the locks: what is accepted, for how long, and what happens where no advisories can be had."""

import importlib.util
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
import requests

from tests.command_line import ROOT
from weighbridge.common.errors import InfrastructureError, UsageError

_spec = importlib.util.spec_from_file_location("audit", ROOT / "requirements/audit.py")
audit = importlib.util.module_from_spec(_spec)
sys.modules["audit"] = audit  # pydantic looks annotations up in it
_spec.loader.exec_module(audit)

TODAY = date(2026, 11, 28)
ENTRY = {
    "id": "GHSA-1",
    "aliases": ["CVE-1"],
    "package": "some",
    "version": "1.0",
    "what": "it breaks",
    "held_by": "TFX",
    "why_not_reached": "never called",
    "reviewed": TODAY,
    "again": TODAY + timedelta(days=90),
    "link": "https://osv.dev/vulnerability/GHSA-1",
}


def entry(**changes):
    return audit.Accepted(**(ENTRY | changes))


def wrong(*entries, today=TODAY, pinned=None):
    return audit.problems(entries, {"some": {"1.0"}} if pinned is None else pinned, today)


def test_every_entry_is_pinned_and_was_in_force_when_it_was_reviewed():
    """The calendar is the audit's: tests do not fail by the passing of time."""
    listed = audit.accepted()
    assert listed
    assert audit.problems(listed, audit.pinned(audit.locks()), max(each.reviewed for each in listed)) == []


def test_the_page_shows_the_list():
    page = audit.PAGE.read_text(encoding="utf-8")
    written = audit.with_table(page, audit.accepted())
    assert page == written, "run `.venv/bin/python requirements/audit.py --write`"
    assert all(each.why_not_reached in page for each in audit.accepted())


def test_the_page_speaks_of_versions_that_are_pinned():
    """`pyarrow 10.0.1` and its like, in the first column of its tables."""
    import re

    pinned = audit.pinned(audit.locks())
    cells = [line.split("|")[1] for line in audit.PAGE.read_text().splitlines() if line.startswith("| ")]
    told = [found for cell in cells for found in re.findall(r"([a-z][\w-]*) (\d[\w.]*)", cell)]
    assert len(told) > 10
    gone = [
        f"{name} {version}"
        for name, version in told
        if not any(each == version or each.startswith(f"{version}.") for each in pinned.get(name, ()))
    ]
    assert gone == []


def test_a_review_is_good_for_180_days():
    far = entry(again=TODAY + timedelta(days=1000))
    assert wrong(far, today=TODAY + timedelta(days=180)) == []
    [told] = wrong(far, today=TODAY + timedelta(days=181))
    assert "GHSA-1 (some 1.0): reviewed 181 days ago, 180 are allowed" in told


def test_a_review_ends_at_its_own_date_too():
    assert wrong(entry(), today=TODAY + timedelta(days=90)) == []
    [told] = wrong(entry(), today=TODAY + timedelta(days=91))
    assert "was to be reviewed again by 2027-02-26" in told


def test_a_review_that_is_yet_to_come_is_none():
    [told] = wrong(entry(), today=TODAY - timedelta(days=1))
    assert "yet to come" in told


def test_an_entry_that_no_lock_pins_any_more_is_refused():
    [told] = wrong(entry(), pinned={"other": {"1.0"}})
    assert "no lock pins some" in told
    [told] = wrong(entry(), pinned={"some": {"1.1"}})
    assert "1.1 is pinned now" in told


def test_an_advisory_is_listed_once():
    [told] = wrong(entry(), entry(id="GHSA-2"))
    assert "CVE-1 is listed twice" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- id: GHSA-1\n", "package: Field required"),
        ("- {id: a, reason: b}\n", "line 1"),
        ("- [", "not valid YAML"),
        ("a: b\n", "list"),
    ],
)
def test_a_malformed_list_is_a_usage_error(tmp_path, text, told):
    (tmp_path / "advisories.yaml").write_text(text)
    with pytest.raises(UsageError, match=told):
        audit.accepted(tmp_path / "advisories.yaml")


class _Answer:
    """Stands for what a service answers."""

    def __init__(self, content: dict, status: int = 200) -> None:
        self.content, self.status_code, self.url = content, status, "https://service/"

    def json(self) -> dict:
        return self.content

    def raise_for_status(self) -> None:
        if self.status_code != 200:
            raise requests.HTTPError(response=self)


KNOWN = [{"id": "GHSA-x", "aliases": ["CVE-2020-14343"]}]


@pytest.fixture
def services(monkeypatch):
    def answer(pypi, osv) -> None:
        for method, what in (("get", pypi), ("post", osv)):

            def asked(*_, what=what, **__):
                if isinstance(what, Exception):
                    raise what
                return what

            monkeypatch.setattr(requests, method, asked)

    return answer


def test_pypi_is_asked_first_then_osv(services):
    services(_Answer({"vulnerabilities": KNOWN}), requests.ConnectionError("no route"))
    assert audit.service() == "pypi"
    services(_Answer({}, status=404), _Answer({"vulns": KNOWN}))
    assert audit.service() == "osv"


@pytest.mark.parametrize("silent", [{}, {"vulnerabilities": []}, {"vulnerabilities": None}])
def test_a_mirror_that_knows_no_advisories_is_no_service(services, silent):
    """pip-audit says `No known vulnerabilities found` of it, and ends in 0."""
    services(_Answer(silent), requests.ConnectionError("no route to osv"))
    with pytest.raises(InfrastructureError, match=r"knows no advisory against pyyaml 5\.3.*no route to osv"):
        audit.service()


def test_without_advisories_nothing_passes(services, capsys):
    services(_Answer({}, status=404), requests.ConnectionError("no route"))
    assert audit.main([]) == 3
    told = capsys.readouterr().err
    assert "NOT AUDITED, which is no pass" in told
    assert "pypi: 404 from https://service/" in told
    assert "osv: no route" in told


def test_an_expired_list_fails_without_advisories_too(services, capsys, monkeypatch):
    services(_Answer({}, status=404), requests.ConnectionError("no route"))
    monkeypatch.setattr(audit, "accepted", lambda: [entry()])
    assert audit.main([]) == 1
    assert "no lock pins some" in capsys.readouterr().err


def test_pip_audit_is_told_what_is_accepted_and_nothing_else(tmp_path):
    listed = audit.accepted()
    command = audit.command(listed, "osv", tmp_path / "out.json")
    ignored = {command[at + 1] for at, part in enumerate(command) if part == "--ignore-vuln"}
    assert ignored == {name for each in listed for name in each.ids}
    looked_at = {Path(command[at + 1]).name for at, part in enumerate(command) if part == "--requirement"}
    assert looked_at == {path.name for path in (ROOT / "requirements").glob("*.lock")}
    assert "--require-hashes" in command
    assert command[command.index("--vulnerability-service") + 1] == "osv"


def ended(monkeypatch, report, services, code=1) -> None:
    """What pip-audit leaves; the program itself is substituted."""
    services(_Answer({"vulnerabilities": KNOWN}), None)
    monkeypatch.setattr(audit, "accepted", list)
    monkeypatch.setattr(audit, "pinned", lambda _: {"numpy": {"1"}})

    def run(command, **_):
        if report is not None:
            Path(command[command.index("--output") + 1]).write_text(json.dumps(report))
        return subprocess.CompletedProcess(command, code, "", "it broke")

    monkeypatch.setattr(audit.subprocess, "run", run)


FOUND = {"name": "pillow", "version": "1", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-9"], "fix_versions": ["2"]}]}
GOOD = {"name": "numpy", "version": "1", "vulns": []}
SKIPPED = {"name": "tfx", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "code", "told"),
    [
        ([GOOD], 0, "none new"),
        ([GOOD, FOUND], 1, "pillow 1: PYSEC-1, CVE-9, mended in 2"),
        ([GOOD, SKIPPED], 3, "1 packages were not audited by pypi: tfx: not found"),
        ([FOUND, SKIPPED], 1, "PYSEC-1"),
        ([], 3, "numpy: is not in the report"),
    ],
)
def test_what_pip_audit_says_becomes_an_exit_code(monkeypatch, services, capsys, dependencies, code, told):
    ended(monkeypatch, {"dependencies": dependencies}, services)
    assert audit.main([]) == code
    assert told in capsys.readouterr().err


def test_a_pip_audit_that_left_nothing_audited_nothing(monkeypatch, services, capsys):
    ended(monkeypatch, None, services, code=0)
    assert audit.main([]) == 3
    assert "pip-audit ended with 0: it broke" in capsys.readouterr().err


def test_ci_says_what_it_finds_and_fails_for_a_malformed_list_alone():
    [line] = [
        line
        for line in (ROOT / ".ci/run").read_text().splitlines()
        if line.startswith(".venv/bin/python requirements/audit.py")
    ]
    for code, ends in ((0, 0), (1, 0), (2, 1), (3, 0)):
        script = line.replace(".venv/bin/python requirements/audit.py", f"(exit {code})")
        assert subprocess.run(["bash", "-euc", script], check=False).returncode == ends, code


def test_make_audit_runs_it():
    shown = subprocess.run(["make", "--dry-run", "audit"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "requirements/audit.py" in shown
