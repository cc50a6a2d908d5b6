"""A model as what latency times: it is called with real rows, loaded anew, and its files are counted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from weighbridge.components.evaluator.aliases import Index
from weighbridge.components.evaluator.flavours import LoadedModel, StoredModel
from weighbridge.components.evaluator.latency.timing import Caller


@dataclass(frozen=True)
class ServedModel:
    """A model as a contender.

    Attributes:
        stored: its files.
        loaded: what was loaded from them.
        rows: of the eval split, in TFX's Arrow form.
        label: column that is not sent; empty for none.
        largest: most rows in a call.
    """

    stored: StoredModel
    loaded: LoadedModel
    rows: pa.RecordBatch
    label: str
    largest: int

    def caller(self, batch_rows: int) -> Caller:
        """Calls the model with real rows; requests are made before the clock runs."""
        requests = self._requests(self.loaded, batch_rows)
        return lambda turn: self.loaded.call(requests[turn % len(requests)])

    def load(self) -> Callable[[], object]:
        """Load the model anew."""
        loaded = self.stored.load()
        return lambda: loaded.call(self._requests(loaded, self.largest, 1)[0])

    def size(self) -> int:
        """Bytes of the model's files."""
        return self.stored.size()

    def _requests(self, loaded: LoadedModel, batch_rows: int, most: int = 128) -> list[Any]:
        """Requests from all over the rows: neighbours may be alike, and what a row costs may depend on its values."""
        total = self.rows.num_rows
        count = max(1, min(most, total // batch_rows))
        index = [np.arange(batch_rows) + turn * total // count for turn in range(count)]
        return [loaded.request(_take(self.rows, part % total), self.label) for part in index]


def _take(rows: pa.RecordBatch, index: Index) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([column.take(pa.array(index)) for column in rows.columns], schema=rows.schema)
