"""The work of ExampleGen on Beam, for inputs that one machine cannot hold: the same rows, splits and digests. No tfx.

Two passes over the files, which are the units of work: the kinds of all columns, then the rows. Between them a third,
for the newest time, if splits start so long before it.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam

from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.examples import split_folder
from weighbridge.components.example_gen import formats
from weighbridge.components.example_gen.encode import encode
from weighbridge.components.example_gen.feature_types import FeatureTypes, TypeChanged
from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.components.example_gen.generate import Tally, clear, finish
from weighbridge.components.example_gen.infer import infer_feature_types, newest_time
from weighbridge.components.example_gen.odd import NonFiniteCounts
from weighbridge.components.example_gen.process import TIMELESS, Processor, ReadRequest
from weighbridge.components.example_gen.reading import joined
from weighbridge.components.example_gen.resolve import resolve
from weighbridge.components.example_gen.rows import RowsDigest
from weighbridge.components.example_gen.unchanged import unchanged
from weighbridge.components.example_gen.write import QuarantineWriter
from weighbridge.evidence.summary import ExamplesSummary, QuarantinedRow

_SCRATCH = ".beam"
_DIGESTS, _OTHERS, _MALFORMED = ".digests", ".others", ".malformed"


def generate_on_beam(
    request: ReadRequest, folder: str | Path, gates: ExamplesGates, make_pipeline: Callable[[], Any]
) -> ExamplesSummary:
    """As `generate.generate`, on the runner of the pipelines that `make_pipeline` makes.

    Args:
        request: what to read, and how.
        folder: folder of the Examples artifact, which the workers must be able to write.
        gates: how many rows may be malformed.
        make_pipeline: makes an empty Beam pipeline.

    Returns:
        The summary.

    Raises:
        UsageError, InfrastructureError: as `generate.generate`.
    """
    folder = Path(folder)
    scratch = folder / _SCRATCH
    resolved = resolve(request.input, request.span, request.window)
    clear(folder)
    with unchanged(resolved) as before:
        try:
            with make_pipeline() as pipeline:
                files = pipeline | "Files" >> beam.Create(resolved.files)
                found = files | "Kinds" >> beam.Map(_infer, request, resolved.format, resolved.files[0])
                _write_lines(found, scratch / "kinds")
            read_kinds, output_kinds = request.feature_types(), request.feature_types()
            for (read_found, read_seen), (output_found, output_seen) in _read_lines(scratch / "kinds"):
                read_kinds.merge(FeatureTypes(read_found, seen=set(read_seen)))
                output_kinds.merge(FeatureTypes(output_found, seen=set(output_seen)))
            newest = None
            if request.splits.need_newest:
                with make_pipeline() as pipeline:
                    times = (
                        pipeline
                        | "Times of" >> beam.Create(resolved.files)
                        | "Newest" >> beam.FlatMap(_newest, request, resolved.format, read_kinds, output_kinds)
                        | "Latest" >> beam.CombineGlobally(_latest)
                    )
                    _write_lines(times, scratch / "newest")
                [newest] = _read_lines(scratch / "newest")
            request = request.model_copy(update={"splits": request.splits.resolved(newest)})
            with make_pipeline() as pipeline:
                rows = (
                    pipeline
                    | "Inputs" >> beam.Create(resolved.files)
                    | "Spread" >> beam.Reshuffle()
                    | "Rows"
                    >> beam.FlatMap(_process, request, resolved.format, read_kinds, output_kinds).with_outputs(
                        *request.splits.names, _DIGESTS, _OTHERS, _MALFORMED
                    )
                )
                for name in request.splits.names:
                    prefix = str(split_folder(str(folder), name) / "data_tfrecord")
                    rows[name] | f"Write {name}" >> beam.io.WriteToTFRecord(prefix, file_name_suffix=".gz")
                _write_lines(rows[_DIGESTS], scratch / "digests")
                _write_lines(rows[_OTHERS], scratch / "others")
                rows[_MALFORMED] | "Malformed" >> beam.io.WriteToText(str(scratch / "rows"), file_name_suffix=".jsonl")
            tally = Tally({name: RowsDigest() for name in request.splits.names})
            for name, count, sums in _read_lines(scratch / "digests"):
                tally.digests[name] += RowsDigest(count, (sums[0], sums[1]))
            for after_end, left_out, lost, nan, infinite in _read_lines(scratch / "others"):
                tally.after_end += after_end
                tally.left_out += left_out
                tally.non_finite.merge(nan, infinite)
                if lost is not None:
                    tally.lose(lost)
            tally.quarantined, tally.first = _quarantine(scratch, folder)
        except RuntimeError as error:  # how Beam tells of an error in a worker
            raise _cause(error) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return finish(request, resolved, before, folder, gates, tally, read_kinds, output_kinds)


def _infer(path: str, request: ReadRequest, format_: str, first: str) -> list[Any]:
    """Kinds of a file's columns as they are read, and as they are encoded."""
    read_kinds, output_kinds = infer_feature_types(request, format_, [path], first)
    return [[feature_types.found, sorted(feature_types.seen)] for feature_types in (read_kinds, output_kinds)]


def _newest(
    path: str, request: ReadRequest, format_: str, read_kinds: FeatureTypes, output_kinds: FeatureTypes
) -> list[int]:
    """The latest time of a file's rows, if one has a time."""
    time = newest_time(request, format_, [path], read_kinds, output_kinds)
    return [] if time is None else [time]


def _latest(times: Iterable[int | None]) -> int | None:
    return max((time for time in times if time is not None), default=None)


def _process(
    path: str, request: ReadRequest, format_: str, read_kinds: FeatureTypes, output_kinds: FeatureTypes
) -> Iterator[Any]:
    """Records by split, digests by batch, and malformed rows of one file."""
    malformed: list[tuple[int | None, str, str | None]] = []
    lost: list[int] = []

    def add(row: int, reason: str, line: str) -> None:
        malformed.append((row, reason, line))

    def description() -> Iterator[Any]:
        for row, reason, line in malformed:
            # In ASCII, since what else ends a line for Python stands in texts too.
            text = json.dumps({"file": path, "row": row, "reason": reason, "line": line})
            yield beam.pvalue.TaggedOutput(_MALFORMED, text)
        malformed.clear()

    process = Processor(request, output_kinds, check=formats.formats()[format_].all_columns)
    try:
        batches = formats.read(path, format_, read_kinds, add, columns=request.columns, lost=lost.append)
        for batch in joined(batches):
            processed, odd = process(batch, path), NonFiniteCounts()
            for part in processed.parts:
                odd.add(part.rows)
                for record in encode(part.rows).to_pylist():
                    yield beam.pvalue.TaggedOutput(part.split, record)
                digest = [part.split, part.digest.rows, part.digest.sums]
                yield beam.pvalue.TaggedOutput(_DIGESTS, digest)
            yield beam.pvalue.TaggedOutput(
                _OTHERS, [processed.after_end, processed.left_out, None, odd.nan, odd.infinite]
            )
            malformed += [(None, TIMELESS, None)] * processed.timeless
            yield from description()
        yield from description()  # those behind the last batch
        for lines in lost:
            yield beam.pvalue.TaggedOutput(_OTHERS, [0, 0, lines, {}, {}])
    except TypeChanged as change:
        raise UsageError(
            f"Column {change.column!r} of {path} is {change.kind}, but not in the other files",
            "Name its type in the schema.",
        ) from change


def _write_lines(values: Any, prefix: Path) -> None:
    lines = values | f"JSON {prefix.name}" >> beam.Map(json.dumps)
    lines | f"Lines {prefix.name}" >> beam.io.WriteToText(str(prefix), file_name_suffix=".jsonl")


def _read_lines(prefix: Path) -> Iterable[Any]:
    for path in sorted(prefix.parent.glob(f"{prefix.name}-*.jsonl")):
        for line in path.read_text().splitlines():
            yield json.loads(line)


def _quarantine(scratch: Path, folder: Path) -> tuple[int, list[QuarantinedRow]]:
    """Bring the malformed rows into the one file that `generate` writes; how many there are, and the first."""
    with QuarantineWriter(folder) as quarantine:
        for line in _read_lines(scratch / "rows"):
            quarantine.add(**line)
        return quarantine.rows, quarantine.first


def _cause(error: BaseException) -> BaseException:
    """The UsageError behind what Beam raised, or the error itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, UsageError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error
