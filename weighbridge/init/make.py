"""From a file of data to a package of one's own: look, guess, write, run once, propose thresholds, put in place."""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.init import bundled
from weighbridge.init.columns import read_rows
from weighbridge.init.measured import permissive_gates, proposed_gates, read_measured
from weighbridge.init.names import check_package
from weighbridge.init.plan import Plan, make_plan
from weighbridge.init.write import code_files
from weighbridge.runs.display import Display

_SCHEMA_HEAD = """\
# Inferred from {data} on {date}; to be reviewed: types, columns that must be in every row (presence), and the values
# that a text may have (string_domain). Data that depart from it are refused. Columns that are in no row's interest are
# left out by features.py and do not stand here.
"""
_LAST_STEP = "Evaluator"

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes:
        name: of the package.
        data: file, folder, glob or pattern; empty for data that come with Weighbridge.
        label: the label's name; None to guess it.
        start: `tabular` or `bare`.
        folder: that the package is to lie in.
    """

    name: str
    data: str = ""
    label: str | None = None
    start: str = "tabular"
    folder: Path = Path()

    @property
    def command(self) -> str:
        """The command that asks for the same."""
        import shlex

        words = ["weighbridge", "init", self.name, *(["--data", self.data] if self.data else [])]
        return shlex.join([*words, *([] if self.start == "tabular" else ["--from", self.start])])


@dataclass(frozen=True)
class Made:
    """What was written.

    Attributes:
        folder: the package.
        files: paths in it.
        plan: what was guessed.
        gates: lines of thresholds that are to be reviewed.
    """

    folder: Path
    files: tuple[str, ...]
    plan: Plan
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
    with tempfile.TemporaryDirectory(prefix="weighbridge-init-") as scratch:
        staged = Path(scratch, "package", request.name)
        staged.mkdir(parents=True)
        own = {} if request.data else bundled.rows()
        for path, text in own.items():
            files.write_text(staged / path, text)
        data = _absolute(request.data) if request.data else str(staged / bundled.FILE)
        label = request.label or (None if request.data else bundled.LABEL)
        plan = make_plan(read_rows(data), label, request.data or data, request.command)
        _tell_plan(plan, request, tell)
        today = date.today().isoformat()
        texts = code_files(
            request.name,
            plan,
            start=request.start,
            data_code=_data_code(request.data, target.parent),
            place=_place(target),
            date=today,
        )
        for path, text in (texts | {"gates.yaml": permissive_gates(plan)}).items():
            files.write_text(staged / path, text)
        with _importable(staged.parent, request.name):
            schema = _first_schema(staged, data, Path(scratch, "work"), open_display)
            shown = request.data or "the data"
            files.write_text(staged / "schema.pbtxt", _SCHEMA_HEAD.format(data=_line(shown), date=today) + schema)
            tell("A first run, for thresholds to propose:")
            root = _first_run(staged, data, Path(scratch, "work"), open_display)
        texts["gates.yaml"] = proposed_gates(request.name, plan, read_measured(root), today)
        texts["schema.pbtxt"] = (staged / "schema.pbtxt").read_text()
        with files.staged_folder(target) as folder:
            for path, text in (texts | own).items():
                files.write_text(folder / path, text)
    return Made(target, tuple(sorted(texts | own)), plan, texts["gates.yaml"].count("; review"))


def _absolute(data: str) -> str:
    from weighbridge.storage.schemes import is_address

    return data if is_address(data) or data.startswith("package:") else os.path.abspath(data)  # noqa: PTH100, may be a pattern


def _data_code(data: str, folder: Path) -> str:
    """Python for where the data lie: beside the package where they do, so that a clone of both finds them."""
    from weighbridge.init.write import quoted

    if not data:
        return f'str(Path(__file__).with_name("{bundled.FILE}"))'
    path = _absolute(data)
    if path != data and Path(path).is_relative_to(folder):
        return f"str(Path(__file__).resolve().parents[1] / {quoted(str(Path(path).relative_to(folder)))})"
    return quoted(path)


def _place(target: Path) -> str:
    """The package's path from the top of its repository, as a Jenkinsfile names it."""
    top = next((folder for folder in target.parents if (folder / ".git").exists()), target.parent)
    return target.relative_to(top).as_posix()


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _tell_plan(plan: Plan, request: Request, tell: Tell) -> None:
    target = plan.target
    kind = {"binary": "one of two classes", "classes": f"one of {target.count} classes", "number": "a quantity"}
    guessed = "" if request.label or not request.data else " (guessed by its name; --label names another)"
    tell(f"Label: {target.column!r}, {kind[target.task]}{guessed}.")
    if target.classes and target.task == "binary":
        tell(f"Told is {target.classes[1]!r}: class 1 beside {target.classes[0]!r}.")
    tell(f"Features: {len(plan.features)}.")
    for each in plan.left_out:
        tell(f"Left out: {each.name!r} {each.reason}.")
    if plan.renamed:
        tell(f"Renamed: {len(plan.renamed)} columns, whose names no model's input can have; see features.py.")


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


def _first_run(package: Path, data: str, workdir: Path, open_display: Callable[[TextIO], Display]) -> Path:
    """Run up to the Evaluator; returns the root of the artifacts."""
    from weighbridge.local.request import make_request
    from weighbridge.local.run import run_request

    request = make_request(str(package / "pipeline.py"), data, None, workdir, to=_LAST_STEP)
    outcome = run_request(request, open_display=open_display)
    if outcome.error:
        raise outcome.error
    refusals = outcome.verdict.refusals if outcome.verdict else ()
    if refusals:
        reasons = "\n".join(f"- {gate.message}" for gate in refusals[:5])
        raise UsageError("The first run was refused before anything could be proposed", reasons)
    return Path(request.context.root)
