"""Rows of a request as lists of values by feature, checked: what is wrong is named by its feature and its row."""

import base64
import binascii
import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["int", "float", "bytes", "bool"]

_TAKES = {"int": "whole numbers", "float": "numbers", "bytes": "text", "bool": "true or false"}
_SHOWN = 10


class RequestError(Exception):
    """A request that no answer can be given to, by its sender's fault: HTTP status 400, or another of 4xx."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Feature:
    """What is known of a feature that a model takes.

    Attributes:
        name: of it.
        kind: of its values; None for whatever is given.
        width: values of a row; 1 for one, None for any number.
        least: lowest whole number that fits.
        most: highest whole number that fits.
    """

    name: str
    kind: Kind | None = None
    width: int | None = None
    least: int = -(2**63)
    most: int = 2**63 - 1


@dataclass
class Rows:
    """Rows by column.

    Attributes:
        count: number of rows.
        columns: the values of each feature, [count] lists of values; an empty list for a missing one.
    """

    count: int
    columns: dict[str, list[list[Any]]]


def from_instances(instances: Any, only: str = "") -> Rows:
    """Rows of `{"instances": […]}`: an object per row, or bare values where the model takes one feature only.

    Args:
        instances: what was sent.
        only: name of the single feature of the model; empty where it has several, or they are not known.

    Raises:
        RequestError: it is no list of rows.
    """
    if not isinstance(instances, list):
        raise RequestError('"instances" must be a list of rows, e.g. {"instances": [{"feature": 1.5}]}')
    if not instances:
        raise RequestError('"instances" is empty: send at least one row')
    columns: dict[str, list[list[Any]]] = {}
    for index, row in enumerate(instances):
        if not isinstance(row, dict) or (only and set(row) == {"b64"}):
            if not only:
                raise RequestError(
                    f"row {index} is {_shown(row)}: a row is an object with a value per feature, e.g. "
                    '{"feature": 1.5}'
                )
            row = {only: row}
        for name, value in row.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = [[] for _ in range(len(instances))]
            if type(value) is list:
                column[index] = value
            elif value is not None:
                column[index] = [value]
    return Rows(len(instances), columns)


def from_columns(given: Mapping[str, Sequence[Any]]) -> Rows:
    """Rows of columns: `{"inputs": {feature: [value per row]}}`.

    Raises:
        RequestError: they are none, or not equally long.
    """
    if not given:
        raise RequestError("no feature is given: send at least one")
    counts = {name: len(values) if isinstance(values, list) else -1 for name, values in given.items()}
    for name, count in counts.items():
        if count < 0:
            raise RequestError(f"feature {name!r} must be a list with a value per row")
    count = next(iter(counts.values()))
    odd = next((name for name, each in counts.items() if each != count), None)
    if odd is not None:
        raise RequestError(
            f"feature {odd!r} has {counts[odd]} rows, but {next(iter(counts))!r} has {count}: every feature needs the "
            "same number"
        )
    if count < 1:
        raise RequestError("no row is given: send at least one")
    columns = {
        name: [value if type(value) is list else [] if value is None else [value] for value in values]
        for name, values in given.items()
    }
    return Rows(count, columns)


@dataclass(frozen=True)
class Names:
    """What becomes of names in a request that are no features of the model.

    Attributes:
        label: column that is dropped: it does not exist when serving.
        drop_unknown: whether all others are dropped, too.
    """

    label: str = ""
    drop_unknown: bool = False


def check_names(rows: Rows, features: Mapping[str, Feature], names: Names) -> None:
    """Drop the column that is not sent, and refuse features that the model does not have: a typo would be missing.

    Raises:
        RequestError: names the feature.
    """
    rows.columns.pop(names.label, None)
    for name in list(rows.columns):
        if features and name not in features:
            if names.drop_unknown:
                del rows.columns[name]
                continue
            known = sorted(features)
            more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
            close = difflib.get_close_matches(name, known, 1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            raise RequestError(f"unknown feature {name!r}: the model takes {', '.join(known[:_SHOWN])}{more}.{meant}")


def checked(values: list[Any], feature: Feature, row: int) -> list[Any]:
    """The values of one row as the feature takes them: text as bytes.

    Raises:
        RequestError: names feature and row.
    """
    kind = feature.kind
    if feature.width == 1 and len(values) > 1:
        raise RequestError(f"row {row}: feature {feature.name!r} takes one value, got {len(values)}")
    if feature.width is not None and feature.width > 1 and len(values) != feature.width:
        raise RequestError(f"row {row}: feature {feature.name!r} takes {feature.width} values, got {len(values)}")
    return [_value(value, kind, feature, row) for value in values]


def _value(value: Any, kind: Kind | None, feature: Feature, row: int) -> Any:
    given = type(value)
    if given is float:
        if kind == "float" or kind is None:
            return value
        if kind == "int" and value.is_integer():
            return _whole(int(value), feature, row)
    elif given is int:
        if kind == "float":
            return float(value) if abs(value) < 10**300 else math.inf if value > 0 else -math.inf
        if kind == "int" or kind is None:
            return _whole(value, feature, row)
    elif given is str:
        if kind == "bytes" or kind is None:
            return value.encode()
    elif given is bytes:
        if kind == "bytes" or kind is None:
            return value
    elif given is bool:
        if kind == "bool":
            return value
        if kind is None:
            return int(value)
    elif given is dict and set(value) == {"b64"} and (kind == "bytes" or kind is None):
        return decoded(value["b64"], feature.name, row)
    elif value is None:
        raise RequestError(f"row {row}: feature {feature.name!r} has null among its values; leave the value out")
    takes = _TAKES.get(kind or "", "a number or text")
    raise RequestError(f"row {row}: feature {feature.name!r} takes {takes}, got {_shown(value)}")


def _whole(value: int, feature: Feature, row: int) -> int:
    if not feature.least <= value <= feature.most:
        raise RequestError(
            f"row {row}: feature {feature.name!r} takes whole numbers from {feature.least} to {feature.most}, "
            f"got {value}"
        )
    return value


def decoded(text: Any, name: str, row: int) -> bytes:
    """The bytes of `{"b64": text}`.

    Raises:
        RequestError: it is no base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise RequestError(f"row {row}: {name!r} is no base64: {error}") from error


def _shown(value: Any) -> str:
    names = {dict: "an object", list: "a list", type(None): "null"}
    if type(value) in names:
        return names[type(value)]
    text = repr(value)
    return f"{'the text ' if isinstance(value, str) else ''}{text if len(text) <= 60 else text[:57] + '...'}"
