"""Names: of the package that is written, and of columns as a serving signature can have them."""

import importlib.util
import keyword
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.definition import available

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST = 60


def check_package(name: str, folder: Path) -> Path:
    """The folder that a package of this name is written to.

    Args:
        name: of the package.
        folder: that it is to lie in.

    Raises:
        UsageError: Python could not import it by this name, or would find another; or something is there already.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or len(name) > _LONGEST or keyword.iskeyword(name):
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
        plain = f"my_{plain}" if not plain or plain[0].isdigit() or keyword.iskeyword(plain) else plain
        raise UsageError(
            f"{name!r} cannot be the name of a package",
            f"Python imports it: at most {_LONGEST} letters, digits and _, no digit first, e.g. {plain[:_LONGEST]}.",
        )
    target = folder / name
    if target.exists() or target.is_symlink():
        raise UsageError(
            f"{target} is there already, and nothing is overwritten", "Give another name, or move it away."
        )
    if name in available():
        raise UsageError(f"{name!r} is a pipeline that comes with Weighbridge", f"Give another name, e.g. my_{name}.")
    if _imports(name):
        raise UsageError(
            f"Python has a module {name!r} already, and would import that", f"Give another name, e.g. my_{name}."
        )
    return target


def _imports(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return True


def renamed(names: Iterable[str]) -> dict[str, str]:
    """New names of the columns whose own could not be an input of a model; what can stays as it is.

    An input's name is made of letters, digits and `_`; TensorFlow Serving's clients write it in JSON and in URLs.

    Args:
        names: of all columns.

    Returns:
        The new name by the name in the data; no two names are alike, whatever their case.
    """
    names = list(names)
    taken = {name.lower() for name in names if _PLAIN.fullmatch(name)}
    new: dict[str, str] = {}
    for place, name in enumerate(names, start=1):
        if _PLAIN.fullmatch(name):
            continue
        plain = _plain(name) or f"column_{place}"
        candidate, number = plain, 2
        while candidate in taken:
            candidate, number = f"{plain}_{number}", number + 1
        taken.add(candidate)
        new[name] = candidate
    return new


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    return f"column_{plain}" if plain[:1].isdigit() else plain
