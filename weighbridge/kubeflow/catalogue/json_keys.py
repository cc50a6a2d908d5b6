"""What may stand in a parameter that is JSON: tables from the pydantic models that read it."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class Key:
    """One key: what it holds, its default as JSON (`required` if there is none), and what it is."""

    name: str
    type: str
    default: str
    description: str


@dataclass(frozen=True)
class KeyTable:
    """The keys of one kind of JSON object."""

    title: str
    description: str
    keys: list[Key]


def key_tables(model: "type[BaseModel]") -> list[KeyTable]:
    """The model's own table, and those of the models inside it, in the order in which they are met."""
    import docstring_parser

    schema = model.model_json_schema()
    models = {model.__name__: schema, **schema.get("$defs", {})}
    tables = []
    for name, defined in models.items():
        if not defined.get("properties"):
            continue  # any JSON value
        told = docstring_parser.parse(defined.get("description", ""))
        described = {each.arg_name: " ".join((each.description or "").split()) for each in told.params}
        required = defined.get("required", [])
        keys = [
            Key(
                name=key,
                type=_type(given),
                default="required" if key in required else json.dumps(given.get("default", {})),
                description=given.get("description") or described.get(key, ""),
            )
            for key, given in defined.get("properties", {}).items()
        ]
        tables.append(KeyTable(name, " ".join((told.short_description or "").split()), keys))
    return tables


def _type(schema: dict[str, Any]) -> str:
    """A type in words."""
    if "$ref" in schema:
        return {"JsonValue": "any JSON"}.get(name := str(schema["$ref"].rpartition("/")[2]), name)
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "object":
        values: Any = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), {})
        return f"{_type(values)} by name" if isinstance(values, dict) and values else "object"
    return str(schema.get("type", "any value"))
