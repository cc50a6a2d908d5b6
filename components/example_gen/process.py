"""What happens to one batch of rows, here and on Beam alike: prepare, settle types, split, digest. No tfx."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, field_validator

from weighbridge.common.errors import UsageError
from weighbridge.common.import_string import import_function
from weighbridge.common.user_code import errors_of
from weighbridge.components.example_gen.feature_types import FeatureTypes, canonical, settle
from weighbridge.components.example_gen.rows import RowsDigest, both_hashes
from weighbridge.components.example_gen.sample import Sample
from weighbridge.components.example_gen.splits import AFTER_END, NO_TIME, Splits

if TYPE_CHECKING:
    import pyarrow as pa

_LEFT_OUT = -3  # beside NO_TIME and AFTER_END

TIMELESS = "the time that decides on the split is missing"


class ReadRequest(BaseModel):
    """What is to be read, and how.

    Attributes:
        input: file, folder, glob or span pattern.
        span: `latest`, a span's number or a day.
        window: how many spans to take.
        splits: how rows are split.
        schema_text: a reviewed schema as protobuf text; the kinds of its features are fixed. Empty for none.
        prepare_fn: dotted name of `(pa.RecordBatch) -> pa.RecordBatch`, called on every batch; empty for none.
        columns: new names of columns, by their names in the data; all else knows the new ones only.
        sample: which part of the rows is kept; where it names no columns, the splits' `key_columns` are its groups.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: str
    span: str = "latest"
    window: int = 1
    splits: Splits = Splits()
    schema_text: str = ""
    prepare_fn: str = ""
    columns: dict[str, str] = {}
    sample: Sample = Sample()

    @field_validator("columns")
    @classmethod
    def _one_name_each(cls, columns: dict[str, str]) -> dict[str, str]:
        for new, times in Counter(columns.values()).items():
            if times > 1 or not new:
                olds = ", ".join(repr(old) for old, name in columns.items() if name == new)
                raise ValueError(f"columns gives {olds} {'one name' if new else 'no name'}: {new!r}")
        return columns

    def sampled(self) -> Sample:
        """The sample, with the columns that make its groups."""
        return self.sample if self.sample.columns else Sample(share=self.sample.share, columns=self.splits.key_columns)

    def check(self, columns: Collection[str]) -> None:
        """The columns that decide on splits and sample must be among `columns`, which are those of all rows.

        Raises:
            UsageError: one is not.
        """
        self.splits.check(columns)
        self.sampled().check(columns)

    def feature_types(self) -> FeatureTypes:
        """The kinds that the schema fixes."""
        if not self.schema_text:
            return FeatureTypes()
        from google.protobuf import text_format
        from tensorflow_metadata.proto.v0 import schema_pb2

        try:
            return FeatureTypes.of_schema(text_format.Parse(self.schema_text, schema_pb2.Schema()))
        except text_format.ParseError as error:
            raise UsageError(f"The schema cannot be read: {error}") from error


@dataclass(frozen=True)
class Part:
    """The rows of one batch that belong to one split, in canonical columns, and their digest."""

    split: str
    rows: "pa.RecordBatch"
    digest: RowsDigest


@dataclass(frozen=True)
class Processed:
    """What came of a batch.

    Attributes:
        parts: its rows by split.
        timeless: rows without the time to be split by.
        after_end: rows that no split takes, since their time is not before the end.
        left_out: rows that the sample leaves out.
    """

    parts: tuple[Part, ...]
    timeless: int = 0
    after_end: int = 0
    left_out: int = 0


class Processor:
    """Turns batches into parts.

    Args:
        request: see `ReadRequest`.
        feature_types: kinds of the output's columns as known so far; added to.
        check: whether every batch must have the columns that decide on split and sample.
    """

    def __init__(self, request: ReadRequest, feature_types: FeatureTypes, *, check: bool = True) -> None:
        self._request = request
        self._kinds = feature_types
        self._check = check
        self._sample = request.sampled()
        self._prepare = import_function(request.prepare_fn, "prepare_fn") if request.prepare_fn else None

    def __call__(self, batch: "pa.RecordBatch", where: str) -> Processed:
        """Process a batch; `where` is its file, for errors.

        Raises:
            UsageError: prepare_fn raised or gave no batch, or a column has no place in a tf.Example.
            TypeChanged: see `feature_types`.
        """
        import numpy as np
        import pyarrow as pa

        batch = self.settled(batch, where)
        if not batch.num_rows:
            return Processed(())
        first, second = both_hashes(batch)
        assigned = self._request.splits.assign(batch, first)
        if self._sample.share < 1:
            # Other rows count as ever: a sample must not change how many are malformed.
            assigned[(assigned >= 0) & ~self._sample.keeps(batch)] = _LEFT_OUT
        parts = []
        for number, name in enumerate(self._request.splits.names):
            mine = assigned == number
            if mine.any():
                rows = batch if mine.all() else batch.filter(pa.array(mine))
                parts.append(Part(name, rows, RowsDigest.of_hashes(first[mine], second[mine])))
        others = (int(np.count_nonzero(assigned == other)) for other in (NO_TIME, AFTER_END, _LEFT_OUT))
        return Processed(tuple(parts), *others)

    def settled(self, batch: "pa.RecordBatch", where: str) -> "pa.RecordBatch":
        """The batch as it is encoded: prepared, in canonical types, of the kinds found so far."""
        batch = self.prepared(batch, where)
        if self._check and batch.num_rows:
            self._request.check(batch.schema.names)
        return settle(canonical(batch, where), self._kinds, where)

    def prepared(self, batch: "pa.RecordBatch", where: str) -> "pa.RecordBatch":
        """What prepare_fn makes of the batch; the batch itself where there is none."""
        if self._prepare and batch.num_rows:
            return _prepared(self._prepare, self._request.prepare_fn, batch, where)
        return batch


def _prepared(function: Callable[[Any], Any], name: str, batch: "pa.RecordBatch", where: str) -> "pa.RecordBatch":
    import pyarrow as pa

    hint = f"The columns are: {', '.join(batch.schema.names)}."
    with errors_of(f"prepare_fn={name!r}", hint, verb=f"failed on {where}:"):
        prepared = function(batch)
    if not isinstance(prepared, pa.RecordBatch):
        raise UsageError(f"prepare_fn={name!r} returned {type(prepared).__name__}, expected a pyarrow.RecordBatch")
    return prepared
