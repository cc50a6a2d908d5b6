"""The JSON Schema of `gates.yaml`, which editors complete and check from.

What it refuses `load_gates` refuses, too; the other way round not quite, since no schema says that a `min` lies below a
`max`. It is in draft 7, which the YAML servers of editors read; there no rule counts that stands beside a `$ref`.
"""

import json
from typing import Any

from weighbridge.thresholds.gates_file import Gates

SCHEMA_FILE = "gates.schema.json"

_DRAFT = "http://json-schema.org/draft-07/schema#"
_TITLE = "gates.yaml of Weighbridge"


def gates_schema() -> dict[str, Any]:
    """The schema; descriptions hold unit, default and what happens where data are missing."""
    schema = Gates.model_json_schema(ref_template="#/definitions/{model}")
    schema["definitions"] = schema.pop("$defs")
    cleaned: dict[str, Any] = _cleaned(schema)
    return {"$schema": _DRAFT, "title": _TITLE} | cleaned


def _cleaned(node: Any) -> Any:
    """A schema, or a part of one, as editors should have it."""
    if isinstance(node, list):
        return [_cleaned(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = _described(_without_null(node))
    for name in ("properties", "patternProperties", "definitions"):
        if name in node:
            node[name] = {key: _cleaned(each) for key, each in node[name].items()}
    for name in ("additionalProperties", "items", "anyOf", "allOf", "contains", "propertyNames"):
        if name in node:
            node[name] = _cleaned(node[name])
    if "$ref" in node and not node.keys() <= _ANNOTATIONS:
        node = {"allOf": [{"$ref": node.pop("$ref")}], **node}
    return node


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """A key without a value is refused, so what may be left out is no null in a file."""
    node = dict(node)
    options = [each for each in node.get("anyOf", []) if each != {"type": "null"}]
    if len(options) == 1:
        del node["anyOf"]
        node = options[0] | node
    elif options:
        node["anyOf"] = options
    if "default" in node:
        node["default"] = given_default(node["default"])
        if node["default"] is None:
            del node["default"]
    return node


def given_default(default: Any) -> Any:
    """A default as a file would give it: of a threshold the rules that it has."""
    if isinstance(default, dict):
        return {key: value for key, value in default.items() if value is not None and (key, value) != _SEVERITY}
    return default


# What editors show from beside a `$ref`, and checks may pass over.
_ANNOTATIONS = {"$ref", "description", "default"}

_SEVERITY = ("severity", "blocking")


def _described(node: dict[str, Any]) -> dict[str, Any]:
    node = {key: value for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    unit, missing, each = (node.pop(key, "") for key in ("unit", "missing", "each"))
    node.pop("against", None)
    if "description" in node:
        told = [" ".join(node["description"].split())]
        told += [f"By {each}."] if each else []
        told += [f"Unit: {unit}."] if unit else []
        told += [f"Default: {json.dumps(node['default'])}."] if node.get("default") not in (None, "", [], {}) else []
        told += [f"Missing data: {missing}."] if missing else []
        node["description"] = " ".join(told)
    if each in ("rows", "threads"):  # in JSON every key is text
        node["patternProperties"] = {"^[1-9][0-9]{0,8}$": node.pop("additionalProperties")}
        node["additionalProperties"] = False
    return node
