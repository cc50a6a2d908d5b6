"""The functions that components are told by name: whether they are there and take what they will be given."""

import difflib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from weighbridge.checks.finding import Finding
from weighbridge.checks.subject import Subject
from weighbridge.common.errors import WeighbridgeError
from weighbridge.common.import_string import import_function, module_of

_FUNCTIONS = "functions"
# What is handed to each function; others are imported, and may take what they like.
_TAKES = {
    "run_fn": (1, "fn_args"),
    "prepare_fn": (1, "a pyarrow.RecordBatch"),
    "metrics_fn": (1, "a MetricsRequest"),
}


def functions(subject: Subject) -> Iterator[Finding]:
    """Functions that cannot be imported, or cannot be called as they will be."""
    told = set[tuple[str, str]]()
    for node in subject.nodes or ():
        for role, dotted in node.functions():
            if (role, dotted) in told:
                continue
            told.add((role, dotted))
            yield from _function(subject, role, dotted)


def _function(subject: Subject, role: str, dotted: str) -> Iterator[Finding]:
    try:
        function = import_function(dotted, role)
    except WeighbridgeError as error:
        file, line = place_of_error(error)
        if file is None:
            file, line = subject.place_of(dotted)
        message = f"{error.message}{_guess(dotted)}"
        yield Finding(check=_FUNCTIONS, message=message, hint=error.hint, file=file, line=line)
        return
    if role in _TAKES:
        count, what = _TAKES[role]
        try:
            inspect.signature(function).bind(*[None] * count)
        except TypeError as error:
            file, line = _place(function)
            yield Finding(
                check=_FUNCTIONS,
                message=f"{role}={dotted!r} is called with {what} alone, but {error}",
                hint=f"Define it as {dotted.rpartition('.')[2]}({what.rpartition('.')[2].removeprefix('a ')}).",
                file=file,
                line=line,
            )
        except ValueError:
            pass  # a builtin that does not tell what it takes


def _guess(dotted: str) -> str:
    """The nearest function of the module, where it was imported."""
    module, name = sys.modules.get(module_of(dotted)), dotted.rpartition(".")[2]
    names = [each for each in vars(module) if callable(getattr(module, each))] if module else []
    close = difflib.get_close_matches(name, names, n=1)
    return f". Did you mean {close[0]!r}?" if close and name not in names else ""


def _place(function: Callable[..., Any]) -> tuple[Path | None, int | None]:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return (Path(code.co_filename), code.co_firstlineno) if code else (None, None)


def place_of_error(error: BaseException, folder: Path | None = None) -> tuple[Path | None, int | None]:
    """File and line that raised an error, or its cause.

    Args:
        error: an error, whose causes are looked at, too.
        folder: the last line below it is taken, where there is one; the last that is not of a library else.
    """
    cause: BaseException | None = error
    places: list[tuple[Path, int]] = []
    while cause is not None:
        if isinstance(cause, SyntaxError) and cause.filename:
            return Path(cause.filename), cause.lineno
        trace = cause.__traceback__
        while trace is not None:
            places.append((Path(trace.tb_frame.f_code.co_filename), trace.tb_lineno))
            trace = trace.tb_next
        cause = cause.__cause__
    own = [place for place in places if _is_own(place[0], folder)]
    return own[-1] if own else (None, None)


def _is_own(path: Path, folder: Path | None) -> bool:
    if folder is not None:
        return path.resolve().is_relative_to(folder)
    library = Path(__file__).resolve().parents[1]
    text = str(path)
    return not (text.startswith(("<", sys.base_prefix)) or "site-packages" in text) and not any(
        path.resolve().is_relative_to(library / name) for name in ("checks", "common", "definition.py", "cli")
    )
