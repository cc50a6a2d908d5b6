"""What shows to be wrong with a pipeline before any of its steps starts: its data, and what its components check."""

from collections.abc import Iterable, Iterator
from typing import Any

from weighbridge.common import secrets
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.resolve import resolve
from weighbridge.components.traits import ComponentTraits
from weighbridge.runs.component_traits import traits_of
from weighbridge.storage.schemes import is_address

_SCHEMA = "schema"
_SCHEMA_TEXT = "schema_text"


def check_components(components: Iterable[Any]) -> None:
    """Check the nodes of a pipeline that is to run here.

    Args:
        components: TFX nodes.

    Raises:
        UsageError: input data are not there, or a component refuses its parameters.
    """
    for _, error in component_problems(components):
        raise error


def component_problems(components: Iterable[Any]) -> Iterator[tuple[str, UsageError]]:
    """What is wrong with the nodes of a pipeline that is to run here: each with the id of its node.

    Args:
        components: TFX nodes.
    """
    nodes = {node.id: node for node in components}
    for node in nodes.values():
        try:
            traits, parameters = traits_of(node), _parameters(node)
        except UsageError as error:
            yield node.id, error
            continue
        for check in (_check_data, _check_parameters):
            try:
                check(traits, parameters, _schema_text(node, nodes))
            except UsageError as error:
                yield node.id, error


def _check_data(traits: ComponentTraits, parameters: dict[str, Any], _schema: str) -> None:
    if traits.reads is not None:
        values = traits.reads.values(parameters)
        if isinstance(values.get("input"), str) and not is_address(values["input"]):
            resolve(**values)


def _check_parameters(traits: ComponentTraits, parameters: dict[str, Any], schema: str) -> None:
    if traits.preflight is not None:
        traits.preflight(parameters, schema)


def check_secrets(components: Iterable[Any]) -> None:
    """Make sure that no node is given a secret in plain: what it is given is kept in ML Metadata, or in a package.

    Raises:
        UsageError: one is.
    """
    for node in components:
        for name, value in _parameters(node).items():
            if place := secrets.exposed(name, value):
                raise UsageError(
                    f"{node.id} is given a secret in plain: its parameter {place}, which would be kept so",
                    f"Give it {secrets.EXAMPLE} instead: its executor gets what the environment variable NAME holds.",
                )


def _schema_text(node: Any, nodes: dict[str, Any]) -> str:
    """The reviewed schema behind a node's input, which the step that brings it has as a parameter."""
    channel = dict(node.inputs).get(_SCHEMA)
    producer = nodes.get(getattr(channel, "producer_component_id", None) or "")
    return str(_parameters(producer).get(_SCHEMA_TEXT) or "") if producer is not None else ""


def _parameters(node: Any) -> dict[str, Any]:
    return dict(getattr(node, "exec_properties", None) or {})
