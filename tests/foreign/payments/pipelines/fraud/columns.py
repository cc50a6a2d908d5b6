"""From the columns of the file to those that the model reads."""

from typing import Any

from components.money import in_cents


def prepare(batch: Any) -> Any:
    import pyarrow as pa

    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns["amount"] = pa.array(in_cents(columns["amount"].to_pylist()), pa.float32())
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
