"""Secrets by reference: wherever a parameter holds `{env:NAME}`, the environment variable NAME is meant.

What a step is given is kept in plain: in ML Metadata, in the run's record, in a package for Kubeflow. So a secret is
never given, only the name of the variable that holds it; its value is put in when the step's executor is called, and is
known from then on, so that logs and errors can leave it out.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from weighbridge.common import text
from weighbridge.common.errors import UsageError

EXAMPLE = "{env:NAME}"
_REFERENCE = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_SHORT = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
# As the last words of a name. Not `pad_token`: those of a vocabulary are no secrets.
_NAMES = re.compile(
    r"(?:^|[_.-])(?:passw(?:or)?d|passphrase|secret(?:[_-]?key)?|(?:api|private|secret[_-]access)[_-]?key"
    r"|(?:auth|access|api|bearer|refresh|session|github|gitlab|hf)[_-]token)$|^token$",
    re.IGNORECASE,
)
_SHORTEST = 4  # characters

_resolved: dict[str, str] = {}


def reference(given: str) -> str:
    """`env:NAME` as a reference, which `{env:NAME}` already is; empty for what is none."""
    if _SHORT.fullmatch(given):
        return f"{{{given}}}"
    return given if _REFERENCE.fullmatch(given) else ""


def is_secret_name(name: str) -> bool:
    """Whether a parameter of this name holds a secret, as `password` or `api_key` do."""
    return bool(_NAMES.search(name))


def exposed(name: str, value: Any) -> str:
    """Where a value holds a secret in plain, as a name like `custom_config.password`; empty where it holds none.

    Secrets are texts by the name of a secret, and addresses with a password or token in them.
    """
    if isinstance(value, Mapping):
        return next(filter(None, (exposed(f"{name}.{key}", each) for key, each in value.items())), "")
    if isinstance(value, list | tuple):
        return next(filter(None, (exposed(name, each) for each in value)), "")
    if not isinstance(value, str) or not value:
        return ""
    inside = _parsed(value)
    if inside is not None:
        return exposed(name, inside)
    without = re.sub(f":?{_REFERENCE.pattern}", "", value)
    return name if text.mask_addresses(without) != without or (is_secret_name(name) and without) else ""


def names(value: Any) -> set[str]:
    """The environment variables that are referred to in a value, whatever it is made of."""
    if isinstance(value, Mapping):
        return names(list(value.values()))
    if isinstance(value, list | tuple):
        return {name for each in value for name in names(each)}
    return set(_REFERENCE.findall(value)) if isinstance(value, str) else set()


def check_set(referred: Iterable[str], of: str) -> None:
    """Make sure that variables are there before anything is begun.

    Raises:
        UsageError: one is not, or is empty.
    """
    for name in sorted(referred):
        if not os.environ.get(name):
            raise UsageError(
                f"{of} refers to the environment variable {name}, which is not set",
                f"export {name}=…; on Kubeflow give the component resources=Resources(secrets={{{name!r}: "
                "'SECRET/KEY'}).",
            )


def resolved(value: Any) -> Any:
    """A value with each reference replaced by what its variable holds; which is left out of logs from now on.

    Raises:
        UsageError: a variable is not set.
    """
    found = names(value)
    if not found:
        return value
    check_set(found, "A parameter")
    for name in found:
        _resolved[name] = os.environ[name]
        text.hide(os.environ[name])
    return _replaced(value, "{env:", lambda each: _REFERENCE.sub(lambda match: os.environ[match[1]], each))


def concealed(value: Any) -> Any:
    """A value with references in place of what `resolved` put there: for what is kept, or compared later.

    What has few characters is left: it may as well be part of another word.
    """
    for name, secret in _resolved.items():
        if len(secret) >= _SHORTEST:
            value = _replaced(value, secret, partial(_put, secret, f"{{env:{name}}}"))
    return value


def _put(old: str, new: str, text: str) -> str:
    return text.replace(old, new)


def _replaced(value: Any, sign: str, replace: Callable[[str], str]) -> Any:
    """A value with all texts replaced that hold a sign; those in a JSON text so that it stays one."""
    if isinstance(value, Mapping):
        return {key: _replaced(each, sign, replace) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(each, sign, replace) for each in value]
    if not isinstance(value, str):
        return value
    inside = _parsed(value)
    if inside is not None:
        return value if (found := _replaced(inside, sign, replace)) == inside else json.dumps(found)
    return replace(value) if sign in value else value


def _parsed(value: str) -> Any:
    """What a JSON text of an object or a list holds; None for other texts."""
    if value.lstrip()[:1] not in ("{", "["):
        return None
    try:
        found = json.loads(value)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None
