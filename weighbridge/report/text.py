"""Text as people and parsers can stand it: control characters made visible, digests shortened, numbers readable."""

import math
import re

from weighbridge.common.text import clean
from weighbridge.verdict.gate import Value, format_value

__all__ = [
    "bytes_text",
    "clean",
    "count",
    "cut",
    "digits_of",
    "number_text",
    "one_line",
    "seconds_text",
    "short_digest",
    "signed_text",
    "value_text",
]

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


def one_line(text: object) -> str:
    """`clean(text)` with all white space, line breaks included, as single blanks."""
    return " ".join(clean(text).split())


def short_digest(text: str) -> str:
    """A SHA-256 digest cut to twelve hex digits, as people compare them; any other text as it is."""
    found = _DIGEST.fullmatch(text)
    return found[1][:12] if found else text


def cut(text: str, length: int) -> str:
    """`text` in at most `length` characters; what is cut out of its middle becomes an ellipsis."""
    if len(text) <= length:
        return text
    head = length // 2
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def count(number: int, noun: str) -> str:
    """`1 gate`, `2 gates`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def seconds_text(seconds: float) -> str:
    """A duration: `0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def bytes_text(size: float | None) -> str:
    """A size in binary units: `812 B`, `1.4 MiB`."""
    if size is None:
        return "–"
    for unit in ("B", "KiB", "MiB"):
        if abs(size) < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"


def value_text(value: Value, unit: str = "") -> str:
    """A gate's value as reports show it: yes and no, sizes in binary units, digests shortened."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return short_digest(value)
    return bytes_text(value) if unit == "bytes" else format_value(value, unit)


def number_text(value: float | None, unit: str = "") -> str:
    """A number as reports show it; `–` for none."""
    return format_value(value, unit)


def signed_text(value: float | None) -> str:
    """A difference with its sign: `+0.004`, `-0.01`."""
    return f"{'+' if value is not None and value > 0 else ''}{format_value(value)}"


def digits_of(low: float, high: float) -> int:
    """Decimals that an interval's width bears out, which is more than 0: 3 from 0.911 to 0.926, none from 31 to 55."""
    return min(max(1 - math.floor(math.log10(high - low)), 0), 9)
