"""One thing that is wrong with a pipeline, or that may be: where, what, and the mend."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from weighbridge.common.errors import WeighbridgeError

Level = Literal["error", "warning"]


class Finding(BaseModel):
    """What a check found.

    Attributes:
        check: name of the check: definition, gates, schema, slices, label, data, functions, components, delivery, …
        level: an `error` would end or refuse a run; a `warning` lets it run, and may not be meant.
        message: what is wrong, naming the bad value.
        hint: the mend; may be empty.
        file: where it stands; None where that is not known.
        line: of the file, from 1; None where that is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: str
    level: Level = "error"
    message: str
    hint: str = ""
    file: Path | None = None
    line: int | None = None

    @property
    def place(self) -> str:
        """`churn/gates.yaml:12`, as editors and terminals make a link of it; empty where it is not known."""
        if self.file is None:
            return ""
        here = Path.cwd()
        file = self.file.relative_to(here) if self.file.is_relative_to(here) else self.file
        return f"{file}:{self.line}" if self.line else str(file)

    @classmethod
    def of(cls, check: str, error: WeighbridgeError, file: Path | None = None, line: int | None = None) -> "Finding":
        """An error that a run would end in."""
        return cls(check=check, message=error.message, hint=error.hint, file=file, line=line)


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'auc'?`; empty where nothing is near."""
    names = list(known)
    by_lower = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f" Did you mean {by_lower[close[0]]!r}?" if close else ""


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names for a hint: `a, b, c and 5 more`; `none` for none."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more if every else "none"
