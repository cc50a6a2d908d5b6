"""How a notebook shows a value of this room: as the report draws it.

The report stands above what it draws and is built on it, so it is named here and loaded when a notebook first asks.
"""

from importlib import import_module
from typing import Any

_DRAWN_BY = "weighbridge.report.notebook"


class Shown:
    """What IPython asks of a value that is the last of a cell."""

    def _repr_html_(self) -> str:
        drawn: Any = import_module(_DRAWN_BY)
        return str(drawn.html_of(self))
