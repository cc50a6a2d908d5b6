"""Dotted names of modules and of user functions, such as `my_pipeline.model.run_fn`."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weighbridge.common.errors import UsageError


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
    """The name under which a Python file is imported, as Python's own rules have it; its root goes onto `sys.path`.

    The root is the folder above the outermost package (`__init__.py`) that the file is in. A file in no package that
    lies below the working directory is named from there, as a namespace package; any other from its own folder.

    Raises:
        UsageError: there is no such file, or its path has no name in Python.
    """
    if not path.is_file():
        raise UsageError(f"There is no file {path}", "Give the file of a pipeline, e.g. ./my_project/pipeline.py.")
    file, here = path.resolve(), Path.cwd().resolve()
    root = file.parent
    while (root / "__init__.py").exists():
        root = root.parent
    if root == file.parent and file.is_relative_to(here):
        root = here
    names = file.relative_to(root).with_suffix("").parts
    unnameable = next((name for name in names if not name.isidentifier()), None)
    if unnameable is not None:
        raise UsageError(
            f"{path} cannot be imported: {unnameable!r} is not a Python name", "Rename it, e.g. with _ for -."
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return ".".join(names)
