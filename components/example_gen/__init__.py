"""ExampleGen: data in, named and deterministic splits of tf.Examples out.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING

import lazy_loader

from weighbridge.components.example_gen.gates import ExamplesGates

if TYPE_CHECKING:
    from weighbridge.components.example_gen.component import ExampleGen

__all__ = ["ExampleGen", "ExamplesGates"]

__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={"component": ["ExampleGen"]})
