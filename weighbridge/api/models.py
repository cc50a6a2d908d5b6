"""The model of a run: its bytes are held against the verdict before anything of it is loaded."""

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.flavours import LoadedModel, StoredModel
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    import pandas as pd

Rows = Any
"""A pandas DataFrame, an Arrow table or batch, a mapping of columns, or a list of mappings."""


class Model:
    """A trained model on this machine, as production would call it.

    ```python
    run.model(rows)          # a DataFrame of the outputs, a row per row
    tf.saved_model.load(run.model)
    ```

    Args:
        stored: its files, signature and constants.
        digest: of the files that were weighed; empty where none were.
        columns: what the examples hold, `int64`, `float` or `bytes` by name: rows are sent in these types.
        label: column that is not sent.
    """

    def __init__(self, stored: StoredModel, digest: str, columns: Mapping[str, str], label: str) -> None:
        self._stored = stored
        self._columns = dict(columns)
        self._label = label
        self.digest = digest

    @property
    def path(self) -> Path:
        """The folder of the model, in TensorFlow Serving's layout: its bytes are those that were weighed.

        Raises:
            UsageError: they are not, any more.
        """
        self._verify()
        return self._stored.folder

    @property
    def signature(self) -> str:
        """Name of the signature that is called."""
        return self._stored.signature

    def load(self) -> LoadedModel:
        """The model in memory, loaded once; `request(batch)` and `call(request)` are what the Evaluator times.

        Raises:
            UsageError: its bytes are not those that were weighed, or it cannot be loaded.
        """
        return self._loaded

    @cached_property
    def _loaded(self) -> LoadedModel:
        self._verify()
        try:
            return self._stored.load()
        except Unmeasurable as error:
            raise UsageError(error.message, f"The model is at {self._stored.folder}.") from error

    def __call__(self, rows: Rows) -> "pd.DataFrame":
        """What the model answers to rows of raw features, a row for each.

        Args:
            rows: a DataFrame, an Arrow table, a mapping of columns, or a list of mappings. Columns that the model does
                not take do no harm.

        Raises:
            UsageError: a column is missing or of the wrong type, or the model cannot be loaded or called.
        """
        import pandas as pd

        from weighbridge.api.rows import as_batch

        loaded = self.load()
        given = rows.index if isinstance(rows, pd.DataFrame) else None
        batch = as_batch(rows, self._columns)
        try:
            outputs = loaded.call(loaded.request(batch, self._label or None))
        except Unmeasurable as error:
            raise UsageError(error.message, f"Features of the examples: {', '.join(self._columns)}.") from error
        columns = {
            name: value.reshape(len(value)) if value.ndim > 1 and value[:1].size == 1 else _cells(value)
            for name, value in outputs.items()
        }
        return pd.DataFrame(columns, index=given)

    def _verify(self) -> None:
        if self.digest and self._stored.digest() != self.digest:
            raise UsageError(
                f"The model at {self._stored.folder} is not the one that was weighed: its digest is not {self.digest}",
                "Its files were changed since. Run the pipeline again.",
            )

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        return f"Model({str(self._stored.folder)!r}, signature={self.signature!r}, digest={self.digest!r})"


def _cells(value: Any) -> Iterable[Any]:
    return value if value.ndim == 1 else list(value)
