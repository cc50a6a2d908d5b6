"""What other packages add to one of our tables, through the entry points of their distributions."""

from collections.abc import Callable, Mapping
from importlib import metadata
from importlib.metadata import EntryPoint
from typing import TypeVar

from weighbridge.common.errors import UsageError

Item = TypeVar("Item")


def points(group: str) -> list[EntryPoint]:
    """The entry points of a group, in the order of their names."""
    return sorted(metadata.entry_points(group=group), key=lambda point: (point.name, point.value))


def modules(group: str) -> list[str]:
    """The modules that a group's entry points lie in: what they do is part of what a result depends on."""
    return sorted({point.module for point in points(group)})


def with_plugins(
    own: Mapping[str, Item], group: str, kind: type[Item], noun: str, name: Callable[[EntryPoint, Item], str]
) -> dict[str, Item]:
    """A table of ours with what other packages add to it.

    Args:
        own: our entries by name.
        group: of the entry points.
        kind: what an entry must be.
        noun: what people call an entry, for messages: `input format`.
        name: gives the name of an entry.

    Raises:
        UsageError: one cannot be imported, is something else, or has the name of another.
    """
    found = dict(own)
    for point in points(group):
        origin = f"The {noun} {point.name!r} of the entry point {point.value!r}"
        try:
            item = point.load()
        except (ImportError, AttributeError) as error:
            raise UsageError(f"{origin} cannot be imported: {error}", "Mend or uninstall its package.") from error
        if not isinstance(item, kind):
            raise UsageError(f"{origin} is a {type(item).__name__}", f"Expected: {kind.__module__}.{kind.__name__}.")
        if (given := name(point, item)) in found:
            raise UsageError(f"{origin} has the name {given!r}, which is taken", f"Taken: {', '.join(found)}.")
        found[given] = item
    return found
