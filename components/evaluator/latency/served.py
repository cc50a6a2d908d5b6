"""A SavedModel as what latency times: it is called with real rows, loaded anew, and its files are counted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from weighbridge.components.evaluator.latency.timing import Caller
from weighbridge.components.evaluator.quality.metrics_api import Index
from weighbridge.components.evaluator.signature import ModelRequest, Signature
from weighbridge.components.evaluator.signature import load as load_signature


@dataclass(frozen=True)
class ServedModel:
    """A SavedModel as a contender.

    Attributes:
        folder: of the SavedModel.
        signature: loaded from it.
        rows: of the eval split, in TFX's Arrow form.
        label: column that is not sent; empty for none.
        largest: most rows in a call.
    """

    folder: Path
    signature: Signature
    rows: pa.RecordBatch
    label: str
    largest: int

    def caller(self, batch_rows: int) -> Caller:
        """Calls the signature with real rows; requests are made before the clock runs."""
        requests = self._requests(self.signature, batch_rows)
        return lambda turn: self.signature.call(requests[turn % len(requests)])

    def load(self) -> Callable[[], object]:
        """Load the model anew."""
        loaded = load_signature(self.folder, self.signature.name, self.signature.constants)
        return lambda: loaded.call(self._requests(loaded, self.largest, 1)[0])

    def size(self) -> int:
        """Bytes of the model's files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def _requests(self, loaded: Signature, batch_rows: int, most: int = 128) -> list[ModelRequest]:
        """Requests from all over the rows: neighbours may be alike, and what a row costs may depend on its values."""
        total = self.rows.num_rows
        count = max(1, min(most, total // batch_rows))
        index = [np.arange(batch_rows) + turn * total // count for turn in range(count)]
        return [loaded.request(_take(self.rows, part % total), self.label) for part in index]


def _take(rows: pa.RecordBatch, index: Index) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([column.take(pa.array(index)) for column in rows.columns], schema=rows.schema)
