"""The work of ExampleGen on this machine: files in, splits of tf.Examples and a summary out. No tfx."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from weighbridge.common import progress
from weighbridge.common.digests import value_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.columns import COLUMNS_FOLDER
from weighbridge.components.artifacts.examples import SPLIT_PREFIX
from weighbridge.components.example_gen import dvc, formats
from weighbridge.components.example_gen.feature_types import FeatureTypes, TypeChanged
from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.components.example_gen.infer import check_columns, infer_feature_types, newest_time
from weighbridge.components.example_gen.odd import NonFiniteCounts
from weighbridge.components.example_gen.process import TIMELESS, Processor, ReadRequest
from weighbridge.components.example_gen.reading import check_renamed, joined
from weighbridge.components.example_gen.resolve import Resolved, resolve
from weighbridge.components.example_gen.rows import RowsDigest
from weighbridge.components.example_gen.unchanged import Found, unchanged
from weighbridge.components.example_gen.write import QUARANTINE_FILE, QUARANTINE_FOLDER, QuarantineWriter, SplitWriter
from weighbridge.evidence.summary import ExamplesSummary, InputFile, QuarantinedRow, Split
from weighbridge.evidence.thresholds import ThresholdsInForce
from weighbridge.verdict import write_gates

_TOLD_ROWS = 3  # by a gate's message


def generate(request: ReadRequest, folder: str | Path, gates: ExamplesGates) -> ExamplesSummary:
    """Read `request.input`, write its splits, `summary.json` and `gates.json` into `folder`.

    Memory is bounded by a block of the input (16 MiB of CSV, 65,536 rows otherwise), not by the data.

    Args:
        request: what to read, and how.
        folder: folder of the Examples artifact; what an earlier attempt left there is replaced.
        gates: how many rows may be malformed.

    Returns:
        The summary.

    Raises:
        UsageError: the input is missing, empty, damaged, holds a file twice, or does not give every split a row.
        InfrastructureError: a file changed while it was read.
    """
    folder = Path(folder)
    resolved = resolve(request.input, request.span, request.window)
    feature_types = request.feature_types(), request.feature_types()
    with unchanged(resolved) as found:
        try:
            request, tally = _attempt(request, resolved, folder, *feature_types)
        except TypeChanged:
            # The first values did not tell the truth. Find out what does, then start again.
            feature_types = infer_feature_types(request, resolved.format, resolved.files, resolved.files[0])
            request, tally = _attempt(request, resolved, folder, *feature_types)
        return finish(request, resolved, found, folder, gates, tally, *feature_types)


@dataclass
class Tally:
    """Where the rows of the input went; each is counted once.

    Attributes:
        digests: rows of each split, and their digest.
        quarantined: malformed rows.
        after_end: rows that no split takes, since their time is not before the end.
        left_out: rows that the sample leaves out.
        lost: lines of the files that belong to no row; None where files have no lines.
        first: the first malformed rows.
        non_finite: values of numbers that are none.
    """

    digests: dict[str, RowsDigest]
    quarantined: int = 0
    after_end: int = 0
    left_out: int = 0
    lost: int | None = None
    first: list[QuarantinedRow] = field(default_factory=list)
    non_finite: NonFiniteCounts = field(default_factory=NonFiniteCounts)

    def lose(self, lines: int) -> None:
        """Take in that so many lines of a file belong to no row."""
        self.lost = (self.lost or 0) + lines

    @property
    def rows(self) -> int:
        """Rows of all splits."""
        return sum(digest.rows for digest in self.digests.values())

    @property
    def total(self) -> int:
        """All rows of the input."""
        return self.rows + self.quarantined + self.after_end + self.left_out


def finish(
    request: ReadRequest,
    resolved: Resolved,
    found: Mapping[str, Found],
    folder: Path,
    gates: ExamplesGates,
    tally: Tally,
    read_kinds: FeatureTypes,
    output_kinds: FeatureTypes,
) -> ExamplesSummary:
    """Check that every split has rows, and write `summary.json` and `gates.json`.

    Args:
        request: what was read; its splits are resolved.
        resolved: the files.
        found: what each of them was before it was read.
        folder: folder of the Examples artifact.
        gates: how many rows may be malformed.
        tally: where the rows went.
        read_kinds: kinds of the columns as they were read.
        output_kinds: kinds of the columns as they were encoded.

    Returns:
        The summary.

    Raises:
        UsageError: a split is empty, or a column that was named is nowhere in tf.Examples.
    """
    all_columns = formats.formats()[resolved.format].all_columns  # tf.Examples name only what they hold
    if not all_columns and read_kinds.seen:
        check_renamed(request.columns, read_kinds.seen, request.input)
    if not all_columns and output_kinds.found:
        request.check(output_kinds.found)
    if not tally.total:
        raise UsageError(f"There are no rows in {request.input}", f"Files: {', '.join(resolved.files)}.")
    empty = [name for name in request.splits.names if not tally.digests[name].rows]
    if empty and tally.total > tally.quarantined:  # if all are malformed, the gate refuses
        raise UsageError(f"Split {empty[0]!r} of {request.input} is empty: {_why(request, tally, empty[0])}")
    summary = _summary(request, resolved, found, tally, output_kinds)
    write_gates(folder, gates.judge(tally.quarantined, tally.total, tally.lost, _where(folder, gates, tally)))
    ThresholdsInForce(sections={"examples": gates.model_dump(mode="json")}).write(folder)
    summary.write(folder)
    return summary


def _where(folder: Path, gates: ExamplesGates, tally: Tally) -> str:
    """The first malformed rows, and where all of them are, in words."""
    if not tally.first:
        return ""
    if "warning" in (gates.severity, gates.rows_lost.severity):
        folder = Path()  # what later steps are given tells no place: the same data would be other data in each run
    shown = "; ".join(
        f"{f'row {each.row:,} of ' if each.row is not None else ''}{Path(each.file).name}: {each.reason}"
        for each in tally.first[:_TOLD_ROWS]
    )
    end = "" if shown.endswith("?") else "."
    return f"All are in {folder / QUARANTINE_FOLDER / QUARANTINE_FILE}. The first: {shown}{end}"


def _why(request: ReadRequest, tally: Tally, split: str) -> str:
    """Why a split is empty, in words."""
    share = request.sample.share
    sampled = f" in the sample={share:g} that leaves out {tally.left_out:,} rows" if share < 1 else ""
    column = request.splits.time_column
    if column is None:
        return f"{tally.rows:,} rows{sampled} are too few or on one side"
    others = ", ".join(f"{name} {digest.rows:,}" for name, digest in tally.digests.items() if name != split)
    description = [f"the others have: {others}"] * bool(others) + [f"after the end: {tally.after_end:,}"]
    return f"no row{sampled} has its {column!r} {request.splits.bounds(split)} ({'; '.join(description)})"


def _summary(
    request: ReadRequest, resolved: Resolved, found: Mapping[str, Found], tally: Tally, feature_types: FeatureTypes
) -> ExamplesSummary:
    digests = {name: tally.digests[name] for name in request.splits.names}
    return ExamplesSummary(
        splits={name: Split(rows=each.rows, content_digest=each.digest) for name, each in digests.items()},
        total_rows=tally.total,
        quarantined_rows=tally.quarantined,
        rows_after_end=tally.after_end,
        rows_left_out=tally.left_out,
        rows_lost=tally.lost,
        quarantined_first=tally.first,
        quarantine_file=f"{QUARANTINE_FOLDER}/{QUARANTINE_FILE}" if tally.quarantined else "",
        non_finite=tally.non_finite.summary(),
        time_splits=request.splits.time_splits,
        time_end=request.splits.time_end,
        sample=request.sample.share,
        content_digest=value_digest({name: each.digest for name, each in digests.items()}),
        files=[
            InputFile(path=path, bytes=file.identity.size, sha256=file.digest, span=resolved.spans.get(path))
            for path, file in found.items()
        ],
        dvc=dvc.tracked(path for path in found if path not in resolved.names) | dict(resolved.pointed),
        input_digest=resolved.digest({path: file.digest for path, file in found.items()}),
        span=resolved.span,
        columns={name: kind for name, kind in sorted(feature_types.found.items()) if name in feature_types.seen},
    )


def _attempt(
    request: ReadRequest, resolved: Resolved, folder: Path, read_kinds: FeatureTypes, output_kinds: FeatureTypes
) -> tuple[ReadRequest, Tally]:
    """Write the splits; the request that is returned has its splits resolved."""
    clear(folder)
    newest = None
    if request.splits.need_newest:
        newest = newest_time(request, resolved.format, resolved.files, read_kinds, output_kinds)
    request = request.model_copy(update={"splits": request.splits.resolved(newest)})
    all_columns = formats.formats()[resolved.format].all_columns
    process = Processor(request, output_kinds, check=all_columns)
    tally = Tally({name: RowsDigest() for name in request.splits.names})
    columns: tuple[str, ...] | None = None
    with _writers(request, folder) as (writers, quarantine):
        for path in resolved.files:
            add = partial(quarantine.add, path)
            batches = formats.read(path, resolved.format, read_kinds, add, columns=request.columns, lost=tally.lose)
            for batch in joined(batches):
                columns = columns or tuple(sorted(batch.schema.names))
                if all_columns:
                    check_columns(columns, batch.schema.names, path, resolved.files[0])
                processed = process(batch, path)
                for part in processed.parts:
                    writers[part.split].write(part.rows)
                    tally.digests[part.split] += part.digest
                    tally.non_finite.add(part.rows)
                for _ in range(processed.timeless):
                    quarantine.add(path, None, TIMELESS)
                tally.after_end += processed.after_end
                tally.left_out += processed.left_out
                progress.report(f"{tally.rows:,} rows")
        tally.quarantined, tally.first = quarantine.rows, quarantine.first
        return request, tally


@contextmanager
def _writers(request: ReadRequest, folder: Path) -> "Iterator[tuple[dict[str, SplitWriter], QuarantineWriter]]":
    """Writers of all splits and of the quarantine, finished at the end."""
    with ExitStack() as stack:
        writers = {name: stack.enter_context(SplitWriter(folder, name)) for name in request.splits.names}
        yield writers, stack.enter_context(QuarantineWriter(folder))


def clear(folder: Path) -> None:
    """Remove what an earlier attempt left."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*folder.glob(f"{SPLIT_PREFIX}*"), folder / COLUMNS_FOLDER, folder / QUARANTINE_FOLDER]:
        shutil.rmtree(path, ignore_errors=True)
