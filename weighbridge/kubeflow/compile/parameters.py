"""Which of a pipeline's parameters can be left open until a run starts, and where in its steps they go.

`create_pipeline` gets plain values, so where a value ends up is found out by building the pipeline once more with
another one and looking at what changed. A value that arrives as it was given, by itself or inside a JSON text, can be
given when a run starts. One that was computed with, or that decides which steps there are, is fixed by compiling.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.runs.component_traits import traits_of

Scalar = str | int | float | bool
Path = tuple[str | int, ...]

TYPES = {str: "STRING", int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", bool: "BOOLEAN"}


@dataclass(frozen=True)
class ParameterPath:
    """Where a parameter goes: a step's execution property, or a place inside the JSON text that it is."""

    step: str
    property: str
    path: Path = ()


@dataclass(frozen=True)
class RuntimeParameter:
    """A parameter of the compiled pipeline.

    Attributes:
        name: its name.
        default: its value unless a run is given another.
        description: for people.
        paths: where it goes.
        fixed: whether steps refuse any other value than the default: it names what the package was compiled with.
    """

    name: str
    default: Scalar
    description: str = ""
    paths: tuple[ParameterPath, ...] = field(default=())
    fixed: bool = False

    @property
    def type(self) -> str:
        """KFP's name of its type."""
        return TYPES[type(self.default)]


def find_parameter_paths(build: Callable[[Any], Any], value: Scalar) -> tuple[ParameterPath, ...]:
    """Find where a value goes.

    Args:
        build: makes the pipeline with the value it is given instead.
        value: what the parameter is now.

    Returns:
        Where it goes; empty where it cannot be left open.
    """
    other = _other(value)
    try:
        before, after = _properties(build(value)), _properties(build(other))
    except UsageError:  # a pipeline cannot be built with any other value
        return ()
    if before.keys() != after.keys():
        return ()
    found: list[ParameterPath] = []
    for (step, name), old in before.items():
        new = after[step, name]
        if old == new:
            continue
        inner = list(_paths(old, new, value, other))
        if None in inner or not inner:
            return ()
        found += [ParameterPath(step, name, path) for path in inner if path is not None]
    return tuple(found)


def _other(value: Scalar) -> Scalar:
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value}-other"
    return value + 1 if isinstance(value, int) else value * 2 + 1


def _properties(pipeline: Any) -> dict[tuple[str, str], Any]:
    """Execution properties by step and name; of what TFX fills in later, the kind and the default."""
    return {
        (node.id, name): value if isinstance(value, Scalar) else (type(value), getattr(value, "default", None))
        for node in pipeline.components
        for name, value in node.exec_properties.items()
        if name != traits_of(node).code_digest  # follows from the others
    }


def _paths(old: Any, new: Any, value: Scalar, other: Scalar) -> Iterator[Path | None]:
    """Where in `old` the value stands, as `other` does in `new`; None for any other difference."""
    if _same(old, value) and _same(new, other):
        yield ()
        return
    try:
        inside = [json.loads(text) for text in (old, new)]
    except (TypeError, ValueError):
        yield None
        return
    if not all(isinstance(part, dict | list) for part in inside):
        yield None
        return
    yield from _differences(inside[0], inside[1], value, other, ())


def _differences(old: Any, new: Any, value: Scalar, other: Scalar, path: Path) -> Iterator[Path | None]:
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from _differences(old[key], new[key], value, other, (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index in range(len(old)):
            yield from _differences(old[index], new[index], value, other, (*path, index))
    elif old != new:
        yield path if _same(old, value) and _same(new, other) else None


def _same(found: Any, value: Scalar) -> bool:
    return type(found) is type(value) and found == value
