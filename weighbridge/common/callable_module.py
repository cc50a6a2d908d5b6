"""A package that can be called: `weighbridge.runs(...)` and `weighbridge.plan(...)`, whose names are also rooms' names.

Python puts a package that is imported into the one above it, under its name, in place of whatever was there.
"""

import inspect
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _CallableModule(ModuleType):
    _function: str

    def _loaded(self) -> Any:
        module, _, name = self._function.rpartition(".")
        return getattr(import_module(module), name)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._loaded()(*given, **named)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._loaded())


def make_callable(package: str, function: str) -> None:
    """Let a call of the package call a function.

    Args:
        package: its name.
        function: dotted name. It is loaded at the first call, and may stand above the package.
    """
    module = sys.modules[package]
    module.__class__ = _CallableModule
    module._function = function  # type: ignore[attr-defined]
