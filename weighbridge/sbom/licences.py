"""Licences of distributions as SPDX expressions, where they can be told from what the distribution itself says.

In this order: `License-Expression` (PEP 639, SPDX by definition), `License` where it is or means one, the classifiers
where they name one licence, the licence files by the words that only one licence has. What is left keeps its own words;
nothing is guessed. Reviewed licences (`requirements/licences.yaml`) speak for versions that tell nothing.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from weighbridge.common.pinned import FOLDER, normalized
from weighbridge.common.yaml_file import read_yaml

REVIEWED_FILE = "licences.yaml"
NOT_TOLD = "not told"

Source = Literal["License-Expression", "License", "classifiers", "licence file", "reviewed", ""]


@dataclass(frozen=True)
class Licence:
    """A licence, as far as it can be told.

    Attributes:
        expression: SPDX licence expression; empty where none can be told.
        names: what the distribution says in words of its own where there is no expression.
        source: what it was told by; empty where nothing tells it.
    """

    expression: str = ""
    names: tuple[str, ...] = ()
    source: Source = ""

    @property
    def told(self) -> str:
        """The expression, else the distribution's own words, else `not told`."""
        return self.expression or "; ".join(self.names) or NOT_TOLD


# Words that `License` has for what SPDX calls otherwise, in small letters. "BSD" alone is none: there are several.
_MEANT = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "mit license": "MIT",
    "the mit license": "MIT",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "isc license": "ISC",
    "psfl": "PSF-2.0",
    "bsd 3-clause license or apache license, version 2.0": "BSD-3-Clause OR Apache-2.0",
}

# Classifiers that mean one SPDX licence. "BSD License" is none of them; of a plain "Apache Software License" the
# only version that PyPI's list has ever meant is 2.0, and its texts agree.
_CLASSIFIED = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
    "Zero-Clause BSD (0BSD)": "0BSD",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
}

_CLASSIFIER = "License :: "
_PARENTS = {"OSI Approved", "DFSG approved"}  # say that there is a licence, not which


def licence_of(key: str, head: Message, distribution: metadata.Distribution) -> Licence:
    """The licence of a distribution.

    Args:
        key: its normalized name.
        head: the fields of its METADATA.
        distribution: to read its licence files with.
    """
    fields = _by_fields(head)
    if fields.expression:
        return fields
    read = {expression for text in _licence_texts(distribution, head) if (expression := spdx_of_text(text))}
    if len(read) == 1 and _agree(read, fields):
        return Licence(read.pop(), source="licence file")
    return reviewed().get((key, head.get("Version", "")), fields)


def _by_fields(head: Message) -> Licence:
    expression = head.get("License-Expression", "")
    if expression and (known := spdx(expression)):
        return Licence(known, source="License-Expression")
    field = head.get("License", "").strip()
    if field and (known := spdx(field) or spdx_of_text(field)):
        return Licence(known, source="License")
    named = [each for each in _classified(head) if each not in _PARENTS]
    if len(named) == 1 and named[0] in _CLASSIFIED:
        return Licence(_CLASSIFIED[named[0]], source="classifiers")
    words = tuple(named) or tuple(word for word in (_first_line(expression or field),) if _says(word))
    return Licence(names=words, source=("classifiers" if named else "License") if words else "")


def _agree(read: Iterable[str], fields: Licence) -> bool:
    """Whether a file says what the fields do: BSD-3-Clause fits `BSD License`; of two names it leaves one out."""
    word = next(iter(read)).partition("-")[0].upper()
    return not fields.names or (len(fields.names) == 1 and word in fields.names[0].upper())


def _classified(head: Message) -> list[str]:
    found = [text for text in head.get_all("Classifier") or [] if text.startswith(_CLASSIFIER)]
    return sorted({text.removeprefix(_CLASSIFIER).rpartition(" :: ")[2].strip() for text in found})


def spdx(text: str) -> str:
    """The SPDX expression that a text is, or is known to mean; empty for none."""
    from cyclonedx.spdx import fixup_id, is_expression

    words = " ".join(text.split())
    if len(words) > 200:
        return ""
    if found := fixup_id(words) or _MEANT.get(words.lower().removeprefix("license: ")):
        return found
    return words if re.search(r" (?:AND|OR|WITH) ", words) and is_expression(words) else ""


def spdx_of_text(text: str) -> str:
    """The SPDX identifier of a licence's text; empty where its words are not those of one licence that we know."""
    words = " ".join(re.sub(r"[^a-z0-9]+", " ", text.lower()).split())
    found = {name.strip() for name, wanted in _WORDS.items() if all(each in words for each in wanted)}
    if "BSD-3-Clause" in found:
        found.discard("BSD-2-Clause")
    return found.pop() if len(found) == 1 else ""


# Words that a licence's text has and no other's does (a BSD licence of three clauses has those of two, and more).
_WORDS = {
    "Apache-2.0": ("apache license version 2 0", "grant of patent license"),
    "Apache-2.0 ": (
        "licensed under the apache license version 2 0",
        "except in compliance with the license",
    ),  # its notice
    "MIT": (
        "permission is hereby granted free of charge to any person obtaining a copy",
        "the above copyright notice and this permission notice shall be included",
    ),
    "BSD-2-Clause": ("redistributions of source code must retain", "redistributions in binary form must reproduce"),
    "BSD-3-Clause": (
        "redistributions of source code must retain",
        "redistributions in binary form must reproduce",
        "may be used to endorse or promote products derived from",
    ),
    "ISC": ("permission to use copy modify and or distribute this software for any purpose with or without fee",),
    "MPL-2.0": ("mozilla public license version 2 0", "covered software"),
    "GPL-3.0": ("gnu general public license version 3 29 june 2007",),
    "GPL-2.0": ("gnu general public license version 2 june 1991",),
    "AGPL-3.0": ("gnu affero general public license version 3",),
    "LGPL-2.1": ("gnu lesser general public license version 2 1",),
    "LGPL-3.0": ("gnu lesser general public license version 3",),
}

_TEXT_NAMES = re.compile(r"(?:^|/)(?:LICEN[CS]E|COPYING)[^/]*$", re.IGNORECASE)


def _licence_texts(distribution: metadata.Distribution, head: Message) -> list[str]:
    """The licence files that lie in the distribution's own `.dist-info`."""
    folder = getattr(distribution, "_path", None)
    if folder is None:
        return []
    named = [name for name in head.get_all("License-File") or [] if _TEXT_NAMES.search(name) and "_vendor" not in name]
    texts = []
    for name in named or ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENSE.rst", "LICENCE", "COPYING"]:
        for path in (Path(folder, "licenses", name), Path(folder, name)):
            try:
                texts.append(path.read_text(encoding="utf-8", errors="replace"))
            except OSError:
                continue
            break
    return texts


@functools.cache
def reviewed() -> dict[tuple[str, str], Licence]:
    """Licences that a person looked up, by normalized name and version: `requirements/licences.yaml`."""
    path = FOLDER / REVIEWED_FILE
    if not path.exists():
        return {}
    document: Any = read_yaml(path).content or {}
    return {
        (normalized(name), str(entry["version"])): Licence(entry["licence"], source="reviewed")
        for name, entry in document.items()
    }


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:100] if lines else ""


def _says(word: str) -> bool:
    return bool(word) and word.upper() not in ("UNKNOWN", "NONE")
