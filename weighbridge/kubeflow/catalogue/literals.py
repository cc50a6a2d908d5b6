"""Values as Python source, laid out as `ruff format` lays them out."""

import json

LINE = 120


def literal(value: object, indent: int = 0, *, before: int = 0) -> str:
    """A value of texts, numbers, lists and mappings as source.

    Args:
        value: the value.
        indent: columns that the line it begins on is indented by.
        before: columns that are taken before it on that line, indentation included.
    """
    short = _short(value)
    if before + len(short) + len(",") <= LINE or not value or not isinstance(value, dict | list | tuple):
        return short
    deeper = indent + 4
    pad = " " * deeper
    if isinstance(value, dict):
        keys = {key: f"{pad}{_short(key)}: " for key in value}
        lines = [f"{keys[key]}{literal(item, deeper, before=len(keys[key]))}," for key, item in value.items()]
        opening, closing = "{}"
    else:
        lines = [f"{pad}{literal(item, deeper, before=deeper)}," for item in value]
        opening, closing = "[]"
    return "\n".join([opening, *lines, " " * indent + closing])


def _short(value: object) -> str:
    if isinstance(value, str):
        return repr(value) if '"' in value else json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_short(key)}: {_short(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_short, value)) + "]"
    return repr(value)
