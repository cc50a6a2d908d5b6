"""`summary.json` of an Examples artifact: rows, digests, columns, and where they came from."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from pydantic import Field

from weighbridge.evidence.base import Document, EvidenceFile

SUMMARY_FILE = "summary.json"

Moment = str | int | float


class Split(Document):
    """Rows and digest of one split."""

    rows: int
    content_digest: str


class InputFile(Document):
    """A file that was read.

    Attributes:
        path: where it was read.
        bytes: its size.
        sha256: digest of its bytes, `sha256:…`.
        span: that it is of; None where the input has none, or an earlier version wrote this.
    """

    path: str
    bytes: int
    sha256: str
    span: int | None = None

    def called(self, dvc: Mapping[str, str]) -> str:
        """Its path in the working tree, also where its bytes were read from DVC's cache.

        Args:
            dvc: MD5 of the files that DVC tracks, by path. In the cache `ab/cdef…` are the bytes of MD5 `abcdef…`.
        """
        md5 = "".join(PurePosixPath(self.path).parts[-2:])
        return next((path for path, known in dvc.items() if known == md5), self.path)


class QuarantinedRow(Document):
    """A malformed row as people are shown it; long texts are cut.

    Attributes:
        file: that it stands in.
        row: its number, the header of a CSV file being 1; None where only the reason is known.
        reason: why it is malformed.
        line: its text, where that is known.
    """

    file: str
    row: int | None
    reason: str
    line: str | None = None


class NonFinite(Document):
    """How many values of a column are no finite numbers."""

    nan: int
    infinite: int


class DataSummary(EvidenceFile):
    """What every step that writes Examples says of them; each adds what it knows besides.

    Attributes:
        splits: by name.
        total_rows: of the input, or of all splits where the step makes rows of its own.
        content_digest: of all rows, whatever their order.
        columns: `int64`, `float` or `bytes`, by name.
    """

    FILE: ClassVar[str] = SUMMARY_FILE

    splits: dict[str, Split]
    total_rows: int
    content_digest: str
    columns: dict[str, str]


class ExamplesSummary(DataSummary):
    """What ExampleGen says of its examples.

    Attributes:
        quarantined_rows: malformed rows.
        rows_after_end: rows that no split takes, since their time is not before the end.
        rows_left_out: rows that the sample leaves out.
        rows_lost: lines of the files that belong to no row; None where files have no lines, as Parquet has none.
        quarantined_first: the first malformed rows.
        quarantine_file: where all of them are, below the artifact's folder; empty where there are none.
        non_finite: NaN and infinite values of the rows of all splits, by column; of those columns that have any.
        time_splits: where each split begins in time; empty where rows are not split by time.
        time_end: before which all rows are; None for no such end.
        sample: the share of the rows that was kept, 1 for all.
        files: that were read.
        dvc: MD5 of those files that DVC tracks, by path: what a pointer or `dvc.lock` says, and they are.
        input_digest: of their contents.
        span: newest span that was read; None where the input has none.
    """

    quarantined_rows: int
    rows_after_end: int
    rows_left_out: int
    rows_lost: int | None = None
    quarantined_first: list[QuarantinedRow] = Field(default_factory=list)
    quarantine_file: str = ""
    non_finite: dict[str, NonFinite] = Field(default_factory=dict)
    time_splits: dict[str, Moment | None]
    time_end: Moment | None
    sample: float
    files: list[InputFile]
    dvc: dict[str, str] = Field(default_factory=dict)
    input_digest: str
    span: int | None


class AnySummary(DataSummary, extra="ignore"):
    """The summary of whichever step wrote the Examples: what can be read of it without knowing the step.

    Attributes:
        span: None where the step knows of none.
        input_digest: of the files that were read; empty where the step read none, or does not say.
        sample: as it stands in the file, 1 where it says nothing; the reader judges it.
        files: that were read; empty where the step read none, or does not say.
        dvc: MD5 of those files that DVC tracks, by path.
        time_splits: where each split begins in time; empty where rows are not split by time.
        time_end: before which all rows are; None for no such end.
    """

    span: int | None = None
    input_digest: str = ""
    sample: Any = 1.0
    files: list[InputFile] = Field(default_factory=list)
    dvc: dict[str, str] = Field(default_factory=dict)
    time_splits: dict[str, Moment | None] = Field(default_factory=dict)
    time_end: Moment | None = None
