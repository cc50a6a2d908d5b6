"""The Jenkinsfile and its library: what the harness and npm-groovy-lint have against them, and how long they are."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.jenkins.job import ROOT, groovy, lint

JENKINSFILE = ROOT / "Jenkinsfile"
VARIABLES = sorted((ROOT / "infra/jenkins/library/vars").glob("*.groovy"))
LINTER = ROOT / ".tools/groovy-lint/node_modules/.bin/npm-groovy-lint"


def test_the_harness_takes_it(tmp_path: Path) -> None:
    assert lint([JENKINSFILE, *VARIABLES], tmp_path) == [""] * (1 + len(VARIABLES))


def test_a_person_can_read_it_in_three_minutes() -> None:
    for file in (JENKINSFILE, *VARIABLES):
        lines = [line for line in file.read_text().splitlines() if line.strip(" {}")]
        assert len(lines) <= 250, file
        assert max(map(len, lines)) <= 120, file


@pytest.mark.slow
def test_the_linter_has_nothing_against_it() -> None:
    linter = str(LINTER) if LINTER.exists() else shutil.which("npm-groovy-lint")
    if linter is None:
        pytest.skip("npm-groovy-lint is not installed (npm install --prefix .tools/groovy-lint npm-groovy-lint@16.2)")
    _, environment = groovy()
    config = Path(__file__).with_name("groovylint.json")
    done = subprocess.run(
        [linter, "--noserver", "--failon", "warning", "--config", str(config), str(JENKINSFILE), *map(str, VARIABLES)],
        env=environment | {"HOME": str(Path.home())},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_a_shell_step_is_given_by_others_is_never_pasted_into_it() -> None:
    """Parameters come from whoever sends an alarm: they are variables of the shell, not parts of its text."""
    for text in (file.read_text() for file in (JENKINSFILE, *VARIABLES)):
        for name in ("PIPELINE", "DATA"):
            pasted = [line for line in text.splitlines() if f"${{params.{name}" in line]
            assert all("lock(" in line or "mail(" in line or " = " in line for line in pasted), pasted
