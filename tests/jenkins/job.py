"""A Jenkins job without Jenkins: the harness builds the real Jenkinsfile, on a scratch clone of this repository."""

import atexit
import dataclasses
import functools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.jenkins.provision import MAKE, image
from tests.patience import PATIENCE_S, wait_until

ROOT = Path(__file__).parents[2]
HARNESS = Path(__file__).parent / "harness"
LIBRARY = "infra/jenkins/library"
TOKEN = "a-token-that-nobody-may-see"
_AGENTS = {"cpu-1": ["weighbridge-cpu"], "cpu-2": ["weighbridge-cpu"], "gpu-1": ["weighbridge-gpu"]}

Event = dict[str, Any]


@functools.cache
def groovy() -> tuple[str, dict[str, str]]:
    """The program and its environment."""
    program, java = shutil.which("groovy"), shutil.which("java")
    if program is None or java is None:
        pytest.skip("Groovy is not installed (apt-get install groovy openjdk-17-jre-headless)")
    home = str(Path(java).resolve().parents[1])
    return program, {
        "PATH": os.environ["PATH"],
        "JAVA_HOME": home,
        "JAVA_OPTS": "-Dfile.encoding=UTF-8 -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }


@functools.cache
def _compiled() -> str:
    """The folder of the harness's classes: with them it starts in two thirds of the time."""
    folder = tempfile.mkdtemp(prefix="harness-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program, environment = groovy()
    files = sorted(map(str, HARNESS.glob("*.groovy")))
    subprocess.run([f"{program}c", "-d", folder, *files], env=environment, check=True)
    return folder


def harness(config: dict[str, Any], file: Path) -> subprocess.Popen[str]:
    """Start the harness; its first line is the number of the build."""
    program, environment = groovy()
    file.write_text(json.dumps(config))
    return subprocess.Popen(
        [program, "-cp", _compiled(), str(HARNESS / "jenkins.groovy"), str(file)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lint(files: list[Path], folder: Path) -> list[str]:
    """What the harness has against each Jenkinsfile; empty for nothing."""
    process = harness({"lint": [str(file) for file in files]}, folder / "lint.json")
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    return json.loads(out)


@dataclass(frozen=True)
class Build:
    """A build that has ended, or one that runs."""

    folder: Path
    process: "subprocess.Popen[str] | None"

    @property
    def journal(self) -> list[Event]:
        path = self.folder / "journal.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    @property
    def result(self) -> str:
        return self.events("end")[0]["result"]

    @property
    def description(self) -> str:
        """What the build's page says below its title; empty for nothing."""
        return json.loads((self.folder / "state.json").read_text()).get("description") or ""

    def events(self, kind: str, **wanted: Any) -> list[Event]:
        """Events of a kind whose entries are as wanted."""
        return [
            event
            for event in self.journal
            if event["event"] == kind and all(event.get(key) == value for key, value in wanted.items())
        ]

    def results(self) -> dict[str, str]:
        """Result of each stage, in the order they ended."""
        return {event["stage"]: event["result"] for event in self.events("stage")}

    def built(self) -> list[str]:
        """The stages that ran and hold no others."""
        ran = [name for name, result in self.results().items() if result != "NOT_BUILT"]
        return [name for name in ran if not any(other.startswith(f"{name} / ") for other in ran)]

    def commands(self, word: str = "") -> list[str]:
        """Shell steps with a word in them."""
        return [event["script"] for event in self.events("sh") if word in event["script"]]

    def statuses(self, word: str) -> list[int]:
        """Exit codes of the shell steps with a word in them."""
        return [event["status"] for event in self.events("sh") if word in event["script"]]

    def cases(self, state: str) -> list[str]:
        """Names of the test cases in a state."""
        return [case["name"] for event in self.events("junit") for case in event["cases"] if case["state"] == state]

    def wait(self) -> "Build":
        """Until it has ended."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, f"{out}{err}{self.log}"
        return self

    def until(self, so: Callable[["Build"], Any]) -> None:
        """Until something is so, while it runs."""
        wait_until(lambda: so(self) or self.process.poll() is not None)
        assert so(self), self.log

    def abort(self, who: str = "Ann") -> None:
        """As the red button does."""
        staged = self.folder / "abort.part"
        staged.write_text(json.dumps({"by": who, "result": "ABORTED"}))
        staged.rename(self.folder / "abort")

    def answer(self, **answer: str) -> None:
        """Answer the question that the build asks: `by=NAME`, or `abort=NAME`; `late=…`: nobody does in time."""
        staged = self.folder / "approval.json.part"
        staged.write_text(json.dumps(answer))
        staged.rename(self.folder / "approval.json")


@dataclass
class Job:
    """A job, its repository and what its agents share, all below one folder.

    Attributes:
        folder: holds `repository`, `workspace`, `work` (the shared work directory), `data` and `jobs`.
        name: of the job; several may share a folder.
        environment: of its builds, e.g. BRANCH_NAME.
        input: what WEIGHBRIDGE_DATA is in its builds. The parameter DATA is not there yet in a job's first one.
        real_make: targets that `make` really makes; of the others, `lint`, `test` and `test-slow`, a
            substitute records the call.
        agents: labels of each agent; an agent does one build at a time.
    """

    folder: Path
    name: str = "weighbridge"
    environment: dict[str, str] = field(default_factory=dict)
    input: str = ""
    real_make: str = ""
    agents: dict[str, list[str]] = field(default_factory=lambda: dict(_AGENTS))

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def home(self) -> Path:
        return self.folder / "jobs" / self.name

    def named(self, name: str, **environment: str) -> "Job":
        """Another job on the same repository, as multibranch jobs are."""
        return dataclasses.replace(self, name=name, environment=environment)

    def create(self) -> None:
        """Clone what is in this repository's folder now, committed or not."""
        self.repository.mkdir(parents=True)
        listed = ["git", "-C", str(ROOT), "ls-files", "-coz", "--exclude-standard"]
        names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
        for name in filter(None, names):
            found = ROOT / name
            if found.is_file() or found.is_symlink():  # else it is removed, but not yet from git
                (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, self.repository / name, follow_symlinks=False)
        self._git("init", "--quiet", "--initial-branch=main")
        self.commit("What is there")
        self._write_make()

    def commit(self, message: str, branch: str = "main", **texts: Callable[[str], str]) -> str:
        """Commit edits of files, named as `FILE=edit` with the path as keyword through `**{}`; returns the commit."""
        if branch != "main":
            self._git("checkout", "--quiet", "-B", branch)
        for name, edit in texts.items():
            path = self.repository / name
            before = path.read_text()
            path.write_text(edit(before))
            assert path.read_text() != before, f"nothing to edit in {name}"
        self._git("add", "--all")
        self._git("-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "--quiet", "-m", message)
        return self._git("rev-parse", "HEAD")

    def build(self, **options: Any) -> Build:
        """Run a build to its end."""
        return self.start(**options).wait()

    def start(self, *, approval: dict[str, str] | None = None, **parameters: Any) -> Build:
        """Start a build of the repository's checked out commit."""
        self.home.mkdir(parents=True, exist_ok=True)
        builds = self.home / "builds"
        number = len(list(builds.iterdir())) + 1 if builds.exists() else 1
        config = self._config(number) | {"params": parameters, "approval": approval}
        process = harness(config, self.home / f"build-{number}.json")
        build = Build(builds / str(number), process)
        wait_until(lambda: (build.folder / "log.txt").exists() or process.poll() is not None)
        return build

    def _config(self, number: int) -> dict[str, Any]:
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/root"),
            "LANG": "C.UTF-8",
            "JOB_NAME": self.name,
            "BUILD_NUMBER": str(number),
            "JOB_URL": f"https://jenkins.example.org/job/{self.name}/",
            "BUILD_URL": f"https://jenkins.example.org/job/{self.name}/{number}/",
            "WEIGHBRIDGE_NOTIFY": "team@example.org",
            "REAL_MAKE": self.real_make,
        } | ({"WEIGHBRIDGE_DATA": self.input} if self.input else {})
        return {
            "jenkinsfile": str(self.repository / "Jenkinsfile"),
            "home": str(self.home),
            "workspace": str(self.folder / "workspace" / self.name),
            "locks": str(self.folder / "locks"),
            "pool": str(self.folder / "pool"),
            "repository": str(self.repository),
            "branch": self._git("rev-parse", "--abbrev-ref", "HEAD"),
            "commit": self._git("rev-parse", "HEAD"),
            "environment": environment | self.environment,
            "agentEnvironment": {"WEIGHBRIDGE_WORKDIR": str(self.work)},
            "agents": self.agents,
            "resources": {"weighbridge-cpu": ["cpu-1", "cpu-2"], "weighbridge-gpu": ["gpu-1"]},
            "credentials": {
                "weighbridge-kubeflow": TOKEN,
                "weighbridge-github": {"username": "app", "password": TOKEN},
            },
            "keep": ["__pycache__"],
            "provision": self._provision(),
            "secondsPerSecond": 0.01,
        }

    def _provision(self) -> str:
        return image()

    def _write_make(self) -> None:
        make = self.folder / "bin/make"
        make.parent.mkdir()
        make.write_text(MAKE.format(make=shutil.which("make"), calls=self.folder / "made.txt"))
        make.chmod(0o755)

    def lose_agent_of(self, build: Build) -> None:
        """Take away the agent that a build has now, as a pod that is preempted."""
        (self.folder / "pool" / f"{build.events('agent')[-1]['name']}.lost").touch()

    def made(self) -> list[str]:
        """Calls of `make` that were only recorded."""
        calls = self.folder / "made.txt"
        return calls.read_text().splitlines() if calls.exists() else []

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.repository), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
