"""From a file of data to a package of one's own: look, guess, write, run once, propose thresholds, put in place."""

import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol, TextIO

from weighbridge.common import files
from weighbridge.common.errors import UsageError, WeighbridgeError
from weighbridge.init import bundled
from weighbridge.init.names import check_package
from weighbridge.init.orders import OWN_DATA, look_at_orders
from weighbridge.init.tabular import look_at_table
from weighbridge.init.thresholds import UNMEASURED
from weighbridge.init.write import quoted
from weighbridge.runs.display import Display
from weighbridge.storage.schemes import is_address
from weighbridge.verdict import Verdict

_SCHEMA_HEAD = """\
# Inferred from {data} on {date}; to be reviewed: types, columns that must be in every row (presence), and the values
# that a text may have (string_domain). Data that depart from it are refused. Columns that are in no row's interest are
# left out by features.py and do not stand here.
"""
_LAST_STEP = "Evaluator"
_REMOTE = "https://git.example.org/weighbridge.git"

Tell = Callable[[str], None]


class Start(Protocol):
    """What is written for a kind of data, once they were looked at."""

    def lines(self) -> list[str]:
        """What was found, for people."""

    def facts(self) -> dict[str, Any]:
        """The same for machines."""

    def code(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The texts of the files that do not depend on a run, by their path in the package."""

    def permissive(self) -> str:
        """`gates.yaml` of the first run, that is to be measured and not judged."""

    def proposed(self, name: str, root: Path, verdict: Verdict, date: str) -> str:
        """`gates.yaml` as that run, whose artifacts are below `root`, proposes it."""


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes:
        name: of the package.
        data: file, folder, glob or pattern; empty for data that come with Weighbridge.
        label: the label's name; None to guess it.
        start: `tabular`, `bare` or `recommender`.
        columns: of order lines, name here by the name in the data.
        folder: that the package is to lie in.
    """

    name: str
    data: str = ""
    label: str | None = None
    start: str = "tabular"
    columns: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()

    @property
    def command(self) -> str:
        """The command that asks for the same."""
        words = ["weighbridge", "init", self.name, *(["--data", self.data] if self.data else [])]
        words += [word for old, new in self.columns.items() for word in ("--column", f"{old}={new}")]
        return shlex.join([*words, *([] if self.start == "tabular" else ["--from", self.start])])


@dataclass(frozen=True)
class Made:
    """What was written.

    Attributes:
        folder: the package.
        files: paths in it.
        start: what was guessed.
        gates: lines of thresholds that are to be reviewed.
    """

    folder: Path
    files: tuple[str, ...]
    start: Start
    gates: int


def make(request: Request, tell: Tell, open_display: Callable[[TextIO], Display]) -> Made:
    """Write the package. It is there as a whole or not at all.

    Args:
        request: what is asked for.
        tell: is told in lines what was found.
        open_display: makes what shows the first run from a stream that writes to the real stdout.

    Raises:
        WeighbridgeError: a name, the data or the label is not what it can be; or the first run ended in an error.
    """
    target = check_package(request.name, request.folder.resolve())
    with _scratch() as scratch:
        staged, workdir = Path(scratch, "package", request.name), Path(scratch, "work")
        staged.mkdir(parents=True)
        own = bundled.rows() if not request.data and request.start != "recommender" else {}
        for path, text in own.items():
            files.write_text(staged / path, text)
        data, code = _data(request, staged, target.parent)
        start = look(request, data)
        for line in start.lines():
            tell(line)
        today = date.today().isoformat()
        place = _place(target)
        values = {"name": request.name, "date": today, "place": place, "data_code": code, "remote": _REMOTE}
        texts = start.code(values)
        for path, text in (texts | {"gates.yaml": start.permissive()}).items():
            files.write_text(staged / path, text)
        with _importable(staged.parent, request.name):
            schema = _first_schema(staged, data, workdir, open_display)
            shown = re.sub(r"\s+", " ", request.data or data)
            texts["schema.pbtxt"] = _SCHEMA_HEAD.format(data=shown, date=today) + schema
            files.write_text(staged / "schema.pbtxt", texts["schema.pbtxt"])
            tell("A first run, to propose thresholds from:")
            root, verdict = _first_run(staged, data, workdir, open_display)
        texts["gates.yaml"] = start.proposed(request.name, root, verdict, today)
        for line in texts["gates.yaml"].splitlines():
            if UNMEASURED in line:
                tell(f"Refused until it can be measured: {line.partition(':')[0].strip()}. Are there too few rows?")
        with files.staged_folder(target) as folder:
            for path, text in (texts | own).items():
                files.write_text(folder / path, text)
    return Made(target, tuple(sorted(texts | own)), start, texts["gates.yaml"].count("; review"))


@contextmanager
def _scratch() -> Iterator[str]:
    """A folder that is removed in the end, but for one that an error points into, such as to a log in it."""
    folder = tempfile.mkdtemp(prefix="weighbridge-init-")
    kept = False
    try:
        yield folder
    except WeighbridgeError as error:
        kept = folder in str(error)
        raise
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def look(request: Request, data: str) -> Start:
    """Look at the data, and guess what their columns are for.

    Raises:
        UsageError: the data cannot be read, or it is not known what is to be told.
    """
    if request.start == "recommender":
        return look_at_orders(data, request.columns, request.data or data, request.command)
    label = request.label or (None if request.data else bundled.LABEL)
    return look_at_table(data, label, request.data or data, request.start, request.command)


def _data(request: Request, staged: Path, folder: Path) -> tuple[str, str]:
    """Where the data lie now, and Python for where they will: beside the package, where a clone of both finds them."""
    if not request.data:
        if request.start == "recommender":
            return OWN_DATA, quoted(OWN_DATA)
        return str(staged / bundled.FILE), f'str(Path(__file__).with_name("{bundled.FILE}"))'
    if is_address(request.data) or request.data.startswith("package:"):
        return request.data, quoted(request.data)
    path = os.path.abspath(request.data)  # noqa: PTH100, it may be a pattern
    if Path(path).is_relative_to(folder):
        return path, f"str(Path(__file__).resolve().parents[1] / {quoted(str(Path(path).relative_to(folder)))})"
    return path, quoted(path)


def _place(target: Path) -> str:
    """The package's path from the top of its repository, as a Jenkinsfile names it."""
    top = next((folder for folder in target.parents if (folder / ".git").exists()), target.parent)
    return target.relative_to(top).as_posix()


@contextmanager
def _importable(folder: Path, name: str) -> Iterator[None]:
    """Let Python import the package while it is being made, and forget it afterwards."""
    path, known = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = path
        for module in set(sys.modules) - known:
            if module == name or module.startswith(f"{name}."):
                del sys.modules[module]


def _first_schema(package: Path, data: str, workdir: Path, open_display: Callable[[TextIO], Display]) -> str:
    from weighbridge.local.output_capture import captured_output
    from weighbridge.local.request import make_request
    from weighbridge.local.schema import FirstSchema, look
    from weighbridge.runs.explain import explain

    request = make_request(str(package / "pipeline.py"), data, None, workdir)
    with request.workspace.lock():
        scratch = request.workspace.scratch(request.definition)
        with captured_output(scratch.log, verbose=False) as terminal:
            display = open_display(terminal)
            try:
                seen = look(request, scratch, display)
            except Exception as error:
                raise explain(error, scratch) from error
            finally:
                display.ended()
    if not isinstance(seen, FirstSchema):
        raise UsageError(f"There is a schema at {request.context.schema} already")
    return seen.text


def _first_run(
    package: Path, data: str, workdir: Path, open_display: Callable[[TextIO], Display]
) -> tuple[Path, Verdict]:
    """Run up to the Evaluator.

    Returns:
        The root of the artifacts, and the verdict, which refuses nothing.
    """
    from weighbridge.local.request import make_request
    from weighbridge.local.run import run_request

    request = make_request(str(package / "pipeline.py"), data, None, workdir, to=_LAST_STEP)
    outcome = run_request(request, open_display=open_display)
    if outcome.error:
        raise outcome.error
    if outcome.verdict is None or outcome.verdict.refusals:
        refusals = outcome.verdict.refusals if outcome.verdict else ()
        reasons = "\n".join(f"- {gate.name}: {gate.message}" for gate in refusals[:5])
        raise UsageError("The first run was refused before anything could be proposed", reasons)
    return Path(request.context.root), outcome.verdict
