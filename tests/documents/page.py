"""Executes what a document tells its reader to do, block by block, in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.documents.blocks import ROOT, Block, commands
from tests.documents.expected import missing
from tests.documents.stage import Stage

LIMIT_S = 240


class Page:
    """A reader who types what a page shows: one folder, one shell, one Python session."""

    def __init__(self, folder: Path, stage: Stage):
        self.folder = folder
        self._stage = stage
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._code = 0
        self._shell = folder.parent / f"{folder.name}.shell"
        self._shell.mkdir(exist_ok=True)
        programs = self._shell / "bin"
        programs.mkdir(exist_ok=True)
        weighbridge = programs / "weighbridge"
        weighbridge.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m weighbridge "$@"\n')
        weighbridge.chmod(0o755)
        for name in ("python", "pytest"):
            (programs / name).unlink(missing_ok=True)
            (programs / name).symlink_to(Path(sys.executable).with_name(name))
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WEIGHBRIDGE_")},
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "120",
        }

    def run(self, block: Block) -> None:
        """Do what the block says; fails where it does not work or prints something else."""
        if block.title:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.language == "console":
            if block.first:
                self._succeed(block.first, block)
            self._type(block)
        elif block.language in ("sh", "bash"):
            self._succeed(f"set -e\n{block.first}\n{block.text}", block)
        elif block.language == "python":
            place = str(block)
            exec(compile(block.first, f"{place} (first)", "exec"), self._names)
            # Lines in a traceback are those of the document.
            exec(compile("\n" * block.line + block.text, block.document, "exec"), self._names)

    def _type(self, block: Block) -> None:
        typed = commands(block.text)
        for place, command in enumerate(typed):
            printed = self._bash(command.line)
            looked_at = place + 1 < len(typed) and typed[place + 1].line == "echo $?"
            assert self._code == 0 or looked_at, f"{block}: $ {command.line}\nended in {self._code}:\n{printed}"
            line = missing(command.output, printed)
            assert line is None, f"{block}: $ {command.line}\nshows but did not print\n{line}\n\nIt printed:\n{printed}"

    def _succeed(self, script: str, block: Block) -> None:
        printed = self._bash(script)
        assert self._code == 0, f"{block} ended in {self._code}:\n{printed}"

    def _bash(self, script: str) -> str:
        """What a command prints; exported variables, the working directory and `$?` are there for the next."""
        variables, place = self._shell / "variables", self._shell / "place"
        before = f'. "{variables}"; cd "$(cat "{place}")"; ' if variables.exists() else ""
        after = f'code=$?; export -p > "{variables}"; pwd > "{place}"; exit $code'
        text = f"{before}trap '{after}' EXIT; (exit {self._code})\n{self._stage.here(script)}\n"
        process = subprocess.run(
            ["bash", "-c", text],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        self._code = process.returncode
        return process.stdout
