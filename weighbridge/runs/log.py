"""The log of a run on this machine, step by step: a line in it says where each step begins."""

import difflib
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.common.text import clean, mask
from weighbridge.runs.record import Run

_MARK = re.compile(r"--- (?P<step>\S.{0,200}) begins at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
# What moves a terminal's cursor or colours its text: colours are no content.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_PAUSE_S = 0.3


@dataclass(frozen=True)
class StepLog:
    """What was written while a step ran.

    Attributes:
        step: its name; empty for what came before the first.
        state: how it ended, `running` while it goes on; empty for what came before the first.
        note: one line about it; of a skipped one why.
        lines: that were written, as terminals can stand them.
    """

    step: str
    state: str
    note: str
    lines: tuple[str, ...]


def mark_step(name: str) -> None:
    """Say in the log that a step begins; the caller has redirected stdout to it."""
    sys.stdout.write(f"--- {name} begins at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
    sys.stdout.flush()


def read_log(run: Run, step: str | None = None) -> list[StepLog]:
    """What the steps of a run wrote, in the order they ran.

    Args:
        run: a run, which may go on.
        step: only this one; None for all, and what was written before the first.

    Raises:
        UsageError: the run has no log here, no such step, or a log of an earlier version that does not tell steps
            apart.
    """
    parts = _parts(run)
    told = {record.name: record for record in run.record.steps}
    if step is not None:
        _check_step(run, step, [*told, *(name for name in parts if name and name not in told)])
        if step not in parts and told and told[step].state != "skipped":
            raise UsageError(
                f"The log of run {run.record.run_id} does not tell its steps apart: an earlier version wrote it",
                f"See all of it: weighbridge logs {run.record.run_id}",
            )
    found = []
    for name in dict.fromkeys([*parts, *told]):
        if step not in (None, name):
            continue
        record = told.get(name)
        state = record.state if record else ("" if not name else _unended(run))
        found.append(StepLog(name, state, record.note if record else "", tuple(parts.get(name, ()))))
    return found


def follow_log(run: Run) -> Iterator[str]:
    """Lines of a run's log as they are written, until the run ends; of one that ended all there are.

    Raises:
        UsageError: the run has no log here.
    """
    path = _existing(run)
    with path.open("rb") as file:
        rest = b""
        while True:
            # Asked first: what is written before the end is read after it.
            running = Run.read(run.folder).record.display_state == "running"
            *whole, rest = (rest + file.read()).split(b"\n")
            yield from (line for text in whole for line in _shown(text.decode("utf-8", "replace")))
            if not running:
                break
            time.sleep(_PAUSE_S)
        if rest:
            yield from _shown(rest.decode("utf-8", "replace"))


def shown_mark(line: str) -> str | None:
    """The step that a line says to begin; None for any other line."""
    found = _MARK.fullmatch(line)
    return found["step"] if found else None


def _unended(run: Run) -> str:
    return "running" if run.record.display_state == "running" else "killed"


def _existing(run: Run) -> Path:
    if not run.log.is_file():
        where = "ran on another machine, whose log is not here" if run.brought else "has no log"
        raise UsageError(
            f"Run {run.record.run_id} {where}: there is no {run.log}",
            "Name the store that it was sent to: --store, or WEIGHBRIDGE_STORE." if run.brought else "",
        )
    return run.log


def _parts(run: Run) -> dict[str, list[str]]:
    """Lines by the step that wrote them; what came before the first has no name."""
    found: dict[str, list[str]] = {}
    name = ""
    with _existing(run).open(encoding="utf-8", errors="replace", newline="\n") as file:
        for text in file:
            for line in _shown(text):
                begun = shown_mark(line)
                if begun is not None:
                    name = begun
                    found.setdefault(name, [])
                else:
                    found.setdefault(name, []).append(line)
    return found


def _shown(text: str) -> Iterator[str]:
    """Lines as terminals can stand them; each state of a progress bar is one."""
    for line in _ESCAPES.sub("", text.rstrip("\r\n")).replace("\x08", "").split("\r"):
        yield clean(mask(line.rstrip()))


def _check_step(run: Run, step: str, names: list[str]) -> None:
    if step in names:
        return
    close = difflib.get_close_matches(step.lower(), [name.lower() for name in names], n=1)
    guess = next((f" Did you mean {name!r}?" for name in names if close and name.lower() == close[0]), "")
    raise UsageError(
        f"Run {run.record.run_id} has no step {step!r}.{guess}", f"Its steps: {', '.join(names) or 'none yet'}."
    )
