"""What a licence asks of whoever ships what stands under it."""

import functools
from typing import Any, Literal

from weighbridge.sbom.licences import Licence

Kind = Literal["permissive", "weak copyleft", "copyleft", "not to be shipped", "not known", "not told"]

ORDER: dict[Kind, int] = {
    "permissive": 0,
    "weak copyleft": 1,
    "copyleft": 2,
    "not known": 3,
    "not to be shipped": 4,
    "not told": 5,
}
"""From what asks least to what cannot be judged."""

_PERMISSIVE = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-3-Clause-Attribution",
    "BSL-1.0",
    "CC0-1.0",
    "CNRI-Python",
    "HPND",
    "ISC",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "PSF-2.0",
    "Python-2.0",
    "Unlicense",
    "Zlib",
}
_WEAK = ("MPL-", "LGPL-", "EPL-", "CDDL-")
_STRONG = ("GPL-", "EUPL-", "OSL-")
# A network service of them, or any use that is paid for, is what these forbid or put conditions on.
_NOT_SHIPPED = ("AGPL-", "SSPL-", "BUSL-", "Elastic-", "PolyForm-", "CC-BY-NC", "CC-BY-ND", "Commons-Clause")
_NOT_SHIPPED_WORDS = ("proprietary", "commercial", "affero", "server side public", "business source", "non-commercial")


def kind_of(licence: Licence) -> Kind:
    """What a licence asks; of alternatives (`OR`) the one that asks least counts, of parts the one that asks most."""
    if licence.expression:
        return _of_expression(licence.expression)
    words = " ".join(licence.names).lower()
    if not words:
        return "not told"
    return "not to be shipped" if any(word in words for word in _NOT_SHIPPED_WORDS) else "not known"


@functools.cache
def _of_expression(expression: str) -> Kind:
    try:
        return _kind(_licensing().parse(expression))
    except Exception:  # it raises its own errors and those of boolean.py, which share no base
        return "not known"


@functools.cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


def _kind(node: object) -> Kind:
    operator = getattr(node, "operator", "").strip()
    if operator in ("OR", "AND"):
        kinds = [_kind(part) for part in node.args]  # type: ignore[attr-defined]
        return (min if operator == "OR" else max)(kinds, key=ORDER.__getitem__)
    if hasattr(node, "exception_symbol"):  # an exception takes back what the licence asks of others' programs
        kind = _kind(node.license_symbol)  # type: ignore[attr-defined]
        return "weak copyleft" if kind == "copyleft" else kind
    return _of_one(str(getattr(node, "key", node)))


def _of_one(name: str) -> Kind:
    if name in _PERMISSIVE:
        return "permissive"
    for kind, beginnings in (("weak copyleft", _WEAK), ("copyleft", _STRONG), ("not to be shipped", _NOT_SHIPPED)):
        if name.startswith(beginnings):
            return kind  # type: ignore[return-value]
    return "not known"
