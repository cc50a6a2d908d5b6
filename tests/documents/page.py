"""Executes what a document tells its reader to do, block by block, in a folder of its own."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.documents.blocks import ROOT, Block, commands
from tests.documents.expected import missing
from tests.documents.stage import Call, Stage

LIMIT_S = 240
# What needs no shell: run in this process, where the heavy libraries load once.
_PLAIN = re.compile(r"weighbridge (?:[^'\"$`|&;<>()*~#\n]|'[^']*')*(?:#.*)?")


class Page:
    """A reader who types what a page shows: one folder, one shell, one Python session.

    Args:
        folder: where the page is followed.
        stage: what stands in the place of servers.
        call: calls `weighbridge` with arguments and an environment, and returns its exit code and what it printed.
    """

    def __init__(self, folder: Path, stage: Stage, call: Call):
        self.folder = folder
        self._stage = stage
        self._call = call
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._code = 0
        self._place = folder
        self._shell = folder.parent / f"{folder.name}.shell"
        programs = self._shell / "bin"
        programs.mkdir(parents=True, exist_ok=True)
        for name, options in (("weighbridge", "-m weighbridge"), ("python", ""), ("pytest", "-m pytest")):
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {options} "$@"\n')
            program.chmod(0o755)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WEIGHBRIDGE_")},
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "120",
            "PYTEST_PLUGINS": "tests.documents.quiet",
        }

    def follow(self, found: list[Block]) -> None:
        """Do what the blocks say, in order; fails where one does not work or prints something else."""
        try:
            for block in found:
                if not block.not_run:
                    self._do(block)
        finally:
            self._forget_modules()

    def _do(self, block: Block) -> None:
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
            exec(compile(block.first, f"{block} (first)", "exec"), self._names)
            # Lines in a traceback are those of the document.
            text = self._stage.here(block.text)
            exec(compile("\n" * block.line + text, block.document, "exec"), self._names)

    def _type(self, block: Block) -> None:
        typed = commands(block.text)
        for place, command in enumerate(typed):
            printed = self._run(command.line)
            looked_at = place + 1 < len(typed) and typed[place + 1].line == "echo $?"
            fails = any(line.startswith("error: ") for line in command.output)
            assert (self._code == 0) != fails or looked_at, (
                f"{block}: $ {command.line}\nended in {self._code}:\n{printed}"
            )
            line = missing(command.output, printed)
            assert line is None, f"{block}: $ {command.line}\nshows but did not print\n{line}\n\nIt printed:\n{printed}"

    def _succeed(self, script: str, block: Block) -> None:
        printed = self._bash(script)
        assert self._code == 0, f"{block} ended in {self._code}:\n{printed}"

    def _run(self, line: str) -> str:
        if not _PLAIN.fullmatch(line) or self._place != self.folder:
            return self._bash(line)
        self._forget_modules()
        words = shlex.split(self._stage.here(line), comments=True)[1:]
        self._code, printed = self._call(words, self._environment)
        return printed

    def _bash(self, script: str) -> str:
        """What a command prints; exported variables, the working directory and `$?` are there for the next."""
        variables, place, output = (self._shell / name for name in ("variables", "place", "output"))
        after = f'code=$?; env -0 > "{variables}"; pwd > "{place}"; exit $code'
        text = f"trap '{after}' EXIT; (exit {self._code})\n{self._stage.here(script)}\n"
        with output.open("w") as file:  # no pipe: what is left in the background may hold it open
            process = subprocess.run(
                ["bash", "-c", text],
                cwd=self._place,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_S,
                check=False,
            )
        self._code = process.returncode
        self._environment = dict(each.split("=", 1) for each in variables.read_text().split("\0") if "=" in each)
        self._place = Path(place.read_text().rstrip("\n"))
        return output.read_text()

    def _forget_modules(self) -> None:
        """Let the page's own modules be imported anew, as by another process: it may have changed their files."""
        for name, module in list(sys.modules.items()):
            known = getattr(module, "__dict__", {})
            if f"{self.folder}{os.sep}" in f"{known.get('__file__')} {known.get('__path__')}":
                del sys.modules[name]
        importlib.invalidate_caches()
