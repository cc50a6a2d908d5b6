"""Whether a pipeline pushes to where its run delivers, as far as its components' parameters tell."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.components.traits import ComponentTraits
from weighbridge.definition import Context


def check_delivers(context: Context, steps: Iterable[tuple[ComponentTraits, Mapping[str, Any]]]) -> None:
    """Make sure that a pipeline pushes to the stage that its context names; without one there is nothing to check.

    Args:
        context: where the pipeline runs.
        steps: traits and execution properties of its components.

    Raises:
        UsageError: no step pushes there.
    """
    place = context.deliver_to
    if place and not any(_pushes_to(place, traits, properties) for traits, properties in steps if traits.pushes):
        raise UsageError(
            f"Pipeline {context.name} would not push to {place}", "Give its Pusher destination=context.destination."
        )


def _pushes_to(place: str, traits: ComponentTraits, properties: Mapping[str, Any]) -> bool:
    """Whether a step's parameters name a destination; where none is declared for it, any of them may."""
    values = [properties.get(traits.destination)] if traits.destination else list(properties.values())
    return any(text.rstrip("/") == place.rstrip("/") for value in values for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    """A text, or the texts inside the JSON that it is, such as stock Pusher's `push_destination`."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
        return
    if not isinstance(value, str):
        return
    try:
        inside = json.loads(value)
    except ValueError:
        inside = None
    if isinstance(inside, dict | list):
        yield from _texts(inside)
    else:
        yield value
