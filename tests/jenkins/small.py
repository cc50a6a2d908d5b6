"""A job with the real Jenkinsfile on a small repository and a substitute for `weighbridge`: two seconds a build."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.jenkins import substitute
from tests.jenkins.job import LIBRARY, ROOT, Build, Job

_PROVISION = """
mkdir -p .venv/bin
printf '#!/bin/sh\\nexec %s -I %s %s "$@"\\n' {python} {program} {control} > .venv/bin/weighbridge
chmod +x .venv/bin/weighbridge
"""


class SmallJob(Job):
    """As `Job`; what is planned, pending and held up is written down by the test."""

    def create(self) -> None:
        (self.repository / "requirements").mkdir(parents=True)
        self.control.mkdir()
        shutil.copy(ROOT / "Jenkinsfile", self.repository)
        shutil.copytree(ROOT / LIBRARY, self.repository / LIBRARY)
        (self.repository / "requirements/bootstrap.sh").write_text("true\n")
        (self.repository / "README.md").write_text("Small.\n")
        self._git("init", "--quiet", "--initial-branch=main")
        self.commit("What is there")
        self._write_make()

    @property
    def control(self) -> Path:
        return self.folder / "control"

    def set(self, name: str, content: Any) -> None:
        """What the substitute answers from now on."""
        substitute.write(self.control, name, content)

    def nothing_to_do(self, *pending: str) -> None:
        """From now on nothing changed; these stages may be waited for."""
        self.set("plan", substitute.NOTHING | substitute.FIXED)
        self.set("pending", list(pending))

    def something_to_do(self) -> None:
        """From now on there is something to train."""
        self.set("plan", substitute.PLAN | substitute.FIXED)

    def hold(self, words: str) -> None:
        """From now on commands with these words do not end."""
        (self.control / f"hold {words}").touch()

    def release(self, words: str) -> None:
        (self.control / f"hold {words}").unlink()

    def refuse(self, so: bool = True) -> None:
        """Whether runs are refused from now on."""
        (self.control / "refuse").touch() if so else (self.control / "refuse").unlink()

    def until_running(self, build: Build, words: str) -> None:
        """Until a command with these words has begun in a build."""
        build.until(lambda build: f"weighbridge {words}" in build.log)

    def _provision(self) -> str:
        program, python = substitute.__file__, sys.executable
        return _PROVISION.format(
            python=shlex.quote(python), program=shlex.quote(program), control=shlex.quote(str(self.control))
        )
