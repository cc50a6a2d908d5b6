"""Dotted names of user functions, such as `my_pipeline.model.run_fn`."""

import importlib
from collections.abc import Callable
from typing import Any

from components.common.errors import UsageError


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
