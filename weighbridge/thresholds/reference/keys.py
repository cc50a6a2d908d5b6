"""Every key that may stand in a `gates.yaml`, one after the other, from the models that read it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weighbridge.thresholds.gates_file import Gates
from weighbridge.thresholds.reference.json_schema import given_default

THRESHOLD = "threshold"


@dataclass(frozen=True)
class Key:
    """A key.

    Attributes:
        path: where it stands, `<metric>` for a name of one's own: `quality.metrics.<metric>`.
        type: what it holds, in words; `threshold` for the rules of `threshold_keys`.
        unit: of the value; empty for none.
        default: as JSON; `required` where it must be given, empty where without it nothing is asked for.
        description: what it is.
        missing: what happens where the data do not have what it is about.
    """

    path: str
    type: str
    unit: str
    default: str
    description: str
    missing: str


def reference_keys() -> list[Key]:
    """The keys of all sections, in the order of the models; a section's own row comes before its keys."""
    schema = Gates.model_json_schema()
    return list(_keys(schema, schema["$defs"], ""))


def threshold_keys() -> list[Key]:
    """The keys of a threshold."""
    schema = Gates.model_json_schema()
    definitions = schema["$defs"]
    return list(_keys(definitions["Bounds"], definitions, ""))


def _keys(model: dict[str, Any], definitions: dict[str, Any], prefix: str) -> Iterator[Key]:
    for name, node in model.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield Key(
            path=path,
            type=type_in_words(node),
            unit=node.get("unit", ""),
            default="required" if name in model.get("required", []) else _default(node.get("default")),
            description=" ".join(_own(node, definitions).get("description", "").split()),
            missing=node.get("missing", ""),
        )
        yield from _below(node, definitions, path)


def _below(node: dict[str, Any], definitions: dict[str, Any], path: str) -> Iterator[Key]:
    """The keys inside a key's value, where it holds sections."""
    for option in node.get("anyOf", [node]):
        found = option
        if "$ref" in option:
            name = option["$ref"].rpartition("/")[2]
            if name == "Bounds":
                continue
            found = definitions[name]
        if found.get("properties"):
            yield from _keys(found, definitions, f"{path}.")
        inner = _inner(found)
        if inner:
            yield from _below(inner, definitions, f"{path}.<{node.get('each', 'name')}>")
        if found.get("type") == "array":
            yield from _below(found.get("items", {}), definitions, f"{path}[]")


def _own(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A node with a description: its own, else that of the model it refers to."""
    return node if "description" in node or "$ref" not in node else definitions[node["$ref"].rpartition("/")[2]]


def _default(value: Any) -> str:
    return "" if value in (None, "", [], {}) else json.dumps(given_default(value))


def type_in_words(schema: dict[str, Any]) -> str:
    """What a key holds: `number`, `threshold by metric`, `list of text`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {"Bounds": THRESHOLD, "Delivery": "list of stages"}.get(name, "section")
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema and "type" not in schema:
        words = [type_in_words(each) for each in schema["anyOf"] if each != {"type": "null"}]
        return " or ".join(dict.fromkeys(words))
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_plural(type_in_words(schema.get('items', {})))}"
    inner = _inner(schema)
    if kind == "object" and inner:
        return f"{type_in_words(inner)} by {schema.get('each', 'name')}"
    return _WORDS.get(str(kind), "any value")


def _inner(schema: dict[str, Any]) -> dict[str, Any] | None:
    """What every name of an object holds; None where its names are known."""
    inner = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))
    return inner if isinstance(inner, dict) else None


_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def _plural(words: str) -> str:
    return f"{words}s" if words in (THRESHOLD, "section", "number", "whole number") else words
