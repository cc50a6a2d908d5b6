"""Base of the sections of a thresholds file, and what its reference says of their keys."""

from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


def told(*, unit: str = "", missing: str = "", against: str = "", each: str = "") -> dict[str, Any]:
    """What the reference of `gates.yaml` says of a key besides its description, as `json_schema_extra` of its field.

    Args:
        unit: of the value; empty for a word, a name, or what has none.
        missing: what happens where the data do not have what the key is about.
        against: what the value is compared with.
        each: what the names below the key are, where any may stand there: `metric`, `split`.
    """
    given = {"unit": unit, "missing": missing, "against": against, "each": each}
    return {name: text for name, text in given.items() if text}


class Section(BaseModel):
    """Base of all sections of a thresholds file: unknown keys are refused, so a typo cannot open a gate.

    Nor is `true` a number, which Python takes for 1, nor a text that looks like one, and no number is infinite.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: Any, info: ValidationInfo) -> Any:
        annotation = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and not _takes_bool(annotation):
            raise ValueError(f"{str(value).lower()} is no value that can stand here")
        # Pydantic would read a number out of it.
        if isinstance(value, str) and _takes_only_numbers(annotation):
            raise ValueError(f"{value!r} is text and no finite number: write a number, without quotes")
        return value


def _takes_bool(annotation: Any) -> bool:
    """Whether a field's type allows true and false as they are."""
    return annotation in (bool, Any) or any(_takes_bool(part) for part in get_args(annotation))


def _takes_only_numbers(annotation: Any) -> bool:
    """Whether a field's type is a number, or a number or nothing."""
    if get_origin(annotation) is Annotated:
        return _takes_only_numbers(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return all(_takes_only_numbers(part) for part in get_args(annotation) if part is not NoneType)
    return annotation in (int, float)
