"""A job of somebody else: their own repository and pipeline, ten lines of Jenkinsfile, the wheel on their agents."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.foreign.installed import Installed
from tests.foreign.repository import PIPELINE, write_repository
from tests.jenkins.job import LIBRARY, ROOT, Job

JENKINSFILE = """\
library(identifier: 'weighbridge@main', changelog: false,
        retriever: modernSCM(scm: [$class: 'GitSCMSource', remote: '{remote}'],
                             libraryPath: 'infra/jenkins/library'))

weighbridge(
    pipeline: '{pipeline}'
)
"""
_SAMPLE = "        sample=context.sample,"
_APPROVAL = "delivery: [{stage: staging}, {stage: canary}, {stage: production, approval: required}]\n"


@dataclass
class ForeignJob(Job):
    """As `Job`, of a repository that has nothing of this one.

    Attributes:
        installed: what the agents have on their PATH; None for agents without Weighbridge.
    """

    installed: Installed | None = None

    def create(self) -> None:
        self._write_library()
        write_repository(self.repository)
        # What a pipeline must have that is rehearsed on a share of its data.
        pipeline = self.repository / PIPELINE
        pipeline.write_text(pipeline.read_text().replace("gates=gates.examples,", "gates=gates.examples,\n" + _SAMPLE))
        with (self.repository / "pipelines/fraud/gates.yaml").open("a") as gates:
            gates.write(_APPROVAL)
        jenkinsfile = JENKINSFILE.replace("{remote}", str(self.library)).replace("{pipeline}", PIPELINE)
        (self.repository / "Jenkinsfile").write_text(jenkinsfile)
        self._git("init", "--quiet", "--initial-branch=main")
        self.commit("What is there")

    @property
    def library(self) -> Path:
        """Weighbridge's repository, as far as a Jenkinsfile loads it."""
        return self.folder / "weighbridge.git"

    def _write_library(self) -> None:
        shutil.copytree(ROOT / LIBRARY, self.library / LIBRARY)
        for command in (
            "init --quiet --initial-branch=main",
            "add --all",
            "-c user.name=a -c user.email=a@b commit --quiet -m Library",
        ):
            subprocess.run(["git", "-C", self.library, *command.split()], check=True)

    def _config(self, number: int) -> dict[str, Any]:
        config = super()._config(number)
        path = "/usr/local/bin:/usr/bin:/bin"
        if self.installed:
            path = f"{self.installed.venv}/bin:{path}"
        # Neither lockable resources nor credentials: a Jenkins as it is.
        return config | {"environment": config["environment"] | {"PATH": path}, "resources": {}, "credentials": {}}

    def _provision(self) -> str:
        return ""
