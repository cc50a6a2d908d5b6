"""The work of ExampleGen on this machine: files in, splits of tf.Examples and a summary out. No tfx."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from components.common import files, progress
from components.common.columns import COLUMNS_FOLDER
from components.common.digests import value_digest
from components.common.errors import UsageError
from components.common.examples import SPLIT_PREFIX, SUMMARY_FILE
from components.example_gen import readers, storage
from components.example_gen.gates import ExamplesGates
from components.example_gen.infer import check_columns, infer_kinds
from components.example_gen.kinds import Kinds, TypeChanged
from components.example_gen.process import TIMELESS, Processor, Request
from components.example_gen.resolve import Resolved, files_digest, resolve
from components.example_gen.rows import RowsDigest
from components.example_gen.write import QUARANTINE_FOLDER, QuarantineWriter, SplitWriter
from components.verdict import write_gates


def generate(request: Request, folder: str | Path, gates: ExamplesGates) -> dict[str, Any]:
    """Read `request.input`, write its splits, `summary.json` and `gates.json` into `folder`.

    Memory is bounded by a block of the input (16 MiB of CSV, 65,536 rows otherwise), not by the data.

    Args:
        request: what to read, and how.
        folder: folder of the Examples artifact; what an earlier attempt left there is replaced.
        gates: how many rows may be malformed.

    Returns:
        The summary, see `summary`.

    Raises:
        UsageError: the input is missing, empty, damaged, or does not give every split a row.
    """
    resolved = resolve(request.input, request.span, request.window)
    kinds = request.kinds(), request.kinds()
    try:
        digests, quarantined = _attempt(request, resolved, Path(folder), *kinds)
    except TypeChanged:
        # The first values did not tell the truth. Find out what does, then start again.
        kinds = infer_kinds(request, resolved.format, resolved.files, resolved.files[0])
        digests, quarantined = _attempt(request, resolved, Path(folder), *kinds)
    return finish(request, resolved, Path(folder), gates, digests, quarantined, kinds[1])


def finish(
    request: Request,
    resolved: Resolved,
    folder: Path,
    gates: ExamplesGates,
    digests: dict[str, RowsDigest],
    quarantined: int,
    kinds: Kinds,
) -> dict[str, Any]:
    """Check that every split has rows, and write `summary.json` and `gates.json`.

    Raises:
        UsageError: a split is empty, or a column that decides on splits is nowhere in tf.Examples.
    """
    if resolved.format == "tfrecord" and kinds.found:  # tf.Examples name only what they hold
        request.splits.check(kinds.found)
    rows = sum(digest.rows for digest in digests.values())
    total = rows + quarantined
    if not total:
        raise UsageError(f"There are no rows in {request.input}", f"Files: {', '.join(resolved.files)}.")
    empty = [name for name in request.splits.names if not digests.get(name, RowsDigest()).rows]
    if empty and rows:
        raise UsageError(f"Split {empty[0]!r} of {request.input} is empty: {rows:,} rows are too few or on one side")
    summary = _summary(request, resolved, digests, quarantined, kinds)
    write_gates(folder, gates.judge(quarantined, total))
    files.write_json(folder / SUMMARY_FILE, summary)
    return summary


def _summary(
    request: Request, resolved: Resolved, digests: dict[str, RowsDigest], quarantined: int, kinds: Kinds
) -> dict[str, Any]:
    splits = {
        name: {"rows": digest.rows, "content_digest": digest.digest}
        for name in request.splits.names
        for digest in [digests.get(name, RowsDigest())]
    }
    found = {path: storage.digest(path) for path in resolved.files}
    return {
        "splits": splits,
        "total_rows": sum(digest.rows for digest in digests.values()) + quarantined,
        "quarantined_rows": quarantined,
        "content_digest": value_digest({name: split["content_digest"] for name, split in splits.items()}),
        "files": [{"path": path, "bytes": storage.size(path), "sha256": sha256} for path, sha256 in found.items()],
        "input_digest": files_digest(found),
        "span": resolved.span,
        "columns": {name: kind for name, kind in sorted(kinds.found.items()) if name in kinds.seen},
    }


def _attempt(
    request: Request, resolved: Resolved, folder: Path, read_kinds: Kinds, output_kinds: Kinds
) -> tuple[dict[str, RowsDigest], int]:
    clear(folder)
    process = Processor(request, output_kinds, check=resolved.format != "tfrecord")
    digests = {name: RowsDigest() for name in request.splits.names}
    columns: tuple[str, ...] | None = None
    with _writers(request, folder) as (writers, quarantine):
        for path in resolved.files:
            for batch in readers.read(path, resolved.format, read_kinds, partial(quarantine.add, path)):
                columns = columns or tuple(sorted(batch.schema.names))
                if resolved.format != "tfrecord":
                    check_columns(columns, batch.schema.names, path, resolved.files[0])
                processed = process(batch, path)
                for part in processed.parts:
                    writers[part.split].write(part.rows)
                    digests[part.split] += part.digest
                for _ in range(processed.timeless):
                    quarantine.add(path, None, TIMELESS)
                progress.report(f"{sum(digest.rows for digest in digests.values()):,} rows")
        return digests, quarantine.rows


@contextmanager
def _writers(request: Request, folder: Path) -> "Iterator[tuple[dict[str, SplitWriter], QuarantineWriter]]":
    """Writers of all splits and of the quarantine, finished at the end."""
    with ExitStack() as stack:
        writers = {name: stack.enter_context(SplitWriter(folder, name)) for name in request.splits.names}
        yield writers, stack.enter_context(QuarantineWriter(folder))


def clear(folder: Path) -> None:
    """Remove what an earlier attempt left."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*folder.glob(f"{SPLIT_PREFIX}*"), folder / COLUMNS_FOLDER, folder / QUARANTINE_FOLDER]:
        shutil.rmtree(path, ignore_errors=True)
