"""A model as what latency times: it is called with real rows, loaded anew, and its files are counted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from weighbridge.components.evaluator.aliases import Index
from weighbridge.components.evaluator.flavours import LoadedModel, StoredModel
from weighbridge.components.evaluator.latency.timing import Caller

_REQUESTED_ROWS = 32_768  # of all requests of a size together: what they hold in memory


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

    def caller(self, batch_rows: int, requests: int) -> Caller:
        """Calls the model with real rows; requests are made before the clock runs."""
        made = self._requests(self.loaded, batch_rows, requests)
        return lambda turn: self.loaded.call(made[turn % requests])

    def requests(self, batch_rows: int) -> int:
        """How many different requests there can be."""
        return self.rows.num_rows if batch_rows == 1 else max(1, _REQUESTED_ROWS // batch_rows)

    def load(self) -> Callable[[], object]:
        """Load the model anew."""
        loaded = self.stored.load()
        return lambda: loaded.call(self._requests(loaded, self.largest, 1)[0])

    def size(self) -> int:
        """Bytes of the model's files."""
        return self.stored.size()

    def _requests(self, loaded: LoadedModel, batch_rows: int, count: int) -> list[Any]:
        """Requests from all over the rows: neighbours may be alike, and what a row costs may depend on its values."""
        index = _spread(self.rows.num_rows, batch_rows * count).reshape(count, batch_rows)
        return [loaded.request(_take(self.rows, part), self.label) for part in index]


def _spread(rows: int, count: int) -> Index:
    """Numbers of rows [count] in random order, each row as often as the others; the same at every call."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.permutation(rows) for _ in range(-(-count // rows))])[:count]


def _take(rows: pa.RecordBatch, index: Index) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([column.take(pa.array(index)) for column in rows.columns], schema=rows.schema)
