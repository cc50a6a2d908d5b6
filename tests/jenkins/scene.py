"""The job, what happens to it from outside, and what is looked at afterwards."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.jenkins.job import Build, Job
from weighbridge.runs.workspace import Workspace

Rows = list[list[str]]

SETTING_UP = ["Check / Set up"]
CODE = ["Check / Lint", "Check / Test"]
PLAN = ["Check / Plan"]
DATA = ["Check / Validate data"]
REHEARSAL = ["Check / Go slow"]
TRAINING = ["Train, weigh, stage"]
DELIVERY = ["Canary", "Approve / Ask", "Approve / Answer", "Production"]
ANN = {"by": "Ann"}


class Scene:
    """The job, and what happens to it from outside."""

    def __init__(self, job: Job, first: Build, taxi_csv: Path) -> None:
        self.job = job
        self.first = first
        with taxi_csv.open() as file:
            self._header, *self._rows = csv.reader(file)

    @property
    def data(self) -> str:
        """What DATA is in all builds."""
        return str(self.job.data / "span-{SPAN}/trips.csv")

    def new_span(self, number: int, edit: Callable[[list[str], Rows], Rows] = lambda header, rows: rows) -> None:
        """Trips of another day: those known but for a few, and edited."""
        rows = [list(row) for index, row in enumerate(self._rows) if index % 100 != number]
        path = self.job.data / f"span-{number}/trips.csv"
        path.parent.mkdir(parents=True)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([self._header, *edit(self._header, rows)])

    def production(self) -> dict[str, bytes]:
        """All that production holds."""
        folder = self.job.work / "taxi/production"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def steps_of(scene: Scene, kind: str = "run") -> dict[str, str]:
    """State of each step in the last whole run, or in the last rehearsal."""
    runs = Workspace(scene.job.work, "taxi", rehearsal=kind == "rehearsal").runs()
    record = [run.record for run in runs if not run.record.partial and run.record.kind == kind][-1]
    return {step.name: step.state for step in record.steps}


def production_record(scene: Scene) -> dict[str, Any]:
    return json.loads(scene.production()["production.json"])


def plan_of(build: Build) -> dict[str, Any]:
    return json.loads((build.folder / "archive/plan.json").read_text())


def triggers(build: Build) -> dict[str, Any]:
    return {one["name"]: one["arguments"][0] for one in build.events("job")[0]["triggers"]}


def held(build: Build, lock: str) -> list[tuple[float, float]]:
    """When a build held a lock."""
    times = [
        [event["at"] for event in build.events(kind) if event["choices"][0] == [lock]]
        for kind in ("lock held", "lock released")
    ]
    return list(zip(*times, strict=True))
