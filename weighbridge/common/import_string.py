"""Dotted names of modules and of user functions, such as `my_pipeline.model.run_fn`."""

import importlib
import keyword
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.common.user_code import errors_of

# One of these lies in the top folder of a project.
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


def import_function(dotted: str, role: str) -> Callable[..., Any]:
    """Import the function named `dotted`.

    Args:
        dotted: `package.module.function`.
        role: what the name is for, e.g. `run_fn`; used in errors.

    Raises:
        UsageError: the name is not dotted, the module cannot be imported, or it has no such function.
    """
    module_name, _, function_name = dotted.rpartition(".")
    if not module_name:
        raise UsageError(f"{role}={dotted!r} is not a dotted name", "Expected package.module.function.")
    with errors_of(f"{role}={dotted!r}", f"Mend the module {module_name}.", verb="cannot be imported:"):
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            raise UsageError(f"{role}={dotted!r}: {error}", "Is its folder on PYTHONPATH?") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        names = ", ".join(name for name in dir(module) if callable(getattr(module, name)) and name[0] != "_")
        raise UsageError(f"{role}={dotted!r}: {module_name} has no function {function_name!r}", f"It has: {names}.")
    return function


def module_of(dotted: str) -> str:
    """The module part of a dotted function name."""
    return dotted.rpartition(".")[0]


def module_of_file(path: Path) -> str:
    """The name under which a Python file is imported, as Python's own rules have it; its root goes first on `sys.path`.

    The root of a file in a package is the folder above the outermost one with an `__init__.py`. A file in no package
    is named, as part of a namespace package, from the nearest folder above that is on `sys.path`, as the working
    directory is, or that is a project's (`pyproject.toml`, `setup.py`, `setup.cfg`, `.git`); else from its own.

    Raises:
        UsageError: there is no such file, or its path has no name in Python.
    """
    if not path.is_file():
        raise UsageError(f"There is no file {path}", "Give the file of a pipeline, e.g. ./my_project/pipeline.py.")
    file = path.resolve()
    root = file.parent
    while (root / "__init__.py").exists():
        root = root.parent
    if root == file.parent:
        root = _root_of_namespace(file)
    names = file.relative_to(root).with_suffix("").parts
    unnameable = next((name for name in names if not name.isidentifier() or keyword.iskeyword(name)), None)
    if unnameable is not None:
        raise UsageError(
            f"{path} cannot be imported: {unnameable!r} is not a name that Python can import",
            "Rename it, e.g. with _ for -; or run from inside it, if it is a folder.",
        )
    # First: the file was asked for, so nothing of the same name elsewhere may be taken for it or its neighbours.
    sys.path[:] = [str(root), *(entry for entry in sys.path if entry != str(root))]
    return ".".join(names)


def _root_of_namespace(file: Path) -> Path:
    """The folder that a file in no package is named from."""
    searched = {Path(entry).resolve() for entry in sys.path}
    roots = (
        folder for folder in file.parents if folder in searched or any((folder / mark).exists() for mark in _PROJECT)
    )
    return next(roots, file.parent)
