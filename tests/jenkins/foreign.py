"""A job of somebody else: their own repository and pipeline, ten lines of Jenkinsfile, the wheel on their agents."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.foreign.installed import Installed
from tests.foreign.repository import PIPELINE, write_repository, write_rows
from tests.jenkins.job import LIBRARY, ROOT, Job

JENKINSFILE = """\
library(identifier: 'weighbridge@main', changelog: false,
        retriever: modernSCM(scm: [$class: 'GitSCMSource', remote: '{remote}'],
                             libraryPath: 'infra/jenkins/library'))

weighbridge(
    pipeline: '{pipeline}'
)
"""
REMOTE = "https://git.example.org/weighbridge.git"
_READER = """#!/bin/sh
exec setpriv --bounding-set=-dac_override,-dac_read_search {program} "$@"
"""
_SAMPLE = "        sample=context.sample,"
_APPROVAL = "delivery: [{stage: staging}, {stage: canary}, {stage: production, approval: required}]\n"


@dataclass
class ForeignJob(Job):
    """As `Job`, of a repository that has nothing of this one.

    Attributes:
        installed: what the agents have on their PATH; None for agents without Weighbridge.
        pods: whether each agent has a work directory of its own, empty at first, and shares a store with the others.
        writes: whether Weighbridge may write that store.
    """

    installed: Installed | None = None
    pods: bool = False
    writes: bool = True

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
            path = f"{self.installed.venv}/bin:{path}" if self.writes else f"{self._reader()}:{path}"
        if self.pods:
            self.store.mkdir(exist_ok=True)
            workdir = str(self.folder / "pods/{pod}")
            config["agentEnvironment"] = {"WEIGHBRIDGE_WORKDIR": workdir, "WEIGHBRIDGE_STORE": str(self.store)}
        # Neither lockable resources nor credentials: a Jenkins as it is.
        return config | {"environment": config["environment"] | {"PATH": path}, "resources": {}, "credentials": {}}

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def _reader(self) -> Path:
        """Where a Weighbridge is that may write only where its user is said to: root may write everywhere."""
        folder = self.folder / "reader"
        folder.mkdir(exist_ok=True)
        program = folder / "weighbridge"
        program.write_text(_READER.format(program=f"{self.installed.venv}/bin/weighbridge"))  # type: ignore[union-attr]
        program.chmod(0o755)
        return folder

    def _provision(self) -> str:
        return ""


@dataclass
class InitJob(ForeignJob):
    """Of a repository that has some data, and what `weighbridge init` made of them."""

    def create(self) -> None:
        self._write_library()
        self.repository.mkdir(parents=True)
        write_rows(self.repository)
        assert self.installed is not None
        done = self.installed.run("weighbridge", "init", "fraud", "--data", "payments.csv", cwd=self.repository)
        assert done.code == 0, done.err
        package = self.repository / "fraud"
        with (package / "gates.yaml").open("a") as gates:
            gates.write(_APPROVAL)
        jenkinsfile = (package / "Jenkinsfile").read_text()
        (package / "Jenkinsfile").unlink()
        (self.repository / "Jenkinsfile").write_text(jenkinsfile.replace(REMOTE, str(self.library)))
        self._git("init", "--quiet", "--initial-branch=main")
        self.commit("What init wrote")
