"""Text as terminals and parsers can stand it, without the secrets that addresses may carry."""

import re
from typing import Any

# What XML 1.0 forbids, the C1 controls that HTML forbids and terminals obey, and what turns the direction of writing:
# a name that holds U+202E reads as another.
_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u061b\u061d-\u200d\u2010-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_USER_INFO = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{0,20}://)[^\s/@:'\"]*:[^\s/'\"]*@")
_PARAMETER = re.compile(
    r"([?&;](?:[\w.-]{0,40}(?:token|secret|passw(?:or)?d|signature|credential|api[_-]?key|access[_-]?key)[\w.-]{0,40}|sig|key|pwd)=)"
    r"[^\s&;#'\"]+",
    re.IGNORECASE,
)
_MASKED = "***"
_SHORTEST = 3  # characters of a secret that can be told from other text
_UNMISTAKABLE = 8  # characters from which it can be so inside of words and paths, too

_hidden: dict[str, re.Pattern[str]] = {}


def clean(text: object) -> str:
    """`text` with every character that XML, HTML or a terminal must not see replaced by U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", str(text))


def escaped_json(text: str) -> str:
    """JSON that means the same and holds no character that `clean` would replace."""
    return _FORBIDDEN.sub(_unicode_escape, text)


def hide(secret: str) -> None:
    """Leave this text, and each of its lines, out of all that is shown and kept from now on.

    A short one is left where it is part of a word or a path: `work` is no secret in `/tmp/work/run.json`.
    """
    for part in (secret, *secret.splitlines()):
        if len(part) >= _SHORTEST:
            apart = r"{}" if len(part) >= _UNMISTAKABLE else r"(?<![\w./-]){}(?![\w/-]|\.\w)"
            _hidden[part] = re.compile(apart.replace("{}", re.escape(part)))


def mask(text: str) -> str:
    """`text` without the secrets of addresses in it, and without those that are known, see `hide`."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = _hidden[secret].sub(_MASKED, text)
    return mask_addresses(text)


def mask_addresses(text: str) -> str:
    """`text` without the secrets of addresses in it: `user:password@`, `?token=…`, the signature of a signed one."""
    if "=" not in text and "@" not in text:
        return text
    return _PARAMETER.sub(rf"\g<1>{_MASKED}", _USER_INFO.sub(rf"\g<1>{_MASKED}@", text))


def masked(value: Any) -> Any:
    """JSON values with `mask` applied to every text in them."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {name: masked(each) for name, each in value.items()}
    return [masked(each) for each in value] if isinstance(value, list | tuple) else value


def _unicode_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
