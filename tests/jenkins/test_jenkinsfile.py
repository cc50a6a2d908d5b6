"""The Jenkinsfile as it stands: what the harness and npm-groovy-lint have against it, and how long it is."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.jenkins.job import ROOT, groovy, lint

JENKINSFILE = ROOT / "Jenkinsfile"
LINTER = ROOT / ".tools/groovy-lint/node_modules/.bin/npm-groovy-lint"


def test_the_harness_takes_it(tmp_path: Path) -> None:
    assert lint([JENKINSFILE], tmp_path) == [""]


def test_a_person_can_read_it_in_three_minutes() -> None:
    lines = [line for line in JENKINSFILE.read_text().splitlines() if line.strip(" {}")]
    assert len(lines) <= 250
    assert max(map(len, lines)) <= 120


@pytest.mark.slow
def test_the_linter_has_nothing_against_it() -> None:
    linter = str(LINTER) if LINTER.exists() else shutil.which("npm-groovy-lint")
    if linter is None:
        pytest.skip("npm-groovy-lint is not installed (npm install --prefix .tools/groovy-lint npm-groovy-lint@16.2)")
    _, environment = groovy()
    config = Path(__file__).with_name("groovylint.json")
    done = subprocess.run(
        [linter, "--noserver", "--failon", "warning", "--config", str(config), str(JENKINSFILE)],
        env=environment | {"HOME": str(Path.home())},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_a_shell_step_is_given_by_others_is_never_pasted_into_it() -> None:
    """Parameters come from whoever sends an alarm: they are variables of the shell, not parts of its text."""
    text = JENKINSFILE.read_text()
    for name in ("PIPELINE", "DATA"):
        pasted = [line for line in text.splitlines() if f"${{params.{name}}}" in line]
        assert all("lock(" in line or "mail(" in line or " = " in line for line in pasted), pasted
