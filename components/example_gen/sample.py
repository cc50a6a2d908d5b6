"""Which rows a sample keeps: by hash, so always the same ones, whatever the order of rows. No tfx."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.rows import row_hashes

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

# Splits are cut by key 0: a sample must cut through all of them alike.
_KEY = 1


class Sample(BaseModel):
    """A part of the rows, for a quick rehearsal.

    Attributes:
        share: of the rows that is kept, more than 0 and at most 1. A larger share keeps what a smaller one does.
        columns: keep all rows that are equal in these or none of them, e.g. those of a customer. Rows that have none
            of these are no such group, and stand for themselves; so does every row if no columns are named.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = 1.0
    columns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not 0 < self.share <= 1:
            raise ValueError(f"sample={self.share} is not a share of the rows: more than 0 and at most 1")
        return self

    def check(self, columns: Collection[str]) -> None:
        """The columns that make groups must be among `columns`, if rows are left out.

        Raises:
            UsageError: one is not.
        """
        for name in self.columns if self.share < 1 else ():
            if name not in columns:
                raise UsageError(
                    f"Sample column {name!r} is not in the data", f"Columns: {', '.join(sorted(columns))}."
                )

    def keeps(self, batch: "pa.RecordBatch") -> "np.ndarray[Any, Any]":
        """Which rows are kept.

        Args:
            batch: canonical columns.

        Returns:
            Boolean array of shape [rows].
        """
        import numpy as np
        import pyarrow as pa

        hashes = row_hashes(batch, self.columns, key=_KEY)
        alone = hashes == 0  # the hash of no values at all
        if alone.any():
            hashes[alone] = row_hashes(batch.filter(pa.array(alone)), key=_KEY)
        return (hashes >> np.uint64(11)) * 2.0**-53 < self.share
