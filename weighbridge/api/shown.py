"""A pandas frame that a notebook shows as reports draw what is in it."""

from collections.abc import Callable
from typing import Any

import pandas as pd


class ShownFrame(pd.DataFrame):
    """A frame with a drawing of its own; what is made from it, and itself once it is changed, pandas shows."""

    @classmethod
    def of(cls, found: pd.DataFrame, html: Callable[[], str]) -> "ShownFrame":
        """`found`, shown as `html` draws it."""
        shown = cls(found.copy())
        object.__setattr__(shown, "_drawn", (found, html))
        return shown

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def _repr_html_(self) -> str | None:
        original, html = getattr(self, "_drawn", (None, None))
        plain = pd.DataFrame(self)
        return str(html()) if html is not None and plain.equals(original) else plain._repr_html_()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return pd.DataFrame, (pd.DataFrame(self),)
