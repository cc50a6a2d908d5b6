"""Weighbridge: weighs data, model and latency before a model reaches production.

The names that `__init__.pyi` lists are loaded when they are first used: importing this package costs nothing.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
