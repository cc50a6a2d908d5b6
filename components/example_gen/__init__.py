"""ExampleGen: data in, named and deterministic splits of tf.Examples out.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from components.example_gen.gates import ExamplesGates

if TYPE_CHECKING:
    from components.example_gen.component import ExampleGen

__all__ = ["ExampleGen", "ExamplesGates"]


def __getattr__(name: str) -> Any:
    if name == "ExampleGen":
        from components.example_gen.component import ExampleGen

        return ExampleGen
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
