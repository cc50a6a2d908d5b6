"""Hooks: functions of other packages that are called when a run has ended, wherever it ran.

A package registers a function in the entry point group `weighbridge.run_end`:

```toml
[project.entry-points."weighbridge.run_end"]
mail = "my_package.mail:send"
```

The function is called with a `RunEnd` once the verdict, its reports and the run's record are written. Hooks are loaded
only then. None of them can change how the run ended: what they are given is a copy, a hook that raises is a warning,
and the verdict, its reports and the record are put back where a hook changed them.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from weighbridge.common import files, plugins, progress
from weighbridge.common.environment import HOOKS_VARIABLE
from weighbridge.common.errors import ExitCode, WeighbridgeError
from weighbridge.common.machine import first_line
from weighbridge.report.write import HTML_FILE, JUNIT_FILE, MARKDOWN_FILE
from weighbridge.runs.display import Display
from weighbridge.runs.explain import log_traceback
from weighbridge.runs.record import RUN_FILE, RunRecord
from weighbridge.verdict import Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

GROUP = "weighbridge.run_end"
HOOKS_FILE = "hooks.json"

_OFF = "off"
_FINAL = (VERDICT_FILE, RUN_FILE, JUNIT_FILE, HTML_FILE, MARKDOWN_FILE)


@dataclass(frozen=True)
class RunEnd:
    """A run that has ended, as a hook is given it.

    Attributes:
        record: what was run, when, for how long, and how it ended; for a run on Kubeflow as far as its server says.
        verdict: its verdict; None where it ended in an error.
        exit_code: what the command exits with, whatever the hooks do.
        folder: holds the verdict and its reports; None for a run on Kubeflow whose reports nobody asked for.
        url: page of a run on Kubeflow; empty for one on this machine.
    """

    record: RunRecord
    verdict: Verdict | None
    exit_code: ExitCode
    folder: Path | None
    url: str = ""

    def copy(self) -> "RunEnd":
        """A copy that shares nothing which could be changed."""
        verdict = self.verdict.model_copy(deep=True) if self.verdict else None
        return RunEnd(self.record.model_copy(deep=True), verdict, self.exit_code, self.folder, self.url)


class RunEndHook(Protocol):
    """What an entry point of the group `weighbridge.run_end` names."""

    def __call__(self, end: RunEnd, /) -> None:
        """Do something about a run that has ended; `weighbridge.common.progress.report` shows how far it is."""


class HookResult(BaseModel):
    """How a hook ended, as `hooks.json` lists it.

    Attributes:
        name: of the entry point.
        function: what it names, `module:function`.
        state: `done`; `failed`; `interrupted` by a person or a signal; or `skipped` after an interruption.
        seconds: wall time, loading included.
        message: one line about what went wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    function: str
    state: Literal["done", "failed", "interrupted", "skipped"]
    seconds: float = 0.0
    message: str = ""

    @property
    def warning(self) -> str:
        """A line for people; empty where all is well."""
        if self.state == "done":
            return ""
        why = f": {self.message}" if self.message else ""
        return f"hook {self.name} {'was ' if self.state != 'failed' else ''}{self.state}{why}"


_Results = TypeAdapter(list[HookResult])


def call_hooks(end: RunEnd, display: Display) -> tuple[str, ...]:
    """Call all registered hooks, one after the other in the order of their names.

    How each ended is kept in `hooks.json` in the run's folder. With `WEIGHBRIDGE_HOOKS=off` none is looked for.

    Args:
        end: the run. The files in its folder are final.
        display: shows the progress of a slow hook.

    Returns:
        Warnings: a line for each hook that did not do what it should.
    """
    if os.environ.get(HOOKS_VARIABLE, "").lower() == _OFF:
        return ()
    results: list[HookResult] = []
    try:
        points = plugins.points(GROUP)
    except Exception as error:  # the metadata of some installed package are damaged
        log_traceback()
        results = [HookResult(name=GROUP, function="", state="failed", message=_message(error))]
        points = []
    interrupted = False
    for point in points:
        if interrupted:
            results.append(HookResult(name=point.name, function=point.value, state="skipped"))
            continue
        results.append(_call(point, end, display))
        interrupted = results[-1].state == "interrupted"
    display.ended()
    if results and end.folder is not None and end.folder.is_dir():
        with suppress(OSError):  # the disk is full: the run has said so, or the next one will
            files.write_json(end.folder / HOOKS_FILE, _Results.dump_python(results, mode="json"))
    return _warnings(results)


def read_warnings(folder: Path) -> tuple[str, ...]:
    """The warnings that a run's hooks left in its folder; none where no hook was called."""
    try:
        return _warnings(_Results.validate_json((folder / HOOKS_FILE).read_bytes()))
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError):
        return (f"{folder / HOOKS_FILE} cannot be read",)


def _warnings(results: Iterable[HookResult]) -> tuple[str, ...]:
    return tuple(result.warning for result in results if result.warning)


def _call(point: EntryPoint, end: RunEnd, display: Display) -> HookResult:
    """Load and call a hook. Whatever it raises, `SystemExit` too, is its own failure and not the run's."""
    began = time.monotonic()
    state: Literal["done", "failed", "interrupted"] = "done"
    message = ""
    try:
        display.step_started(f"hook {point.name}")
        with _unchanged(end.folder) as changed, progress.listening(display.step_progress):
            hook: RunEndHook = point.load()
            hook(end.copy())
    except KeyboardInterrupt:
        state = "interrupted"
    except BaseException as error:
        log_traceback()
        state, message = "failed", _message(error)
    else:
        if changed:
            state, message = "failed", f"it changed {', '.join(changed)}, now put back"
    seconds = round(time.monotonic() - began, 3)
    return HookResult(name=point.name, function=point.value, state=state, seconds=seconds, message=message)


@contextmanager
def _unchanged(folder: Path | None) -> Iterator[list[str]]:
    """Put what a run left back as it was; yields a list that then names those which were changed."""
    changed: list[str] = []
    before = {path: _read(path) for path in (folder / name for name in _FINAL)} if folder else {}
    try:
        yield changed
    finally:
        for path, content in before.items():
            if _read(path) != content:
                changed.append(path.name)
                if content is None:
                    path.unlink(missing_ok=True)
                else:
                    files.write_bytes(path, content)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _message(error: BaseException) -> str:
    from weighbridge.report.text import one_line

    if isinstance(error, WeighbridgeError):
        return one_line(error.message)
    return one_line(f"{type(error).__name__}: {first_line(error)}".rstrip(": "))
