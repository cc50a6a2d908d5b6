"""Counts that are kept as they come: all of them take a while, and what was counted once need not be again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmarks.gates.outcomes import Cell
from benchmarks.gates.run import GATES, Gate, Task, climb, run, tasks


@dataclass(frozen=True)
class Asked:
    """How many verdicts: on equals, on what differs, of each number of rows; and the seed."""

    equal: int
    worse: int
    steps: int
    seed: int

    def command(self, kind: str) -> str:
        """What weighs so many of a kind of gate."""
        options = " ".join(f"--{name} {value}" for name, value in asdict(self).items())
        return f"python -m benchmarks gates --gate {kind} {options}"


@dataclass
class Kept:
    """Counts by kind of gate, in a file where there is one."""

    path: Path | None
    found: dict[str, Any]

    @classmethod
    def read(cls, path: Path | None) -> "Kept":
        """Those of a file; none where it is not there yet."""
        return cls(path, json.loads(path.read_text()) if path and path.exists() else {})

    def weigh(self, console: Console, kind: Gate, asked: Asked, jobs: int) -> None:
        """Weigh a kind of gate, but for the cells that were weighed before."""
        if self.found.get(kind, {}).get("asked") != asdict(asked):
            self.found[kind] = {"asked": asdict(asked), "cells": [], "by rows": []}
        for part, todo in self._todo(kind).items():
            self._fill(console, kind, part, todo, jobs)

    def _todo(self, kind: Gate) -> dict[str, list[Task]]:
        asked = self.asked(kind)
        return {
            "cells": tasks(kind, asked.equal, asked.worse, asked.seed),
            "by rows": climb(kind, asked.steps, asked.seed),
        }

    def _fill(self, console: Console, kind: Gate, part: str, todo: Sequence[Task], jobs: int) -> None:
        cells = self.found[kind][part]
        rest = todo[len(cells) :]  # in their order
        for cell in track(run(rest, jobs), f"{kind}, {part}", len(rest), console=console):
            cells.append(cell.plain())
            if self.path:
                self.path.write_text(json.dumps(self.found, indent=1) + "\n")

    def asked(self, kind: str) -> Asked:
        """What was asked for of a kind of gate."""
        return Asked(**self.found[kind]["asked"])

    def weighed(self) -> dict[str, list[Cell]]:
        """Cells by kind of gate, and by `<kind> by rows`, of those kinds that were weighed to the end."""
        found = {}
        for kind in GATES:
            kept = self.found.get(kind)
            if kept is None or any(len(kept[part]) < len(todo) for part, todo in self._todo(kind).items()):
                continue
            found[kind] = [Cell(**cell) for cell in kept["cells"]]
            found[f"{kind} by rows"] = [Cell(**cell) for cell in kept["by rows"]]
        return found
