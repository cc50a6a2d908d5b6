"""Pipeline `shop`, whose production is a configuration repository: models weighed, at staging, and promoted."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.command_line import ROOT
from tests.config_repository import ISOLATED, ConfigRepository
from weighbridge.common.digests import tree_digest
from weighbridge.components.pusher import push
from weighbridge.verdict import Gate, Verdict

MODULE = "shop.pipeline"
MODEL = "shop"

_PIPELINE = """
from weighbridge import definition


class Parameters(definition.Parameters):
    data: str = "none"


def create_pipeline(parameters, context):
    raise NotImplementedError
"""


@dataclass(frozen=True)
class Ended:
    """A command that has ended: exit code, and what it said."""

    code: int
    out: str


@dataclass
class Shop:
    """A pipeline of its own, in a folder of its own.

    Attributes:
        folder: of everything: the package, work directory, models and repository.
        canary: the section `canary` of its `gates.yaml`.
        environment: more variables of its commands.
    """

    folder: Path
    canary: Mapping[str, Any]
    environment: Mapping[str, str]

    def __post_init__(self) -> None:
        package = self.folder / "site/shop"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "pipeline.py").write_text(_PIPELINE)
        self.models.mkdir()
        self._started: list[subprocess.Popen[bytes]] = []
        self.repository = ConfigRepository(self.folder / "config.git", folder=MODEL)
        self.repository.settings(self.models)
        self.set_gates(self.canary)

    @property
    def models(self) -> Path:
        """Where the bytes of versions lie."""
        return self.folder / "models"

    @property
    def staging(self) -> Path:
        """The stage before production."""
        return self.folder / "staging"

    def set_gates(self, canary: Mapping[str, Any]) -> None:
        """Write `gates.yaml` with this section `canary`."""
        stages = [
            {"stage": "staging", "destination": str(self.staging)},
            {"stage": "production", "destination": self.repository.address},
        ]
        policy = {
            "quality": {"metrics": {"auc": {"min": 0.5}}},
            "latency": {"batch_sizes": {1: {"p99_ms": {"max": 1000}}}},
        }
        policy |= {"delivery": stages, "canary": dict(canary)}
        (self.folder / "site/shop/gates.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))

    def weigh(self, model: Path, run_id: str) -> None:
        """Deliver a model to staging as a run does that weighed it against production, and whose gates it passed."""
        gate = Gate(name="quality.auc.min", status="passed", observed=0.9, threshold=0.5, message="auc is 0.9.")
        subject = {"model": tree_digest(model), "data": "sha256:rows"}
        if self.repository.read("production.json"):
            subject["production"] = self.production()["model_digest"]
        evaluation = self.folder / f"evaluation-{run_id}"
        Verdict.of([gate], pipeline=MODEL, run_id=run_id, subject=subject).write(evaluation / "verdict.json")
        assert push(model, evaluation, self.staging).record is not None

    def start(self, *arguments: str, log: Path) -> "subprocess.Popen[bytes]":
        """Start `weighbridge` with these arguments in a process of its own, as a CI job does."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "weighbridge", *arguments],
                cwd=self.folder,
                env=self._environment(),
                stdout=output,
                stderr=output,
            )
        self._started.append(process)
        return process

    def end(self) -> None:
        """Kill what still runs of its commands, as where a test was interrupted."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.wait()

    def run(self, *arguments: str) -> Ended:
        """Run `weighbridge` with these arguments to its end."""
        log = self.folder / f"{arguments[0]}.log"
        begin = log.stat().st_size if log.exists() else 0
        code = self.start(*arguments, log=log).wait()
        return Ended(code, log.read_bytes()[begin:].decode(errors="replace"))

    def released(self, model: Path, run_id: str) -> int:
        """Weigh a model and promote it to production at once, as the first one is; its version there."""
        self.weigh(model, run_id)
        done = self.run("promote", MODULE, "--from", "staging", "--to", "production")
        assert done.code == 0, done.out
        return self.production()["version"]

    def production(self) -> dict[str, Any]:
        """What the repository says is in production."""
        found = self.repository.read("production.json")
        assert found is not None
        return json.loads(found)

    def state(self) -> dict[str, Any] | None:
        """What the repository says of a canary; None for none."""
        found = self.repository.read("canary.json")
        return json.loads(found) if found else None

    def verdict(self, of: Callable[[dict[str, Any]], bool] = lambda record: True) -> dict[str, Any]:
        """The verdict of the latest run of kind `canary`."""
        runs = [
            json.loads(path.read_text()) | {"folder": path.parent} for path in self.workdir.rglob("runs/*/run.json")
        ]
        canaries = [run for run in runs if run.get("kind") == "canary" and of(run)]
        latest = max(canaries, key=lambda run: run["started"])
        return json.loads((latest["folder"] / "verdict.json").read_text()) | {"folder": latest["folder"]}

    @property
    def workdir(self) -> Path:
        """The work directory of its commands."""
        return self.folder / "work"

    def _environment(self) -> dict[str, str]:
        found = os.environ | ISOLATED | dict(self.environment)
        return found | {
            "PYTHONPATH": f"{ROOT}:{self.folder / 'site'}",
            "WEIGHBRIDGE_WORKDIR": str(self.workdir),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "COLUMNS": "160",
        }
