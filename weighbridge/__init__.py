"""Weighbridge: weighs data, model and latency before a model reaches production.

The names that `__init__.pyi` lists are loaded when they are first used: importing this package costs nothing.
"""

from importlib import import_module
from typing import Any

import lazy_loader

__version__ = "0.1.0"

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
# Packages that are functions too, see `weighbridge.common.callable_module`.
_CALLED_ROOMS = ("lineage", "plan", "runs", "simulate")


def __getattr__(name: str) -> Any:
    return import_module(f"{__name__}.{name}") if name in _CALLED_ROOMS else _load(name)
