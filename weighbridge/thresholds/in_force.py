"""The thresholds of one `gates.yaml` key by key: the value in force, where it is from, what it is compared with."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from weighbridge.common.yaml_file import Location, read_yaml
from weighbridge.thresholds.gates_file import Gates, load_gates
from weighbridge.verdict import Bounds, Section
from weighbridge.verdict.bounds import RULES


@dataclass(frozen=True)
class KeyInForce:
    """A key and its value.

    Attributes:
        location: where it stands, part by part.
        value: in force, as JSON; None where nothing is asked for.
        line: of the file that gives it; None for a default.
        description: what it is.
        unit: of the value; empty for none.
        against: what it is compared with; empty where it decides nothing by itself.
        missing: what happens where the data do not have what it is about.
        severity: of the threshold that the rule belongs to; empty for what is no rule.
    """

    location: Location
    value: Any
    line: int | None
    description: str = ""
    unit: str = ""
    against: str = ""
    missing: str = ""
    severity: str = ""

    @property
    def path(self) -> str:
        """Where it stands, as text: `quality.metrics.auc.min`."""
        return ".".join(self.location)

    @property
    def is_rule(self) -> bool:
        """Whether it is a rule of a threshold."""
        return bool(self.severity)


@dataclass(frozen=True)
class ThresholdsInForce:
    """A file, its sections and its keys.

    Attributes:
        file: that was read.
        gates: its sections.
        keys: all keys, in the order of the models; those of steps of the pipeline's own as they stand there.
    """

    file: Path
    gates: Gates
    keys: tuple[KeyInForce, ...]


def thresholds_in_force(path: Path, steps: Mapping[str, Section] | None = None) -> ThresholdsInForce:
    """Read a thresholds file.

    Args:
        path: of the file.
        steps: sections of the pipeline's own steps by name, where they are known; of others only what is given.

    Raises:
        UsageError: see `load_gates`.
    """
    gates = load_gates(path)
    return ThresholdsInForce(path, gates, keys_of(gates, read_yaml(path).lines, steps))


def keys_of(
    gates: Gates, lines: Mapping[Location, int] | None = None, steps: Mapping[str, Section] | None = None
) -> tuple[KeyInForce, ...]:
    """All keys of thresholds, in the order of the models.

    Args:
        gates: the thresholds.
        lines: of the file that gives them, by where they stand.
        steps: see `thresholds_in_force`.
    """
    found: list[KeyInForce] = []
    for name, info in Gates.model_fields.items():
        value = {**gates.steps, **(steps or {})} if name == "steps" else getattr(gates, name)
        found += _keys(value, KeyInForce((name,), None, None), info, lines or {})
    return tuple(found)


def _keys(value: Any, above: KeyInForce, info: FieldInfo | None, lines: Mapping[Location, int]) -> Iterator[KeyInForce]:
    """A value's keys; `above` has the location, and what is told of it so far."""
    key = _told(above, info) if info is not None else above
    value = getattr(value, "root", value)  # of a list that is a model
    if isinstance(value, Bounds):
        yield from _rules(value, key, lines)
        for name in type(value).model_fields.keys() - Bounds.model_fields.keys():  # against something else
            if isinstance(each := getattr(value, name), Section):
                yield from _rules(each, _inside(key, name), lines)
    elif isinstance(value, Section):
        for name, each in type(value).model_fields.items():
            if not (name == "approved_in" and value.approved_in is None):  # type: ignore[attr-defined]
                yield from _keys(getattr(value, name), _inside(key, name), each, lines)
    elif value and (isinstance(value, Mapping) or _has_sections(value)):
        items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, Mapping) else enumerate(value)
        for part, each in items:
            yield from _keys(each, _inside(key, str(part)), None, lines)
    else:
        own = _of(info).get("against", "")
        plain = list(value) if isinstance(value, tuple) else value
        nothing = plain is None or plain in ({}, [], "")
        against = own if value is not None else ""
        yield replace(key, value=None if nothing else plain, line=lines.get(key.location), against=against)


def _rules(bounds: Any, key: KeyInForce, lines: Mapping[Location, int]) -> Iterator[KeyInForce]:
    for rule, threshold in bounds.rules().items():
        info = type(bounds).model_fields[rule]
        own = _of(info)
        against = " ".join(filter(None, (key.against or "the value measured", own.get("against", ""))))
        yield KeyInForce(
            location=(*key.location, rule),
            value=threshold,
            line=lines.get((*key.location, rule)),
            description=f"{key.description} {info.description}".strip(),
            unit="x" if own.get("unit") == "x" else key.unit,
            against=against,
            missing=own.get("missing", "") if rule not in ("min", "max") else key.missing,
            severity=bounds.severity,
        )


def _told(key: KeyInForce, info: FieldInfo) -> KeyInForce:
    """What a field says of a key; what it does not say stays as the one above it says."""
    own = _of(info)
    against = own.get("against", "")
    return replace(
        key,
        description=info.description or key.description,
        unit=own.get("unit", ""),
        against=f"{against}, against {key.against}" if against and key.against else against or key.against,
        missing="; ".join(filter(None, (own.get("missing"), key.missing if key.against else ""))),
    )


def _of(info: FieldInfo | None) -> dict[str, str]:
    """What a field is told by `weighbridge.verdict.told`."""
    extra = info.json_schema_extra if info is not None else None
    return {name: str(text) for name, text in extra.items()} if isinstance(extra, dict) else {}


def _inside(key: KeyInForce, name: str) -> KeyInForce:
    return replace(key, location=(*key.location, name))


def _has_sections(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(each, Section) for each in value)


def rule_sign(key: KeyInForce) -> int:
    """1 where the value is the least that is allowed, -1 where it is the most, 0 where it is neither."""
    rule = key.location[-1] if key.is_rule else ""
    return (1 if rule.startswith("min") else -1) if rule in RULES else 0
